"""The summary of an A/B run: both sides of every combination, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_tinyquant.baselines.verdict import FAILING
from pytest_tinyquant.report.results import Results
from pytest_tinyquant.report.tell import tell


if TYPE_CHECKING:
    import pytest


def show_pairs(terminal: pytest.TerminalReporter, results: Results, description: str) -> None:
    """Write a line per combination with what ran, and below it one per number."""
    tell(terminal, description)
    for combination, group in results.by_combination().items():
        verdicts = [verdict for result in group for verdict in result.verdicts]
        if not verdicts:
            continue
        # The gate's first note names what ran on each side.
        tell(terminal, f"{combination}  {verdicts[0].notes[0]}")
        for verdict in verdicts:
            for comparison in verdict.comparisons:
                status = comparison.status
                text = f"  {verdict.metric:<8}{comparison.part:<8}{comparison.numbers_text}"
                change = comparison.change_text
                tell(
                    terminal, "  ".join(filter(None, (text, change, status))), red=status in FAILING
                )
