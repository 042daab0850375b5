"""Words and numbers that several reports share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from pytest_tinyquant.baselines.compare import OUTPUTS_CHANGED
from pytest_tinyquant.baselines.message import number_name
from pytest_tinyquant.measure.measurement import Estimate
from pytest_tinyquant.metrics.built_in import ERROR
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.metrics.text import quantity_text
from pytest_tinyquant.report.results import OUTCOMES
from pytest_tinyquant.report.results import Result
from pytest_tinyquant.report.results import Results


#: Heading of whatever was estimated, wherever it is shown.
ESTIMATED: Final = "Estimated by a model of the core"

#: More estimates than these are counted, not listed, unless they were asked for.
MOST_ESTIMATES: Final = 12

_OPERATORS_OF = 3
_SMALLEST_SHARE = 0.01

#: Heading of the combinations whose outputs are other ones, but as good.
OUTPUTS_HEADING: Final = "outputs changed, error within tolerance"

#: So many of them are named; an update of the converter changes all.
MOST_CHANGED: Final = 20

_HOLDS: Final = ("ok", "improved")
_PLURALS = {"known gap": "known gaps", "error": "errors", "gap closed": "gaps closed"}


def counts_text(counts: Counter[str]) -> str:
    """Return such as ``2 regressed, 1 improved, 21 known gaps, 40 ok``."""
    return ", ".join(
        f"{counts[outcome]} {_PLURALS.get(outcome, outcome) if counts[outcome] > 1 else outcome}"
        for outcome in OUTCOMES
        if counts[outcome]
    )


def estimate_rows(results: Results) -> list[tuple[str, str, str, str]]:
    """Return combination, metric, number and source of everything that was estimated."""
    return [
        (
            combination,
            estimate.metric,
            estimate_text(estimate),
            f"{estimate.number.number_class}: {estimate.source}",
        )
        for combination, estimates in results.estimates().items()
        for estimate in estimates
    ]


def estimate_text(estimate: Estimate) -> str:
    """Return the number, its range and, at the board's clock, its time."""
    text = quantity_text(estimate.number.value, estimate.number.unit)
    if estimate.low is not None and estimate.high is not None:
        text += f" ({number_text(estimate.low)} to {number_text(estimate.high)})"
    if estimate.milliseconds is not None and estimate.clock_hz is not None:
        text += f", {number_text(estimate.milliseconds)} ms at {estimate.clock_hz / 1e6:g} MHz"
    return text


def operator_estimate_rows(results: Results) -> list[tuple[str, str, str, str]]:
    """Return combination, operator, cycles and share of what was estimated by operator.

    Only for a few combinations, and without operators whose share is below a hundredth.
    """
    everything = results.estimates()
    if len(everything) > _OPERATORS_OF:
        return []
    return [
        (combination, label, number_text(part), f"{part / estimate.number.value:.1%}")
        for combination, estimates in everything.items()
        for estimate in estimates
        for label, part in estimate.ops
        if part >= _SMALLEST_SHARE * estimate.number.value
    ]


def changed_outputs(results: Iterable[Result]) -> list[str]:
    """Return the combinations whose outputs changed and whose error held, the digests beside them.

    The first line is their heading; there is none if there are none.
    """
    found = {
        result.combination: note
        for result in results
        for verdict in result.verdicts
        if verdict.metric == ERROR.name and verdict.status in _HOLDS
        for note in verdict.notes
        if note.startswith(OUTPUTS_CHANGED)
    }
    lines = [f"  {name}  {note}" for name, note in sorted(found.items())]
    more = [f"  and {len(lines) - MOST_CHANGED} more"] if len(lines) > MOST_CHANGED else []
    return [f"{OUTPUTS_HEADING}:", *lines[:MOST_CHANGED], *more] if lines else []


def limit_rows(results: Iterable[Result], *, kept: bool) -> list[tuple[str, ...]]:
    """Return combination, metric, number, limit and head-room of limits that were kept, or not."""
    rows = []
    for result in results:
        for verdict in result.verdicts:
            for check in verdict.limits:
                if check.kept == kept:
                    name = number_name(verdict.metric, check.part)
                    number = quantity_text(check.number.value, check.number.unit)
                    rows.append(
                        (result.combination, name, number, f"limit {check.text}", check.room_text())
                    )
    return sorted(dict.fromkeys(rows))


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
