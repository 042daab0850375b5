"""Tables of the program `tinyquant` cut no name, however narrow the terminal is."""

from __future__ import annotations

import io
import sys

import pytest
from rich.table import Table

from pytest_tinyquant.system.plain_console import plain_console


NAMES = ("nucleo-l4r5zi-with-a-long-name", "066EFF495353898667185334")


def table() -> Table:
    made = Table("board", "probe", "description")
    made.add_row(*NAMES, "a NUCLEO-L4R5ZI whose description takes more than one line of eighty")
    return made


def test_what_is_no_terminal_gets_whole_lines(capsys: pytest.CaptureFixture[str]) -> None:
    plain_console().print(table())
    (line,) = [line for line in capsys.readouterr().out.splitlines() if NAMES[0] in line]
    assert NAMES[1] in line
    assert "more than one line of eighty" in line


def test_a_narrow_terminal_folds_and_cuts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    plain_console(width=60, file=terminal, color_system=None).print(table())
    text = terminal.getvalue()
    assert max(map(len, text.splitlines())) <= 60
    assert NAMES[0] in text
    assert "…" not in text
    cells = [line.split("│")[2].strip() for line in text.splitlines() if "│" in line]
    assert "".join(cells) == NAMES[1]
