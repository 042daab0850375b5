"""What other plugins bring to a run, and take away with it."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from typing import Final

import pytest

from pytest_tinyquant.errors import ConfigurationError


_REGISTRIES: Final = {
    "pytest_tinyquant_metrics": "pytest_tinyquant.metrics.registry:METRICS",
    "pytest_tinyquant_kinds": "pytest_tinyquant.project.kinds:KINDS",
    "pytest_tinyquant_runtimes": "pytest_tinyquant.support.runtimes:RUNTIMES",
}
"""Where what a hook returns is registered, by the hook's name."""

_REGISTERED: pytest.StashKey[list[tuple[str, str]]] = pytest.StashKey()


def register_all(config: pytest.Config) -> None:
    """Register what the hooks of all plugins return.

    :raises pytest.UsageError: one thing cannot be registered.
    """
    registered = config.stash[_REGISTERED] = []
    for hook, registry in _REGISTRIES.items():
        for item in returned(config, hook):
            with _as_usage_error():
                _registry(registry).register(item)
            registered.append((registry, item.name))


def unregister_all(config: pytest.Config) -> None:
    """Take out what :func:`register_all` added: another run in this process has its own."""
    for registry, name in config.stash.get(_REGISTERED, ()):
        _registry(registry).unregister(name)


def brought_files(config: pytest.Config, hook: str) -> tuple[Path, ...]:
    """Return the files that plugins bring by a hook.

    :raises pytest.UsageError: one of them is not there.
    """
    files = tuple(map(Path, returned(config, hook)))
    for file in files:
        if not file.is_file():
            raise pytest.UsageError(
                f"{hook}: {file} does not exist; a plugin returned it, which has "
                "to bring that file along"
            )
    return files


def returned(config: pytest.Config, hook: str, **arguments: Any) -> list[Any]:
    """Return everything that the implementations of a hook return, the last plugin's first.

    :raises pytest.UsageError: one of them makes something that cannot be.
    """
    if not is_implemented(config, hook):
        return []
    caller = getattr(config.hook, hook)
    with _as_usage_error():
        return [item for found in caller(config=config, **arguments) for item in found or ()]


def is_implemented(config: pytest.Config, hook: str) -> bool:
    """Tell whether any plugin implements a hook.

    Every run of pytest asks, and in most of them nobody does: nothing is imported for it then.
    """
    return bool(getattr(config.hook, hook).get_hookimpls())


def _registry(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


@contextlib.contextmanager
def _as_usage_error() -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        raise pytest.UsageError(str(error)) from error
