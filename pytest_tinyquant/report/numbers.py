"""The numbers of a run as a table: a row per combination, a column per metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_tinyquant.metrics.built_in import ON_MOST_BOARDS
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


def named(metric: str, part: str, text: str) -> str:
    """Return the text of a number, with its name where another part decides than usually does.

    An accuracy of 0.96 in a column called error would read as its opposite.
    """
    return text if part == METRICS[metric].primary else f"{part} {text}"


def _judged(results: Results) -> list[str]:
    """Return the metrics of which there is any verdict; the usual ones in any case."""
    judged = {verdict.metric for result in results.results for verdict in result.verdicts}
    usual = {spec.name for spec in ON_MOST_BOARDS}
    return [metric for metric in METRICS if metric in judged | usual]


def _primary(verdict: Verdict) -> str:
    """Return the most important number of a verdict."""
    first = verdict.comparisons[0]
    return named(verdict.metric, first.part, number_text(first.current.value))
