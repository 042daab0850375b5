"""The wording of a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_tinyquant.measure.measurement import GATING


if TYPE_CHECKING:
    from pytest_tinyquant.baselines.verdict import Comparison
    from pytest_tinyquant.baselines.verdict import Verdict
    from pytest_tinyquant.measure.measurement import Metric


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


def number_text(value: float) -> str:
    """Return integers with thousands separators, other numbers with six significant digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


def delta_text(delta: float) -> str:
    """Return a signed difference, as :func:`number_text` writes numbers."""
    return f"{delta:+,}" if isinstance(delta, int) else f"{delta:+.6g}"


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape as ``16x16x32``; a leading batch dimension of 1 is left out."""
    inner = shape[1:] if len(shape) > 1 and shape[0] == 1 else shape
    return "x".join(map(str, inner))


def _comparison_line(verdict: Verdict, comparison: Comparison) -> str:
    primary = GATING[verdict.metric][0]
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
