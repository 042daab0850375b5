"""Where the models of a project are, and what they are called."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.models import formats
from pytest_tinyquant.system.plain_text import harmless


# Folders and files of a models directory that hold no model.
_NOT_MODELS = {"weights", "data", "known_issues.toml"}
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
        if entry.is_dir() and not formats.is_saved_model(entry):
            for path in _walk(entry, skip=set()):
                if formats.suffix_of(path) != ".toml":
                    yield model_name(path, entry), path
        else:
            yield model_name(entry, entry.parent), entry


def settings_file(path: Path) -> Path:
    """Return where the settings of a model file or SavedModel folder are."""
    stem = path.name if formats.suffix_of(path) == ".toml" else formats.stem_of(path)
    return path.parent / f"{stem}.toml"


def model_name(path: Path, root: Path) -> str:
    """Return the name of the model `path`: relative to `root`, without suffix, lower case."""
    name = path.relative_to(root).with_name(formats.stem_of(path)).as_posix().lower()
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


def passed_over(models_dir: Path, extra: Sequence[Path]) -> Iterator[str]:
    """Yield a sentence for each file in the folders that looks like a model and is not read."""
    folders = [(models_dir, _NOT_MODELS), *((e, set[str]()) for e in extra if e.is_dir())]
    for root, skip in folders:
        for here, _, files in _folders(root, skip):
            for name in files:
                if why := formats.why_no_model(here / name):
                    yield f"{_shown(here / name)}: not tested: {why}"


def _walk(root: Path, *, skip: set[str]) -> Iterator[Path]:
    """Yield what may be a model below `root`; `skip` names entries directly in it."""
    for here, folders, files in _folders(root, skip):
        if not files and not folders and formats.is_saved_model(here):
            yield here
            continue
        models = [here / name for name in files if formats.is_model(here / name)]
        saved = [here / name for name in folders if formats.is_saved_model(here / name)]
        settings = {settings_file(path) for path in (*models, *saved)}
        yield from models
        for name in files:
            path = here / name
            if formats.suffix_of(path) == ".toml" and path not in settings:
                _check_case(path)
                yield path


def _folders(root: Path, skip: set[str]) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Yield each folder below `root` with those of its folders and files that may be models.

    A SavedModel's folder comes without any: what lies in it belongs to it.
    """
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        if formats.SAVED_MODEL in names:
            folders.clear()
            yield here, [], []
            continue
        ignored = skip if here == root else set()
        folders[:] = sorted(name for name in folders if name[0] != "." and name not in ignored)
        files = sorted(name for name in names if name[0] != "." and name not in ignored)
        yield here, folders, files


def _check_case(path: Path) -> None:
    """Refuse a description in upper case, whose weights would be looked for under its name."""
    if path.suffix != ".toml":
        raise ConfigurationError(
            f"{_shown(path)}: settings have the suffix '.toml', not {path.suffix!r}; rename it"
        )
