"""Loads Keras files, in a process with Keras 3; never with code that nobody has named."""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras


def load_saved(path: Path, modules: Sequence[Mapping[str, Any]]) -> Any:
    """Return the model in a file; Keras's safe mode is on.

    :param modules: those with objects of the model's own: ``name``, ``root`` (the folder to import
        it from, None for an installed one) and ``files`` (the sources that results depend on).
    :raises ValueError: a module cannot be imported, or reads a file that is not among its own.
    """
    objects: dict[str, Any] = {}
    for module in modules:
        objects |= _objects(module)
    _check_sources(modules)
    with keras.saving.custom_object_scope(objects):
        return _load(path)


def _load(path: Path) -> Any:
    """Load a Keras file; Keras knows its forms by their suffix, in lower case only."""
    if path.suffix == path.suffix.lower():
        return keras.saving.load_model(path, compile=False)
    with tempfile.TemporaryDirectory() as directory:
        named = Path(directory) / f"model{path.suffix.lower()}"
        named.symlink_to(path.resolve())
        return keras.saving.load_model(named, compile=False)


def _objects(module: Mapping[str, Any]) -> dict[str, Any]:
    """Import a module and return what it defines by name."""
    name, root = module["name"], module["root"]
    if root is not None:
        sys.path.insert(0, root)
    try:
        loaded = importlib.import_module(name)
    except Exception as error:
        raise ValueError(
            f"custom_objects: module {name!r} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    return {key: value for key, value in vars(loaded).items() if not key.startswith("_")}


def _check_sources(modules: Sequence[Mapping[str, Any]]) -> None:
    """Check that all that was imported from the project is known to depend on.

    A result would else be taken from the cache after such a file has changed.
    """
    roots = {Path(module["root"]).resolve() for module in modules if module["root"] is not None}
    known = {str(Path(file).resolve()) for module in modules for file in module["files"]}
    for other in list(sys.modules.values()):
        source = getattr(other, "__file__", None)
        if not isinstance(source, str) or "site-packages" in source:
            continue
        path = Path(source).resolve()
        if str(path) not in known and any(path.is_relative_to(root) for root in roots):
            names = [*(module["name"] for module in modules), other.__name__]
            raise ValueError(
                f"custom_objects: what it names imports {path}, on which results depend; name that "
                f"too: custom_objects = {names}"
            )
