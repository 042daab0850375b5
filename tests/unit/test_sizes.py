"""Functions and modules stay short enough to be read at once, as CONTRIBUTING.md says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest


PACKAGE = Path(__file__).parents[2] / "pytest_tinyquant"
MODULE_LINES = 300
FUNCTION_LINES = 50

#: Modules that are one table each: there is nothing in them to divide.
TABLES = {"support/tflm_table.py"}

MODULES = {str(path.relative_to(PACKAGE)): path.read_text() for path in PACKAGE.rglob("*.py")}


def long_functions(source: str) -> list[str]:
    """Return the functions of a module that are too long, with their lines."""
    return [
        f"{node.name}: {lines} lines"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) >= FUNCTION_LINES
    ]


def test_a_module_has_at_most_300_lines() -> None:
    lines = {name: len(text.splitlines()) for name, text in MODULES.items() if name not in TABLES}
    assert {name: count for name, count in lines.items() if count > MODULE_LINES} == {}


def test_what_is_left_out_is_there_and_holds_data_only() -> None:
    for name in TABLES:
        assert not [
            node for node in ast.parse(MODULES[name]).body if isinstance(node, ast.ClassDef)
        ]
        assert len(MODULES[name].splitlines()) > MODULE_LINES, f"{name} need not be left out"


def test_a_function_has_less_than_50_lines() -> None:
    found = {name: long_functions(text) for name, text in MODULES.items()}
    assert {name: functions for name, functions in found.items() if functions} == {}


@pytest.mark.parametrize(
    ("lines", "is_long"), [(FUNCTION_LINES - 1, False), (FUNCTION_LINES, True)]
)
def test_the_limit_of_a_function_counts_its_first_line(lines: int, is_long: bool) -> None:
    source = "def f():\n" + "    pass\n" * (lines - 1)
    assert bool(long_functions(source)) == is_long
