"""The wording of a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.text import delta_text
from pytest_tinyquant.metrics.text import number_text


if TYPE_CHECKING:
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
    lines += [f"  {cause}" for cause in verdict.causes]
    lines += [f"  {note}" for note in verdict.notes]
    lines += [f"  {line}" for line in verdict.message.splitlines()]
    return "\n".join(lines)


def _comparison_line(verdict: Verdict, comparison: Comparison) -> str:
    primary = METRICS[verdict.metric].primary
    part = "" if comparison.part == primary else f" {comparison.part}"
    name = f"{verdict.combination}  {verdict.metric}{part}"
    unit = comparison.current.unit
    current = number_text(comparison.current.value)
    status = comparison.status.upper()
    if comparison.baseline is None:
        return f"{name}  {current} {unit}  {status}"
    baseline = comparison.baseline
    if baseline.unit != unit or baseline.number_class != comparison.current.number_class:
        return f"{name}  {_classed(baseline)} -> {_classed(comparison.current)}  {status}"
    return (
        f"{name}  {number_text(baseline.value)} -> {current} {unit}  {_change(comparison)}  "
        f"(limit {comparison.limit})  {status}"
    )


def _classed(metric: Metric) -> str:
    return f"{number_text(metric.value)} {metric.unit} ({metric.number_class})"


def _change(comparison: Comparison) -> str:
    change = comparison.change
    if change is None:
        assert comparison.baseline is not None
        return delta_text(comparison.current.value - comparison.baseline.value)
    percent = change * 100
    # A small change that two digits would round away must not read as none.
    small = 0 < abs(percent) < 0.005
    return f"{percent:+.1g} %" if small else f"{percent:+.2f} %"
