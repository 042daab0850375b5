"""The summary of an A/B run: both sides of every combination, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.baselines.message import number_text
from pytest_tinyquant.baselines.verdict import FAILING
from pytest_tinyquant.report.results import Results


if TYPE_CHECKING:
    import pytest


def show_pairs(terminal: pytest.TerminalReporter, results: Results, description: str) -> None:
    """Write a line per combination with what ran, and below it one per number."""
    terminal.write_line(description)
    for combination, group in results.by_combination().items():
        verdicts = [verdict for result in group for verdict in result.verdicts]
        if not verdicts:
            continue
        # The gate's last note names what ran on each side.
        terminal.write_line(f"{combination}  {verdicts[0]['notes'][-1]}")
        for verdict in verdicts:
            for comparison in verdict["comparisons"]:
                status = comparison["status"]
                text = f"  {verdict['metric']:<8}{comparison['part']:<8}{_numbers(comparison)}"
                terminal.write_line(f"{text}  {status}", red=status in FAILING)


def _numbers(comparison: dict[str, Any]) -> str:
    """Return such as ``1,500 -> 1,750 instructions  +16.67%``."""
    before, after = comparison["baseline"], comparison["current"]
    text = f"{number_text(after['value'])} {after['unit']}"
    if before is None:
        return text
    change = comparison["change"]
    percent = "" if change is None else f"  {change:+.2%}"
    return f"{number_text(before['value'])} -> {text}{percent}"
