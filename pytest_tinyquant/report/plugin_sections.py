"""Asks the other plugins what they have to say about a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_tinyquant.session.plugins import returned


if TYPE_CHECKING:
    from pytest_tinyquant.report.results import Results
    from pytest_tinyquant.report.section import Section
    from pytest_tinyquant.session.run import Run


def sections_of(config: pytest.Config, results: Results, run: Run) -> list[Section]:
    """Return the sections that plugins add to the reports of a run.

    :raises pytest.UsageError: one of them cannot be shown.
    """
    return returned(
        config,
        "pytest_tinyquant_report",
        measurements=tuple(run.outcomes.measurements()),
        verdicts=tuple(verdict for result in results.results for verdict in result.verdicts),
    )
