"""Words and numbers that several reports share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any
from typing import Final

from pytest_tinyquant.metrics.specs import GATING
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.report.results import OUTCOMES
from pytest_tinyquant.report.results import Result
from pytest_tinyquant.report.results import Results


#: Heading of whatever was estimated, wherever it is shown.
ESTIMATED: Final = "Estimated by a model of the core, judged by nothing"

_PLURALS = {"known gap": "known gaps", "error": "errors", "gap closed": "gaps closed"}


def counts_text(counts: Counter[str]) -> str:
    """Return such as ``2 regressed, 1 improved, 21 known gaps, 40 ok``."""
    return ", ".join(
        f"{counts[outcome]} {_PLURALS.get(outcome, outcome) if counts[outcome] > 1 else outcome}"
        for outcome in OUTCOMES
        if counts[outcome]
    )


def number_name(metric: str, part: str) -> str:
    """Return the metric, with the part if it is not the first that decides."""
    return metric if part == GATING[metric][0] else f"{metric} {part}"


def numbers_text(comparison: dict[str, Any]) -> str:
    """Return ``baseline -> number unit`` of one comparison."""
    current, before = comparison["current"], comparison["baseline"]
    number = f"{number_text(current['value'])} {current['unit']}"
    return number if before is None else f"{number_text(before['value'])} -> {number}"


def change_text(comparison: dict[str, Any]) -> str:
    """Return the relative change of one comparison; empty if there is none to tell.

    A small change that two digits would round away does not read as none.
    """
    change = comparison["change"]
    if change is None:
        return ""
    small = 0 < abs(change) < 0.00005
    return f"{change * 100:+.1g}%" if small else f"{change:+.2%}"


def estimate_rows(results: Results) -> list[tuple[str, str, str, str]]:
    """Return combination, metric, number and source of everything that was estimated."""
    return [
        (
            combination,
            estimate["metric"],
            f"{number_text(estimate['number']['value'])} {estimate['number']['unit']}",
            f"{estimate['number']['class']}: {estimate['source']}",
        )
        for combination, estimates in results.estimates().items()
        for estimate in estimates
    ]


def known_gaps(results: Iterable[Result]) -> list[str]:
    """Return the known gaps, those of one cause in one line."""
    causes: dict[str, set[str]] = {}
    for result in results:
        if result.outcome == "known gap":
            error = result.error or {}
            what = " ".join(filter(None, (error.get(key) for key in ("class", "op", "dtype"))))
            cause = ": ".join(filter(None, (what, result.gap)))
            causes.setdefault(cause, set()).add(result.combination)
    return [
        f"known gap of {len(combinations)} combination{'s' if len(combinations) > 1 else ''}: "
        f"{cause}"
        for cause, combinations in causes.items()
    ]
