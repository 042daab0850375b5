"""Lines for the reader of a run, none of which can act on a terminal or in a CI log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_tinyquant.system.plain_text import harmless


if TYPE_CHECKING:
    import pytest


def tell(terminal: pytest.TerminalReporter, line: str, **markup: bool) -> None:
    """Write a line to pytest's report; what would begin another one in it is escaped."""
    terminal.write_line(harmless(line, one_line=True), **markup)
