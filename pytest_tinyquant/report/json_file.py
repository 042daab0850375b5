"""The results of a run as JSON, for other programs; ``result.schema.json`` is its schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import Any
from typing import Final


if TYPE_CHECKING:
    from pytest_tinyquant.report.results import Results
    from pytest_tinyquant.session.run import Run

#: Version of the layout; a key that is added leaves it, one that changes or goes raises it.
FORMAT: Final = 2


def text(results: Results, run: Run) -> str:
    """Return the results as the text of a JSON file."""
    return json.dumps(document(results, run), indent=2, sort_keys=True) + "\n"


def document(results: Results, run: Run) -> dict[str, Any]:
    """Return the results as JSON types."""
    measured = {m.combination.lower(): m.to_json() for m in run.outcomes.measurements()}
    retries = results.retries()
    return {
        "format": FORMAT,
        "counts": dict(results.counts()),
        "sections": [section.to_json() for section in results.sections],
        "combinations": {
            combination: {
                "model": group[0].model,
                "scheme": group[0].scheme,
                "board": group[0].board,
                "retries": list(retries.get(combination, ())),
                "tests": [
                    {
                        "nodeid": result.nodeid,
                        "outcome": result.outcome,
                        "verdicts": [verdict.to_json() for verdict in result.verdicts],
                        "error": result.error,
                        "gap": result.gap,
                    }
                    for result in group
                ],
                "measurement": measured.get(combination),
            }
            for combination, group in results.by_combination().items()
        },
    }
