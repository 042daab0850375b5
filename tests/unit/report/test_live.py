"""The progress line, as a terminal shows it and as a log keeps it."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest

from pytest_tinyquant.report.live import Screen


COLUMNS, LINES = 40, 5


class Terminal:
    """A terminal of 40 x 5 characters; what is written to `descriptor` is what it shows."""

    def __init__(self) -> None:
        self.master, self.descriptor = pty.openpty()
        tty.setraw(self.descriptor)
        size = struct.pack("HHHH", LINES, COLUMNS, 0, 0)
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, size)
        self.screen = pyte.Screen(COLUMNS, LINES)
        self.stream = pyte.ByteStream(self.screen)
        self.titles = 0

    def write(self, text: str) -> None:
        """Write as pytest would."""
        os.write(self.descriptor, text.replace("\n", "\r\n").encode())

    @property
    def lines(self) -> list[str]:
        # A title that is new shows that everything written before it has arrived.
        self.titles += 1
        self.write(f"\x1b]2;{self.titles}\x07")
        while self.screen.title != str(self.titles):
            self.stream.feed(os.read(self.master, 65536))
        return [line.rstrip() for line in self.screen.display]


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    for descriptor in (terminal.master, terminal.descriptor):
        os.close(descriptor)


@pytest.fixture
def screen(terminal: Terminal) -> Screen:
    return Screen(terminal.descriptor, terminal=True, is_within_line=lambda: True)


def test_the_line_lies_below_pytests_and_leaves_its_cursor(
    terminal: Terminal, screen: Screen
) -> None:
    terminal.write("tests/a.py ..")
    screen.show("converting 1/2")
    terminal.write(".")
    assert terminal.lines[:2] == ["tests/a.py ...", "tinyquant: converting 1/2"]


def test_a_shorter_text_leaves_nothing_of_a_longer_one(terminal: Terminal, screen: Screen) -> None:
    terminal.write("tests/a.py ..")
    screen.show("converting 100/200")
    screen.show("running")
    assert terminal.lines[1] == "tinyquant: running"


def test_an_empty_text_takes_the_line_away(terminal: Terminal, screen: Screen) -> None:
    terminal.write("tests/a.py ..")
    screen.show("converting 1/2")
    screen.show("")
    terminal.write("\ntests/b.py")
    assert terminal.lines == ["tests/a.py ..", "tests/b.py", "", "", ""]


def test_at_the_bottom_the_screen_scrolls_and_pytests_line_goes_on(
    terminal: Terminal, screen: Screen
) -> None:
    terminal.write("1\n2\n3\n4\n5..")
    screen.show("running")
    terminal.write(".")
    assert terminal.lines == ["2", "3", "4", "5...", "tinyquant: running"]


def test_a_text_wider_than_the_terminal_is_cut(terminal: Terminal, screen: Screen) -> None:
    terminal.write("tests/a.py")
    screen.show("running " + "x" * 100)
    assert terminal.lines[1:3] == [f"tinyquant: running {'x' * 20}", ""]


def test_what_was_never_shown_is_not_erased(terminal: Terminal, screen: Screen) -> None:
    screen.show("")
    terminal.write("!")
    assert os.read(terminal.master, 100) == b"!"


def test_a_line_that_stays_is_written_in_place_of_the_one_that_does_not(
    terminal: Terminal, screen: Screen
) -> None:
    terminal.write("tests/a.py ..")
    screen.show("running")
    screen.say("waits")
    terminal.write("..")
    screen.show("running")
    assert terminal.lines == ["tests/a.py ..", "tinyquant: waits", "..", "tinyquant: running", ""]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[tuple[Screen, Path, list[str]]]:
    """A screen that is a file, and what it holds."""
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    within: list[str] = []
    yield Screen(descriptor, terminal=False, is_within_line=lambda: bool(within)), path, within
    os.close(descriptor)


def test_a_log_gets_whole_lines_and_no_control_characters(
    log: tuple[Screen, Path, list[str]],
) -> None:
    screen, path, within = log
    screen.show("converting 1/2")
    within.append("pytest has written dots")
    screen.show("running 1/2")
    screen.show("")
    assert path.read_text() == "tinyquant: converting 1/2\n\ntinyquant: running 1/2\n"


def test_a_terminal_that_is_gone_costs_the_line_alone() -> None:
    """As after its window was closed, or on a disk that is full."""
    full = os.open("/dev/full", os.O_WRONLY)
    screen = Screen(full, terminal=True, is_within_line=lambda: True)
    screen.show("running 1/2")
    screen.say("a line that stays")
    screen.close()
    log = Screen(os.open("/dev/full", os.O_WRONLY), terminal=False, is_within_line=lambda: False)
    log.show("running 1/2")
    log.close()
