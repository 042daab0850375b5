"""The files ``tinyquant init`` writes: those below ``scaffold/``, without their suffix."""

from __future__ import annotations

import configparser
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_tinyquant.errors import ConfigurationError


_TEMPLATES = Path(__file__).parent / "scaffold"
_BOARDS = "host nucleo-l4r5zi"
_INI_SECTIONS = {
    "pyproject.toml": "[tool.pytest",
    "pytest.ini": "[pytest]",
    ".pytest.ini": "[pytest]",
    "tox.ini": "[pytest]",
    "setup.cfg": "[tool:pytest]",
}


def write_scaffold(directory: Path) -> Iterator[tuple[Path, bool]]:
    """Write the files below `directory`, yielding each path and whether it was written.

    A file that exists is kept. So is a pytest configuration in another file: pytest would read
    only one of them.

    :raises ConfigurationError: if a file cannot be written.
    """
    for template in sorted(_TEMPLATES.rglob("*.in")):
        path = directory / template.relative_to(_TEMPLATES).with_suffix("")
        configured = path.name == "pytest.ini" and _configuration(directory)
        if path.exists() or configured:
            yield (configured or path), False
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(template.read_text("utf-8"), "utf-8")
        except OSError as error:
            raise ConfigurationError(
                f"{path} cannot be written: {error.strerror}; make {path.parent} writable, or call "
                "tinyquant init in another directory"
            ) from error
        yield path, True


def _configuration(directory: Path) -> Path | None:
    """Return the file that holds the directory's pytest configuration, if there is one."""
    for name, section in _INI_SECTIONS.items():
        file = directory / name
        if file.is_file() and section in file.read_text("utf-8"):
            return file
    return None


def lines_to_add(kept: Path) -> list[str]:
    """Return what a file with pytest's configuration lacks, as lines to put into it.

    :param kept: a file that :func:`write_scaffold` kept.
    """
    section = _INI_SECTIONS.get(kept.name)
    if section is None:
        return []
    is_toml = kept.suffix == ".toml"
    values = _toml_values(kept) if is_toml else _ini_values(kept, section.strip("[]"))
    lines = []
    if "tinyquant_boards" not in values:
        boards = _BOARDS if not is_toml else f'["{_BOARDS.replace(" ", chr(34) + ", " + chr(34))}"]'
        lines.append(f"tinyquant_boards = {boards}")
    paths = values.get("testpaths", [])
    paths = paths.split() if isinstance(paths, str) else list(paths)
    if paths and not {"tests", ".", "./", "tests/", "tests/test_quantization.py"} & set(paths):
        paths.append("tests")
        lines.append(f"testpaths = {paths if is_toml else ' '.join(paths)}".replace("'", '"'))
    return lines


def _toml_values(file: Path) -> dict[str, Any]:
    tool = tomllib.loads(file.read_text("utf-8")).get("tool", {}).get("pytest", {})
    found: dict[str, Any] = {**tool, **tool.get("ini_options", {})}
    return found


def _ini_values(file: Path, section: str) -> dict[str, Any]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(file.read_text("utf-8"))
    return dict(parser[section]) if section in parser else {}
