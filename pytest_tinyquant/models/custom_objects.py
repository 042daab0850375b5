"""Python modules with a model's own layers: the key ``custom_objects`` of its TOML.

Loading a model runs no code of anybody unless its TOML names the module, and then that module's
only: Keras's safe mode stays on.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_tinyquant.system.toml_table import Table


_NAME: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
# A folder with one of these is the project's top: above it lies nothing of the project.
_TOPS: Final = (".git", "pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")


@dataclass(frozen=True)
class CustomModule:
    """A module that defines layers, functions or the like.

    :param name: as Python imports it.
    :param root: the folder it is imported from; None for an installed one.
    :param files: the sources that a result depends on.
    """

    name: str
    root: Path | None
    files: tuple[Path, ...]


def read_custom_objects(table: Table) -> tuple[CustomModule, ...]:
    """Return the modules that the key ``custom_objects`` names: one, or a list of them.

    :raises ConfigurationError: one is no module's name, or is nowhere to be found.
    """
    value = table.values.get("custom_objects", [])
    names = (
        [value] if isinstance(value, str) else table.array("custom_objects", str) if value else []
    )
    return tuple(_find(name, table) for name in names)


def _find(name: str, table: Table) -> CustomModule:
    if not _NAME.fullmatch(name):
        raise table.error(
            f'custom_objects {name!r} is no module\'s name; write "my_layers" for my_layers.py'
        )
    folders = list(_folders(table.file.absolute().parent))
    first = name.partition(".")[0]
    for folder in folders:
        for place in (folder / f"{first}.py", folder / first):
            if place.is_file() or (place / "__init__.py").is_file():
                return CustomModule(name, folder, _sources(place))
    spec = importlib.util.find_spec(first)
    if spec is None or spec.origin is None:
        searched = ", ".join(str(folder) for folder in folders)
        raise table.error(
            f"custom_objects names module {name!r}, which lies in none of {searched} and is not "
            "installed; correct the name or add the file"
        )
    origin = Path(spec.origin)
    return CustomModule(
        name, None, _sources(origin.parent if origin.name == "__init__.py" else origin)
    )


def _folders(start: Path) -> Iterator[Path]:
    """Yield the TOML's folder and those above it, up to the project's top."""
    for folder in (start, *start.parents):
        yield folder
        if any((folder / name).exists() for name in _TOPS):
            return


def _sources(place: Path) -> tuple[Path, ...]:
    """Return a module's file, or all of a package."""
    return (place,) if place.is_file() else tuple(sorted(place.rglob("*.py")))
