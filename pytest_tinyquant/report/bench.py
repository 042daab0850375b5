"""What happens to the bench around a run: the canary is looked at, the journal is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest


if TYPE_CHECKING:
    from pytest_tinyquant.canary import Sighting
    from pytest_tinyquant.report.results import Results
    from pytest_tinyquant.run import Run


def look_before(session: pytest.Session, run: Run) -> None:
    """Measure the canary before the first test."""
    if run.canary is not None:
        for sighting in run.canary.before():
            _report(session, sighting)


def look_after(session: pytest.Session, run: Run, results: Results) -> None:
    """Measure the canary after the last test, and close the journal of a run that is complete.

    Latencies that regressed on a board type that drifted are errors of the bench.
    """
    if not _is_complete(session, results):
        return
    if run.canary is not None:
        sightings = run.canary.after()
        for sighting in sightings:
            _report(session, sighting)
        results.distrust({sighting.board for sighting in sightings if sighting.trouble})
    if run.journal is not None and not results.counts()["error"]:
        run.journal.discard()


def _is_complete(session: pytest.Session, results: Results) -> bool:
    stopped = (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR)
    return session.exitstatus not in stopped and not results.unreported


def _report(session: pytest.Session, sighting: Sighting) -> None:
    """Report what the canary says as a test of its own, with trouble as an error."""
    name = f"canary[{sighting.physical}]"
    report = pytest.TestReport(
        nodeid=name,
        location=("canary", None, name),
        keywords={},
        outcome="failed" if sighting.trouble else "passed",
        longrepr=f"BenchError: {sighting.trouble}" if sighting.trouble else None,
        when="setup" if sighting.trouble else "call",
    )
    session.config.hook.pytest_runtest_logreport(report=report)
    if sighting.trouble:
        session.testsfailed += 1
        if session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
