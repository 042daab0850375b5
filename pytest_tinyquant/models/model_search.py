"""Where the models of a project are, and what they are called."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.system.plain_text import harmless


SAVED_MODEL = "saved_model.pb"

# Folders and files of a models directory that hold no model.
_NOT_MODELS = {"weights", "data", "known_issues.toml"}
_MODEL_SUFFIXES = {".keras", ".onnx", ".pt2", ".tflite"}
_LONGEST = 120
_NAME = re.compile(r"[a-z0-9][a-z0-9._+-]*(/[a-z0-9][a-z0-9._+-]*)*")


def find_models(models_dir: Path, extra: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Yield name and path of each model in `models_dir` and `extra`.

    In `extra`, files and folders of other people, a ``.toml`` is no model. Raises
    ConfigurationError for an entry of `extra` that does not exist.
    """
    for path in _walk(models_dir, skip=_NOT_MODELS):
        yield model_name(path, models_dir), path
    for entry in extra:
        if not entry.exists():
            raise ConfigurationError(f"{entry}: no such model file or folder; correct the path")
        if entry.is_dir() and not (entry / SAVED_MODEL).is_file():
            for path in _walk(entry, skip=set()):
                if path.suffix != ".toml":
                    yield model_name(path, entry), path
        else:
            yield model_name(entry, entry.parent), entry


def settings_file(path: Path) -> Path:
    """Return where the settings of a model file or SavedModel folder are."""
    stem = path.stem if path.suffix in _MODEL_SUFFIXES else path.name
    return path.parent / f"{stem}.toml"


def model_name(path: Path, root: Path) -> str:
    """Return the name of the model `path`: relative to `root`, without suffix, lower case."""
    relative = path.relative_to(root)
    if path.suffix in {*_MODEL_SUFFIXES, ".toml"}:
        relative = relative.with_suffix("")
    name = relative.as_posix().lower()
    if len(path.name) > _LONGEST:
        raise ConfigurationError(
            f"{_shown(path)}: its name becomes part of file names together with scheme and board, "
            f"so it has {_LONGEST} characters at most, not {len(path.name)}; rename it"
        )
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{_shown(path)}: its name becomes part of test ids and file names, so it consists of "
            "letters, digits, '.', '_', '+' and '-' and begins with a letter or digit; rename it"
        )
    return name


def _shown(path: Path) -> str:
    """Return a path whose name is not to be trusted, in one line."""
    return harmless(str(path), one_line=True)


def _check_case(path: Path) -> None:
    """Refuse a suffix in upper case, rather than to pass over the model."""
    suffix = path.suffix
    if suffix.lower() in {*_MODEL_SUFFIXES, ".toml"} and suffix != suffix.lower():
        raise ConfigurationError(
            f"{_shown(path)}: models have the suffix {suffix.lower()!r}, not {suffix!r}; rename it"
        )


def _walk(root: Path, *, skip: set[str]) -> Iterator[Path]:
    """Yield what may be a model below `root`; `skip` names entries directly in it."""
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        ignored = skip if here == root else set()
        if SAVED_MODEL in names:
            folders.clear()
            yield here
            continue
        folders[:] = sorted(name for name in folders if name[0] != "." and name not in ignored)
        files = sorted(name for name in names if name[0] != "." and name not in ignored)
        for name in files:
            _check_case(here / name)
        models = [here / name for name in files if Path(name).suffix in _MODEL_SUFFIXES]
        saved = [here / name for name in folders if (here / name / SAVED_MODEL).is_file()]
        settings = {settings_file(path) for path in (*models, *saved)}
        yield from models
        for name in files:
            if Path(name).suffix == ".toml" and here / name not in settings:
                yield here / name
