"""What can be compared: images, runs, baselines, and the baselines of a revision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.baselines import schema
from pytest_tinyquant.baselines.noise import FILE_NAME as NOISE_FILE
from pytest_tinyquant.errors import BaselineError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import RevisionError
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.system.git import Repository
from pytest_tinyquant.system.json_text import parse_json
from pytest_tinyquant.system.regular_file import TEXT_LIMIT
from pytest_tinyquant.system.regular_file import read_bytes


if TYPE_CHECKING:
    from pytest_tinyquant.firmware.elf import Elf

_ELF_MAGIC: Final = b"\x7fELF"

#: Folder of figures that others published: no baselines.
_PUBLISHED: Final = "published"


@dataclass(frozen=True)
class Source:
    """One side: measurements by combination and target, or an image."""

    name: str
    measurements: dict[str, Measurement]
    image: Elf | None = None


def load(text: str, baselines: Path) -> Source:
    """Return what ``text`` names: a file, a directory, a revision or ``REVISION:PATH``.

    :param baselines: the project's directory of baselines, which a revision stands for.
    :raises ConfigurationError: it is neither a path nor a revision, or nothing to compare.
    :raises BaselineError: a baseline in it is damaged.
    """
    path = Path(text)
    if path.is_dir():
        files = ((file.relative_to(path), file) for file in sorted(path.rglob("*.json")))
        texts = ((file, _text(file)) for name, file in files if _is_baseline(name))
        return Source(text, _baselines(texts, text))
    if path.is_file():
        return _file(text, path)
    return _revision(text, baselines)


def _file(name: str, path: Path) -> Source:
    content = read_bytes(path)
    if content.startswith(_ELF_MAGIC):
        from pytest_tinyquant.firmware.elf import Elf

        return Source(name, {}, Elf(path))
    try:
        document = parse_json(content)
    except ValueError as error:
        raise ConfigurationError(f"{name}: neither an image (ELF) nor JSON: {error}") from error
    if isinstance(document, dict) and "combinations" in document:
        return Source(name, _run(document, name))
    return Source(name, _by_name([schema.parse(schema.decode(content, path), path)]))


def _text(path: Path) -> str:
    """Return the text of a baseline file; raises BaselineError for one that is unreadable."""
    try:
        content = read_bytes(path, TEXT_LIMIT)
    except OSError as error:
        raise BaselineError(f"baseline {path} cannot be read ({error.strerror})") from error
    return schema.decode(content, path)


def _run(document: dict[str, Any], name: str) -> dict[str, Measurement]:
    """Return the measurements in a run's JSON file."""
    try:
        found = [
            Measurement.from_json(combination["measurement"])
            for combination in document["combinations"].values()
            if combination.get("measurement")
        ]
    except Exception as error:
        # A measurement of JSON types may lack anything, or hold it as another type.
        raise ConfigurationError(
            f"{name}: this run's file is of another version ({error!r}); write it anew with "
            "--tq-json"
        ) from error
    if not found:
        raise ConfigurationError(
            f"{name}: this run's file holds no measurements; write it anew with --tq-json"
        )
    return _by_name(found)


def _revision(text: str, baselines: Path) -> Source:
    revision, colon, given = text.partition(":")
    start = next(p for p in (baselines, *baselines.parents) if p.is_dir())
    try:
        repository = Repository.around(start)
        commit = repository.commit(revision)
    except RevisionError as error:
        raise ConfigurationError(f"{text}: no such file or directory, and {error}") from error
    root = repository.root.resolve()
    # git's own notation: REVISION:PATH counts from the repository's root, ./PATH from here.
    folder = given if colon else _within(root, baselines, text)
    if given.startswith("./"):
        folder = _within(root, Path.cwd() / given, text)
    names = [
        name
        for name in repository.files(commit, folder)
        if name == folder or _is_baseline(PurePosixPath(name).relative_to(folder))
    ]
    contents = repository.read(commit, names)
    texts = ((Path(name), schema.decode(content, Path(name))) for name, content in contents.items())
    return Source(text, _baselines(texts, f"{folder} of {text}"))


def _within(root: Path, path: Path, text: str) -> str:
    """Return a path as git names it.

    :raises ConfigurationError: it lies outside of the repository.
    """
    resolved = path.resolve()
    if not resolved.is_relative_to(root):
        raise ConfigurationError(f"{text}: {resolved} lies outside of the repository {root}")
    return resolved.relative_to(root).as_posix()


def _is_baseline(name: PurePosixPath | Path) -> bool:
    return name.suffix == ".json" and name.name != NOISE_FILE and name.parts[0] != _PUBLISHED


def _baselines(texts: Iterable[tuple[Path, str]], where: str) -> dict[str, Measurement]:
    found = [schema.parse(text, path) for path, text in texts]
    if not found:
        raise ConfigurationError(f"{where}: no baselines are there; name their directory or a file")
    return _by_name(found)


def _by_name(found: Iterable[Measurement]) -> dict[str, Measurement]:
    return {f"{m.combination} {m.target}": m for m in found}
