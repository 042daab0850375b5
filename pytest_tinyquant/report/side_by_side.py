"""The boards of one run beside each other: a column for each under every metric."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_tinyquant.baselines.verdict import Comparison
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.report.results import Result


@dataclass(frozen=True)
class _Number:
    """A metric's most important number; the unit names the class with it unless it is exact."""

    text: str
    unit: str


_Row = dict[tuple[str, str], _Number]
"""The numbers of one model and scheme by metric and board."""


def side_by_side(
    results: Iterable[Result], boards: Sequence[str], metrics: Sequence[str]
) -> list[str]:
    """Return a table with a line per model and scheme; empty unless two boards have numbers.

    Its columns are, metric by metric, the boards. The lines above them name metric, board and
    unit.
    """
    rows = _rows(results)
    found = {board for row in rows.values() for _, board in row}
    measured = [board for board in boards if board in found]
    if len(measured) < 2:
        return []
    columns = [["", "", "", *rows]]
    for metric in metrics:
        for board in measured:
            numbers = [row.get((metric, board)) for row in rows.values()]
            units = {number.unit for number in numbers if number}
            if not units:
                continue
            title = "" if any(column[0] == metric for column in columns) else metric
            texts = [number.text if number else "-" for number in numbers]
            columns.append([title, board, " or ".join(sorted(units)), *texts])
    return _aligned(columns)


def _rows(results: Iterable[Result]) -> Mapping[str, _Row]:
    """Return the numbers of each model and scheme that has any."""
    rows: dict[str, _Row] = {}
    for result in sorted(results, key=lambda result: result.combination):
        for verdict in result.verdicts:
            if verdict.comparisons:
                row = rows.setdefault(f"{result.model}-{result.scheme}", {})
                row[verdict.metric, result.board] = _number(verdict.metric, verdict.comparisons[0])
    return rows


def _number(metric: str, comparison: Comparison) -> _Number:
    """Return a number of a verdict as text; an accuracy has its name for a unit."""
    current = comparison.current
    if comparison.part != METRICS[metric].primary:
        return _Number(number_text(current.value), comparison.part)
    exact = current.number_class == "exact"
    unit = current.unit if exact else f"{current.number_class} {current.unit}"
    return _Number(number_text(current.value), unit)


def _aligned(columns: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table: names on the left, numbers and their titles on the right."""
    widths = [max(map(len, column)) for column in columns]
    return [
        "  ".join(
            cell.rjust(width) if position else cell.ljust(width)
            for position, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in zip(*columns, strict=True)
    ]
