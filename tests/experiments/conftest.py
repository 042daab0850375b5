"""Shows in the summary what became of the study's claims."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from experiments.edgemark.evaluate import Result


CLAIM = "tinyquant.claim"


@pytest.fixture
def show_claim(request: pytest.FixtureRequest) -> Callable[[str, Result], None]:
    """Show a result in the summary, under whose figures it is about."""

    def show(figures: str, result: Result) -> None:
        row = f"{figures} {result.board}\t{result.claim.name}\t{result.finding.short}"
        request.node.user_properties.append((CLAIM, f"{row}\t{result.finding.figure}"))

    return show


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [r for group in terminalreporter.stats.values() for r in group]
    told = [dict(getattr(report, "user_properties", ())).get(CLAIM) for report in reports]
    rows = sorted(row.split("\t") for row in set(filter(None, told)))
    verbosity = terminalreporter.config.get_verbosity()
    if not rows or verbosity < 0:
        return
    terminalreporter.write_sep("=", "claims of the study")
    for where in dict.fromkeys(row[0] for row in rows):
        found = [row[1:] for row in rows if row[0] == where]
        counts = [
            f"{sum(finding.startswith(verdict) for _, finding, _ in found)} {word}"
            for verdict, word in (("holds", "hold"), ("partly", "partly"), ("fails", "fail"))
        ]
        terminalreporter.write_line(f"{where}: {', '.join(counts)}")
        for name, finding, figure in found:
            if verbosity > 0 or not finding.startswith("holds"):
                terminalreporter.write_line(f"  {name:34} {finding:12}  {figure[:90]}")
