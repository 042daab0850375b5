"""The progress line: on a terminal one that renews itself, elsewhere a line now and then."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from collections.abc import Generator
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

import pytest

from pytest_tinyquant.system.plain_text import harmless
from pytest_tinyquant.system.progress import ProgressReader


if TYPE_CHECKING:
    from pytest_tinyquant.project.case import Case
    from pytest_tinyquant.report.results import Results
    from pytest_tinyquant.session.run import Run

#: Seconds between two looks at the progress on a terminal.
REFRESH: Final = 0.5

# Cursor movements of ECMA-48 and DEC's VT100. The line lies below the one that pytest is writing:
# IND and RI make sure that there is a line below, without moving the cursor in the end.
_MAKE_ROOM: Final = "\x1bD\x1bM"
_BELOW: Final = "\x1b7\x1b[1B\r\x1b[2K{}\x1b8"


class Screen:
    """Where the line goes: a descriptor of its own, as pytest redirects the usual one.

    :param terminal: the line renews itself; otherwise every text is a line of its own.
    :param is_within_line: tells whether pytest has begun a line and not ended it.
    """

    def __init__(
        self, descriptor: int, *, terminal: bool, is_within_line: Callable[[], bool]
    ) -> None:
        self._descriptor = descriptor
        self._is_within_line = is_within_line
        self._shown = ""
        self.terminal = terminal

    def show(self, text: str) -> None:
        """Show `text`; an empty one erases the line of a terminal."""
        if self.terminal:
            self._renew(text)
        elif text:
            self.say(text)

    def say(self, text: str) -> None:
        """Write a line that stays."""
        if self._shown:
            self._renew("")
        text = harmless(text, one_line=True)
        end = "\r\n" if self.terminal else "\n"
        self._write((end if self._is_within_line() else "") + f"tinyquant: {text}{end}")

    def close(self) -> None:
        """Leave nothing behind."""
        self.show("")
        os.close(self._descriptor)

    def _renew(self, text: str) -> None:
        if text:
            # A terminal that nobody told its size says 0.
            width = 80
            with contextlib.suppress(OSError):
                width = os.get_terminal_size(self._descriptor).columns or 80
            line = f"tinyquant: {harmless(text, one_line=True)}"[: width - 1]
            self._write(_MAKE_ROOM + _BELOW.format(line))
        elif self._shown:
            self._write(_BELOW.format(""))
        self._shown = text

    def _write(self, text: str) -> None:
        data = text.encode(errors="replace")
        with contextlib.suppress(OSError):  # nobody reads it any more, or its disk is full
            while data:
                data = data[os.write(self._descriptor, data) :]


class LiveProgress:
    """Shows the progress while tests run, from a thread: stages block their process for minutes.

    The hooks take the line away while pytest writes.
    """

    def __init__(
        self,
        screen: Screen,
        reader: ProgressReader,
        totals: Callable[[], Mapping[str, int]],
        interval: float,
    ) -> None:
        self._screen = screen
        self._reader = reader
        self._totals = totals
        self._interval = interval
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="tinyquant-progress", daemon=True)

    def start(self) -> None:
        """Begin to show the progress."""
        self._thread.start()

    def stop(self) -> None:
        """Take the line away for good."""
        self._end.set()
        self._thread.join()
        self._screen.close()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logstart(self) -> Generator[None, Any, Any]:
        """Take the line away while pytest writes a test's name."""
        return (yield from self._aside())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self) -> Generator[None, Any, Any]:
        """Take the line away while pytest writes a test's result."""
        return (yield from self._aside())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logfinish(self) -> Generator[None, Any, Any]:
        """Take the line away while pytest writes how far it is."""
        return (yield from self._aside())

    def tick(self) -> None:
        """Show what is being done now."""
        self._reader.read()
        with self._lock:
            for line in self._reader.lines():
                self._screen.say(line)
            self._screen.show(self._reader.text(self._totals(), time.time()))

    def _aside(self) -> Generator[None, Any, Any]:
        if not self._screen.terminal:
            return (yield)
        with self._lock:
            self._screen.show("")
            return (yield)

    def _loop(self) -> None:
        while not self._end.wait(REFRESH if self._screen.terminal else self._interval):
            try:
                self.tick()
            except Exception:
                return  # no line any more; the tests go on and are told of as ever


@contextmanager
def shown(config: pytest.Config, run: Run, results: Results) -> Iterator[None]:
    """Show the progress of a run, if there is anything to show it on."""
    screen = open_screen(config)
    if screen is None:
        yield
        return
    live = LiveProgress(
        screen,
        ProgressReader(run.progress_path, interval=run.settings.progress_interval),
        # With pytest-xdist it turns out late what is to run.
        lambda: totals_of(run.combinations, results.expected),
        run.settings.progress_interval,
    )
    config.pluginmanager.register(live, "tinyquant-progress")
    live.start()
    try:
        yield
    finally:
        live.stop()
        config.pluginmanager.unregister(live)


def open_screen(config: pytest.Config) -> Screen | None:
    """Return the screen of a run; None if its output goes where no line can be added."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return None
    try:
        descriptor = os.dup(sys.stdout.fileno())
    except (OSError, ValueError):
        # In another program's memory, such as that of pytest's own pytester.
        return None
    terminal = os.isatty(descriptor) and os.environ.get("TERM") != "dumb"
    writer = reporter._tw
    return Screen(
        descriptor, terminal=terminal, is_within_line=lambda: bool(writer.width_of_current_line)
    )


def totals_of(combinations: Iterable[Case], nodeids: Iterable[str]) -> dict[str, int]:
    """Return how often each stage is due for the tests that are to run."""
    ids = {nodeid.partition("[")[2].rpartition("]")[0] for nodeid in nodeids}
    wanted = [combination for combination in combinations if combination.id in ids]
    return {
        "converting": len({(c.model.name, c.scheme.name) for c in wanted}),
        "building": sum(c.board.runs_firmware for c in wanted),
        "running": len(wanted),
    }
