"""The project's limits, as lines in the charts of what a scheme loses over what it costs."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_tinyquant.report.choosing import Choice
from pytest_tinyquant.report.choosing import qualities
from pytest_tinyquant.report.results import Result


def drawn_limits(results: Iterable[Result], choice: Choice) -> dict[str, float]:
    """Return the tightest limit on each column of a choice, in the column's unit.

    A limit on a number that is no column, such as one part of the RAM, or in another unit has no
    place in a chart.
    """
    found: dict[str, float] = {}
    columns = {option.scheme: option.numbers for option in choice.options}
    for result in results:
        if (result.model, result.board) != (choice.model, choice.board):
            continue
        for verdict in result.verdicts:
            for check in verdict.limits:
                column = check.part if check.part in qualities() else verdict.metric
                if columns.get(result.scheme, {}).get(column) != check.number:
                    continue
                at_least = qualities().get(column, False)
                bound = check.number.value + (-check.headroom if at_least else check.headroom)
                tighter = max if at_least else min
                found[column] = tighter(bound, found.get(column, bound))
    return found
