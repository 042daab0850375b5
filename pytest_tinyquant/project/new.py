"""The files ``tinyquant init`` writes: those below ``scaffold/``, without their suffix."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pytest_tinyquant.errors import ConfigurationError


_TEMPLATES = Path(__file__).parent / "scaffold"
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
            raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error
        yield path, True


def _configuration(directory: Path) -> Path | None:
    """Return the file that holds the directory's pytest configuration, if there is one."""
    for name, section in _INI_SECTIONS.items():
        file = directory / name
        if file.is_file() and section in file.read_text("utf-8"):
            return file
    return None
