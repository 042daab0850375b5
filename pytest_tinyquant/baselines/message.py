"""The wording of a verdict."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.text import quantity_text
from pytest_tinyquant.system.plain_text import harmless


if TYPE_CHECKING:
    from pytest_tinyquant.baselines.cause import Cause
    from pytest_tinyquant.baselines.verdict import Comparison
    from pytest_tinyquant.baselines.verdict import Verdict
    from pytest_tinyquant.metrics.metric import Metric


def verdict_text(verdict: Verdict) -> str:
    """Return one line per gating number, then causes, notes and what to do, indented."""
    shown = [
        comparison
        for index, comparison in enumerate(verdict.comparisons)
        if index == 0 or comparison.status != "ok"
    ]
    lines = [_comparison_line(verdict, comparison) for comparison in shown]
    if verdict.status == "over limit":
        lines = [f"{verdict.combination}  {verdict.metric}  OVER LIMIT"]
    limits = [check.line() for check in verdict.limits if not check.kept]
    # A name in a cause may be that of a tensor in a file of others.
    facts = [*limits, *cause_lines(verdict.causes), *verdict.notes, *verdict.message.splitlines()]
    lines += [f"  {harmless(fact, one_line=True)}" for fact in facts]
    return harmless("\n".join(lines))


def number_name(metric: str, part: str) -> str:
    """Return the metric, with the part if it is not the first that decides."""
    return metric if part == METRICS[metric].primary else f"{metric} {part}"


def cause_lines(causes: Iterable[Cause]) -> list[str]:
    """Return a line for each cause, the columns of those of one kind below each other."""
    lines = []
    for _, group in itertools.groupby(causes, key=lambda cause: cause.kind):
        rows = list(group)
        columns = [cause.columns for cause in rows]
        names, deltas = (
            max((len(cells[side]) for cells in columns if cells), default=0) for side in (0, 1)
        )
        for cause, cells in zip(rows, columns, strict=True):
            lines.append(
                f"{cells[0]:<{names}}  {cells[1]:>{deltas}}   {cells[2]}" if cells else cause.text
            )
    return lines


def _comparison_line(verdict: Verdict, comparison: Comparison) -> str:
    name = f"{verdict.combination}  {number_name(verdict.metric, comparison.part)}"
    unit = comparison.current.unit
    status = comparison.status.upper()
    if comparison.baseline is None:
        return f"{name}  {comparison.numbers_text}  {status}"
    baseline = comparison.baseline
    if baseline.unit != unit or baseline.number_class != comparison.current.number_class:
        return f"{name}  {_classed(baseline)} -> {_classed(comparison.current)}  {status}"
    return (
        f"{name}  {comparison.numbers_text}  {comparison.change_text}  "
        f"(limit {comparison.limit})  {status}"
    )


def _classed(metric: Metric) -> str:
    return f"{quantity_text(metric.value, metric.unit)} ({metric.number_class})"
