"""docs/reference.md lists everything that can be set, as the code has it."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "pytest_tinyquant"
PAGE = (ROOT / "docs" / "reference.md").read_text()

#: Where the keys that each ``allow()`` accepts are documented; a prefix for keys of inner tables.
PLACES: dict[str, list[str | None]] = {
    "project.board_types": ["boards.toml: a board"],
    "project.tflm_library": ["boards.toml: TensorFlow Lite Micro of a board"],
    "project.core_timing": ["boards.toml: timing of a board"],
    "project.npu": ["boards.toml: the NPU of a board"],
    "project.tool": ["boards.toml: the tool of a board"],
    "project.chip_memory": ["boards.toml: a memory of a board"],
    "project.bench": ["boards.toml: a board to touch"],
    "schemes.scheme_file": [None, "schemes.toml: a scheme"],
    "schemes.rule_table": ["schemes.toml: a rule"],
    "models.task": ["A model's task"],
    "models.model_file": [
        "A model of the zoo", "A model of the zoo model", "A model of the zoo data",
        "A model of the zoo conversion", "A model of the zoo training", "A model's settings",
    ],
    "project.known_issues": [None, "known_issues.toml"],
    "models.architecture": [None],
}  # fmt: skip

#: What local names in the arguments of ``allow()`` stand for.
LOCALS: dict[str, dict[str, Any]] = {
    "project.known_issues": {"known": ("models", "schemes", "boards", "runtimes")},
    "models.model_file": {"convertible": True, "factory": True},
    "models.architecture": {"kind": "dense"},
}


@pytest.fixture(scope="module")
def reference_tables() -> ModuleType:
    """The generator beside the page, which is no part of a package."""
    path = ROOT / "docs" / "reference_tables.py"
    spec = importlib.util.spec_from_file_location("reference_tables", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_options_ini_keys_variables_and_commands_are_those_of_the_code(
    reference_tables: ModuleType,
) -> None:
    assert reference_tables.filled(PAGE) == PAGE, "run: python docs/reference_tables.py"


def test_every_table_has_its_place(reference_tables: ModuleType) -> None:
    assert set(re.findall(r"<!-- ([\w ]+) -->", PAGE)) - {"end"} == set(reference_tables.tables())


def documented(heading: str) -> set[str]:
    """Return the keys in the first column of the table below a heading."""
    assert f"### {heading}\n" in PAGE, heading
    section = PAGE.partition(f"### {heading}\n")[2].partition("\n##")[0]
    rows = re.findall(r"^\| (`[^|]+`) \|", section, flags=re.MULTILINE)
    return {key for row in rows for key in re.findall(r"`([^`]+)`", row)}


def accepted() -> list[tuple[str, int, set[str]]]:
    """Return the keys that each call of ``allow()`` accepts, with its module and number."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        calls = [
            node.args[0]
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "allow"
        ]
        calls.sort(key=lambda node: node.lineno)
        for number, argument in enumerate(calls):
            module = importlib.import_module(f"pytest_tinyquant.{name}")
            known = {**vars(module), **LOCALS.get(name, {})}
            keys = eval(ast.unparse(argument), known)
            found.append((name, number, set(keys)))
    return found


@pytest.mark.parametrize(
    ("module", "number", "keys"), accepted(), ids=lambda value: value if value != "" else None
)
def test_every_toml_key_is_listed(module: str, number: int, keys: set[str]) -> None:
    places = PLACES.get(module, [])
    assert number < len(places), f"{module} reads another table: document it, and name it here"
    place = places[number]
    if place is None:
        return
    heading, _, prefix = place.partition("zoo ")
    if prefix:
        listed = (key.partition(".") for key in documented("A model of the zoo"))
        assert keys == {inner for outer, _, inner in listed if outer == prefix}
    elif place == "A model of the zoo":
        assert keys == {key.partition(".")[0] for key in documented(place)}
    else:
        assert documented(heading + prefix) == keys


def test_every_environment_variable_is_listed() -> None:
    named = {
        name
        for path in PACKAGE.rglob("*.py")
        for name in re.findall(r'"(TINYQUANT_[A-Z_]+)"', path.read_text())
    }
    assert named
    assert named - set(re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE)) == set()


def test_defaults_stand_once() -> None:
    """Whoever needs a default asks the settings for it."""
    numbers = [
        f"{path.relative_to(PACKAGE)}: {line.strip()}"
        for path in PACKAGE.rglob("*.py")
        for line in path.read_text().splitlines()
        if re.search(r"TIMEOUT.*= (600|900)|(^|\W)timeout.*= (600|900)", line)
        and path.name not in ("settings.py", "cmake.py", "cache.py")
    ]
    assert numbers == []
