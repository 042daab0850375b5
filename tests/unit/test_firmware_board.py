"""What a board does between reset and its last line."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_tinyquant.boards.firmware_board import FirmwareBoard
from pytest_tinyquant.boards.halt_rx import RxFaults
from pytest_tinyquant.boards.protocol import encode
from pytest_tinyquant.errors import ClockError


IMAGE_ID = "0123456789abcdef"
SESSION = (
    ("HELLO", f"tq=1 image={IMAGE_ID} board=b unit=cycles ops=1 samples=1 outputs=1 repeats=1"),
    ("CLOCK", "hz=120 cycles=120 ticks=1 reference=1 loop=36 low=35 high=40 optimized=speed"),
    ("OUT", "0 0 0a"),
    ("RUN", "0 1100"),
    ("REPEAT", "0 1000"),
    ("OP", "0 900"),
    ("PROFILED", "900"),
    ("STACK", "512 8192"),
    ("GUARD", "ok"),
    ("END", "9"),
)


class Recorder:
    """A debugger and a console that note in one list what is asked of them."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._lines = [encode(number, *line) for number, line in enumerate(SESSION)]
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
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def board(recorder: Recorder) -> RecordedBoard:
    board = RecordedBoard(recorder)
    image: Any = SimpleNamespace(elf=Path("image.elf"), image_id=IMAGE_ID)
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
    assert len(during) == len(SESSION)


def test_a_clock_that_the_bench_row_rules_out_is_refused(board: RecordedBoard) -> None:
    board.clock_hz = 80
    with pytest.raises(ClockError, match=r"120 Hz, but boards\.toml says clock_hz = 80"):
        board.run()
