"""What happens to the bench around a run: the canary is looked at, the journal is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_tinyquant.report.tell import tell


if TYPE_CHECKING:
    from pytest_tinyquant.report.results import Results
    from pytest_tinyquant.session.canary import Sighting
    from pytest_tinyquant.session.run import Run


def look_before(session: pytest.Session, run: Run) -> list[Sighting]:
    """Open the journal and measure the canary, before the first test; return its trouble.

    Trouble is told at once and reported at the end: only then is it known how many tests there
    are, and a failure before the first test would look like one of the collection.
    """
    if run.journal is not None:
        run.journal.open()
    sightings = [] if run.canary is None else run.canary.before()
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    for sighting in sightings:
        if terminal is not None:
            tell(terminal, f"tinyquant: {sighting.trouble.partition(chr(10))[0]}", red=True)
    return sightings


def look_after(session: pytest.Session, run: Run, results: Results, before: list[Sighting]) -> None:
    """Measure the canary after the last test, and close the journal of a run that is complete.

    Latencies that regressed on a board type that drifted are errors of the bench, and nothing of
    a board with which there was trouble before or after is recorded.

    :param before: what the canary said before the first test.
    """
    after = [] if run.canary is None or results.unreported else run.canary.after()
    for sighting in (*before, *after):
        _report(session, sighting)
    results.distrust({sighting.board for sighting in after if sighting.trouble})
    results.distrusted |= {sighting.board for sighting in before if sighting.trouble}
    if run.journal is not None and not results.unreported and not results.counts()["error"]:
        run.journal.discard()


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
    session.testscollected += 1  # or pytest counts beyond 100 %
    session.config.hook.pytest_runtest_logreport(report=report)
    session.testsfailed += bool(sighting.trouble)
