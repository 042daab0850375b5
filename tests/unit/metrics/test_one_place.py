"""What is known of a metric stands in its description: no other module asks for it by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_tinyquant.metrics.registry import METRICS


PACKAGE = Path(__file__).parents[3] / "pytest_tinyquant"

#: Not ``error``, which is an outcome of tests as well.
NAMES = frozenset(METRICS) - {"error"}


def decided_by_name(source: str) -> Iterator[str]:
    """Yield what compares with a metric's name, looks one up by it, or is a table of several."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(_names(part) for side in sides for part in (side, *_parts(side))):
                yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Subscript) and _names(node.slice):
            yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("get", "gating") and node.args and _names(node.args[0]):
                yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Dict) and sum(_names(key) for key in node.keys) > 1:
            yield f"line {node.lineno}: a table of metrics"


def _names(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value in NAMES


def _parts(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, (ast.Tuple, ast.List, ast.Set)) else []


def test_no_module_outside_of_the_room_decides_by_a_metrics_name() -> None:
    found = [
        f"{file.relative_to(PACKAGE)} {what}"
        for file in sorted(PACKAGE.rglob("*.py"))
        if file.parent.name != "metrics"
        for what in decided_by_name(file.read_text())
    ]
    assert not found, "ask the description, perhaps by a new field of it:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        'if metric == "latency": pass',
        'if metric in ("error", "ram"): pass',
        'measured["latency"]',
        'measured.get("flash", {})',
        'units = {"latency": "cycles", "ram": "bytes"}',
    ],
)
def test_the_search_finds_what_it_is_for(line: str) -> None:
    assert list(decided_by_name(line))
