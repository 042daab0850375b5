"""The rows of the table of verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from typing import Final

from pytest_tinyquant.baselines.message import verdict_text
from pytest_tinyquant.baselines.verdict import Comparison
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.metrics.text import quantity_text
from pytest_tinyquant.report.columns import COLUMNS
from pytest_tinyquant.report.columns import cells
from pytest_tinyquant.report.numbers import named
from pytest_tinyquant.report.results import BAD
from pytest_tinyquant.report.results import Result
from pytest_tinyquant.system.natural_order import natural_order


#: A sign beside the word for each kind of outcome: colour alone tells nobody anything.
SIGNS: Final = {"bad": "✕", "changed": "△", "ok": "✓", "gap": "◇"}

#: Key and title of each column of the table of verdicts.
HEADINGS: Final = (
    *(("combination", "Combination"), ("metric", "Metric"), ("number", "This run")),
    *(("baseline", "Baseline"), *((column.key, column.title) for column in COLUMNS)),
    ("outcome", "Verdict"),
)


@dataclass(frozen=True)
class Row:
    """One test in the table of verdicts.

    :param change: relative change of the number, for sorting; None where there is none.
    """

    combination: str
    model: str
    scheme: str
    board: str
    metric: str
    number: str
    baseline: str
    change: float | None
    change_text: str
    outcome: str
    kind: str
    text: str
    cells: tuple[str, ...]


def row_of(result: Result) -> Row:
    """Return a test's row: the number that decides its outcome, or the error in its place."""
    parts = {"model": result.model, "scheme": result.scheme, "board": result.board}
    metric = result.verdicts[0].metric if result.verdicts else metric_of(result.nodeid)
    row = {"combination": result.combination, "metric": metric, **parts}
    outcome = {"outcome": result.outcome, "kind": kind_of(result.outcome)}
    comparison = _deciding(result)
    if comparison is None:
        error = result.error or {"class": "", "message": result.gap}
        text = f"{error['class']}: {error['message']}".removeprefix(": ")
        return Row(
            **row,
            number="",
            baseline="",
            change=None,
            change_text="",
            text=text,
            cells=cells(None),
            **outcome,
        )
    current, before = comparison.current, comparison.baseline
    return Row(
        **row,
        number=named(metric, comparison.part, quantity_text(current.value, current.unit)),
        baseline=number_text(before.value) if before else "",
        change=comparison.change,
        change_text=comparison.change_text,
        cells=cells(comparison),
        text="\n".join(map(verdict_text, result.verdicts)) if result.outcome != "ok" else "",
        **outcome,
    )


def _deciding(result: Result) -> Comparison | None:
    """Return the comparison that gave a test its outcome, or its first one."""
    comparisons = [c for verdict in result.verdicts for c in verdict.comparisons]
    worst = [c for c in comparisons if c.status == result.outcome]
    return next(iter(worst or comparisons), None)


def metric_of(nodeid: str) -> str:
    """Return the last word of a test's name, which says what it would have judged."""
    return nodeid.rpartition("::")[2].partition("[")[0].removeprefix("test_")


def kind_of(outcome: str) -> str:
    """Return what colour and sign an outcome has: a key of :data:`SIGNS`."""
    if outcome in BAD:
        return "bad"
    return {"ok": "ok", "known gap": "gap", "skipped": "gap"}.get(outcome, "changed")


def table_order(row: Row) -> tuple[Any, ...]:
    """Return the order of the table: what needs attention first."""
    return (tuple(SIGNS).index(row.kind), natural_order(row.combination), row.metric)
