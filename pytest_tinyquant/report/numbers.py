"""The numbers of a run as a table: a row per combination, a column per metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_tinyquant.metrics.built_in import BUILT_IN
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.report.results import OUTCOMES
from pytest_tinyquant.report.results import Results


if TYPE_CHECKING:
    from pytest_tinyquant.baselines.verdict import Verdict


def number_rows(results: Results) -> list[tuple[str, ...]]:
    """Return one row per combination: its metrics, or the error that prevented them."""
    metrics = _judged(results)
    rows: list[tuple[str, ...]] = [("combination", *metrics, "outcome")]
    for combination, group in results.by_combination().items():
        numbers = {
            verdict.metric: _primary(verdict)
            for result in group
            for verdict in result.verdicts
            if verdict.comparisons
        }
        outcomes = {result.outcome for result in group}
        worst = next(outcome for outcome in OUTCOMES if outcome in outcomes)
        rows.append((combination, *(numbers.get(metric, "-") for metric in metrics), worst))
    return rows


def _judged(results: Results) -> list[str]:
    """Return the metrics of which there is any verdict; the built-in ones in any case."""
    judged = {verdict.metric for result in results.results for verdict in result.verdicts}
    built_in = {spec.name for spec in BUILT_IN}
    return [metric for metric in METRICS if metric in judged | built_in]


def _primary(verdict: Verdict) -> str:
    """Return the most important number of a verdict."""
    return number_text(verdict.comparisons[0].current.value)
