"""Imports go one way: down the table of rooms in docs/architecture.md, and never in a circle."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError
from graphlib import TopologicalSorter
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pytest_tinyquant"


def rooms() -> list[str]:
    """Return the rooms in the order of the table."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    return re.findall(r"^\| `([a-z]+)` \|", text, flags=re.MULTILINE)


def imports() -> dict[str, dict[str, int]]:
    """Return the modules that each module imports, by dotted name, with the line of the import."""
    files = {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
        if path != PACKAGE / "__init__.py"
    }
    return {name: dict(_imported(path, files)) for name, path in files.items()}


def _imported(path: Path, files: dict[str, Path]) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] != "pytest_tinyquant":
                continue
            while len(parts) > 1 and ".".join(parts[1:]) not in files:
                parts.pop()
            if len(parts) > 1:
                yield ".".join(parts[1:]), node.lineno


def test_every_module_lies_in_a_room_of_the_table() -> None:
    assert {name.split(".")[0] for name in imports()} == set(rooms())


def test_a_room_imports_only_from_rooms_above_it() -> None:
    order = {room: place for place, room in enumerate(rooms())}
    wrong = [
        f"{name} imports {target} (line {line})"
        for name, targets in imports().items()
        for target, line in targets.items()
        if order[target.split(".")[0]] > order[name.split(".")[0]]
    ]
    assert not wrong, "\n".join(wrong)


def test_no_import_goes_in_a_circle() -> None:
    """Not even under TYPE_CHECKING, or in a function: a circle is one thing in two files."""
    found = imports()
    sorter = TopologicalSorter(
        {
            name: [target for target in targets if not _is_package_of(name, target)]
            for name, targets in found.items()
        }
    )
    try:
        sorter.prepare()
    except CycleError as circle:
        pytest.fail(" is imported by ".join(circle.args[1]))


def _is_package_of(one: str, other: str) -> bool:
    return one.startswith(f"{other}.") or other.startswith(f"{one}.") or one == other


@pytest.mark.parametrize("room", ["errors", "metrics", "plugin"])
def test_the_table_is_read(room: str) -> None:
    assert room in rooms()
