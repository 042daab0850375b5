"""What a board does between reset and its last line."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_tinyquant.boards.console.protocol import encode
from pytest_tinyquant.boards.firmware_board import FirmwareBoard
from pytest_tinyquant.boards.halts.halt_rx import RxFaults
from pytest_tinyquant.errors import ClockError


Session = tuple[tuple[str, str], ...]


class Recorder:
    """A debugger and a console that note in one list what is asked of them."""

    def __init__(self, session: Session) -> None:
        self.calls: list[str] = []
        self._lines = [encode(number, *line) for number, line in enumerate(session)]
        self._running = False

    def read(self, timeout: float) -> bytes:
        if not self._running:
            return b""
        self.calls.append("console")
        return self._lines.pop(0)

    def state(self) -> str:
        self.calls.append("state")
        return "running" if self._running else "halted"

    def __getattr__(self, verb: str) -> Any:
        def note(*_: object, **__: object) -> None:
            self.calls.append(verb)
            self._running = verb == "resume"

        return note


class RecordedBoard(FirmwareBoard):
    faults = RxFaults()

    def __init__(self, recorder: Recorder) -> None:
        super().__init__("b", timeout=5)
        self._recorder = recorder

    def power_up(self, image: Any, cleanup: contextlib.ExitStack) -> Any:
        return self._recorder, self._recorder


@pytest.fixture
def recorder(cycles_session: Session) -> Recorder:
    return Recorder(cycles_session)


@pytest.fixture
def board(recorder: Recorder) -> RecordedBoard:
    board = RecordedBoard(recorder)
    image: Any = SimpleNamespace(elf=Path("image.elf"), image_id="0123456789abcdef")
    board.flash(image)
    return board


def test_no_debugger_access_while_the_board_measures(
    board: RecordedBoard, recorder: Recorder
) -> None:
    """An access over the debug port takes the bus from the core and would cost it cycles."""
    record = board.run()
    assert record.repeats == (1000,)
    during = recorder.calls[recorder.calls.index("resume") + 1 : recorder.calls.index("halt")]
    assert set(during) == {"console"}
    assert len(during) == 10, "all lines of the run"


def test_a_clock_that_the_bench_row_rules_out_is_refused(board: RecordedBoard) -> None:
    board.clock_hz = 80
    with pytest.raises(ClockError, match=r"120 Hz, but boards\.toml says clock_hz = 80"):
        board.run()
