"""The results of a run as a JSON file, for other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from pytest_tinyquant.atomic import write_text


if TYPE_CHECKING:
    from pytest_tinyquant.report.results import Results
    from pytest_tinyquant.run import Run

FORMAT = 1


def write(path: Path, results: Results, run: Run) -> None:
    """Write the results to `path`, whose directory is made if need be.

    :raises pytest.UsageError: if that is not possible.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(document(results, run), indent=2, sort_keys=True) + "\n")
    except OSError as error:
        raise pytest.UsageError(f"--tq-json: {path} cannot be written: {error.strerror}") from error


def document(results: Results, run: Run) -> dict[str, Any]:
    """Return the results as JSON types."""
    retries = results.retries()
    return {
        "format": FORMAT,
        "counts": dict(results.counts()),
        "combinations": {
            combination: {
                "retries": list(retries.get(combination, ())),
                "tests": [
                    {
                        "nodeid": result.nodeid,
                        "outcome": result.outcome,
                        "verdicts": list(result.verdicts),
                        "error": result.error,
                    }
                    for result in group
                ],
            }
            for combination, group in results.by_combination().items()
        },
    }
