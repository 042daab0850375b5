"""A regression of a number that scatters is measured once more before it is believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pytest_tinyquant.baselines.verdict import Verdict
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.text import quantity_text


def needs_confirmation(verdict: Verdict) -> bool:
    """Tell whether a second measurement could show that the first was an accident."""
    spec = METRICS[verdict.metric]
    return verdict.status == "regressed" and all(
        spec.has_noise(c.current.number_class) for c in verdict.comparisons
    )


def confirmed(
    verdict: Verdict, measure: Callable[[], Measurement], judge: Callable[[Measurement], Verdict]
) -> Verdict:
    """Return ``verdict``, or that on a second measurement if the first is a regression.

    What comes then is final, so that a real regression is found at the second look at the latest,
    and a board that stays slow is not asked until it is fast.

    :param measure: measures the combination again.
    :param judge: compares a measurement with the baseline.
    """
    if not needs_confirmation(verdict):
        return verdict
    second = judge(measure())
    first = ", ".join(
        f"{c.part} {quantity_text(c.current.value, c.current.unit)}" for c in verdict.comparisons
    )
    outcome = "confirmed by" if second.failed else "not confirmed by"
    return replace(second, notes=(*second.notes, f"first measured {first}, {outcome} this run"))
