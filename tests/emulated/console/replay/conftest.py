"""Recorded runs of real firmware, replayed over a line by a board that is not there.

The decoder, the repetition and the diagnosis are real; the debugger looks at a snapshot of the
emulated board's memory.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from pytest_tinyquant.boards.console.console import SerialConsole
from pytest_tinyquant.boards.device import Console
from pytest_tinyquant.boards.device import Debugger
from pytest_tinyquant.boards.device import LoadableImage
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.boards.emulator.cortex_m import EmulatedCortexM
from pytest_tinyquant.boards.firmware_board import FirmwareBoard
from pytest_tinyquant.boards.halts.halt_cortex_m import CortexMFaults
from pytest_tinyquant.errors import InvalidOutputError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.firmware.elf import Elf
from pytest_tinyquant.firmware.image import FirmwareImage


if TYPE_CHECKING:
    from tests.emulated.console.conftest import Event
    from tests.emulated.console.conftest import Line
    from tests.emulated.console.conftest import LineReader


SNAPSHOT = {0x00000000: 0x40000, 0x20000000: 0xA0000, 0xE000ED00: 0x40}
"""Address and size of the memory that a diagnosis may look at: code, RAM, fault registers."""


@dataclass(frozen=True)
class Recording:
    """What one run on the emulated board left: its output, its state, and how it ended."""

    image: FirmwareImage
    output: bytes
    registers: dict[str, int]
    memory: dict[int, bytes]
    result: RunRecord | TinyQuantError


class RecordedDebugger:
    """Debug access to a device that has come to the end of a recorded run."""

    def __init__(self, recording: Recording, line: Any) -> None:
        self._recording = recording
        self._line = line
        self._at_reset = False

    def load(self, elf: Path) -> None: ...

    def reset(self, *, halt: bool = False) -> None:
        self._line.stop()
        self._at_reset = True

    def resume(self) -> None:
        if self._at_reset:
            self._line.start()
        self._at_reset = False

    def halt(self) -> None: ...

    def state(self) -> str:
        return "halted"

    def register(self, name: str) -> int:
        return self._recording.registers[name]

    def read(self, address: int, size: int) -> bytes:
        for start, content in self._recording.memory.items():
            if start <= address <= start + len(content) - size:
                return content[address - start :][:size]
        raise AssertionError(f"{size} bytes at {address:#x} are not in the snapshot")

    def write(self, address: int, data: bytes) -> None: ...

    def breakpoint(self, address: int, *, enabled: bool = True) -> None: ...

    def close(self) -> None: ...


class ReplayedBoard(FirmwareBoard):
    """A board that plays a recording over a line."""

    faults = CortexMFaults()
    reopen_seconds = 0.0

    def __init__(self, recording: Recording, line: Any, reader: Callable[[Any], Console]) -> None:
        super().__init__("nucleo-l4r5zi", timeout=600.0)
        self._recording = recording
        self._line = line
        self._reader = reader

    def power_up(
        self, image: LoadableImage, cleanup: contextlib.ExitStack
    ) -> tuple[Debugger, Console]:
        console = self._reader(self._line)
        cleanup.callback(console.close)
        debugger: Any = RecordedDebugger(self._recording, self._line)
        return debugger, console


@pytest.fixture(scope="session")
def recorded(
    image_of: Callable[[str], FirmwareImage], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Recording]:
    """Return what a scenario leaves on the emulated board; each is run once."""
    done: dict[str, Recording] = {}

    def recording(scenario: str) -> Recording:
        if scenario not in done:
            log = tmp_path_factory.mktemp("recordings") / "console.log"
            if scenario == "wrong image":
                image = dataclasses.replace(image_of("well"), image_id="f" * 16)
                result = record(image, log).result
                done[scenario] = dataclasses.replace(recording("well"), image=image, result=result)
            else:
                done[scenario] = record(image_of(scenario), log)
        return done[scenario]

    return recording


def record(image: FirmwareImage, log: Path) -> Recording:
    device = EmulatedCortexM("nucleo-l4r5zi", "mps2-an386", timeout=20, idle_timeout=0.5)
    device.log = log
    try:
        device.flash(image)
        result: RunRecord | TinyQuantError
        try:
            result = device.run()
        except TinyQuantError as error:
            result = error
        debugger = device._debugger
        debugger.halt()
        if isinstance(result, (RunRecord, InvalidOutputError)):
            rest(debugger, image)
        return Recording(
            image,
            log.read_bytes(),
            {name: debugger.register(name) for name in CortexMFaults.core_registers},
            {start: debugger.read(start, size) for start, size in SNAPSHOT.items()},
            result,
        )
    finally:
        device.close()


def rest(debugger: Debugger, image: FirmwareImage) -> None:
    """Let a core whose last line came go on to where a board rests by the time one looks.

    On a host under load the run is over before the core has left the function that sent the line.
    """
    finished = Elf(image.elf).symbol("tq_finished")
    assert finished is not None
    while not finished.address <= debugger.register("pc") < finished.address + finished.size:
        debugger.breakpoint(finished.address)
        debugger.resume()
        while debugger.state() == "running":
            pass
        debugger.breakpoint(finished.address, enabled=False)


@dataclass(frozen=True)
class Trial:
    """One recording replayed over a line.

    :param expected: how it ends without faults.
    :param log: what the board kept of the console.
    """

    line: Any
    expected_output: bytes
    expected: RunRecord | TinyQuantError
    result: RunRecord | TinyQuantError
    log: bytes

    @property
    def runs(self) -> int:
        """How often the device ran."""
        return int(self.line.started)

    def check_that_the_port_is_free(self) -> None:
        if self.line.connected:
            SerialConsole(str(self.line.port)).close()
            self.line.disconnect()


@pytest.fixture
def replay(
    recorded: Callable[[str], Recording],
    line: Callable[..., Line],
    line_reader: type[LineReader],
    damages: dict[str, Callable[[bytes, random.Random], list[Event]]],
    tmp_path: Path,
) -> Callable[..., Trial]:
    """Replay a scenario's run over a line with one kind of damage; once, or in every run."""

    def run(
        scenario: str, kind: str = "", rng: random.Random | None = None, *, lasting: bool = False
    ) -> Trial:
        recording = recorded(scenario)
        if rng is None:
            return play(recording, line([[recording.output]]))
        damaged = [damages[kind](recording.output, rng) for _ in range(2)]
        runs = damaged if lasting else [damaged[0], [recording.output]]
        return play(recording, line(runs, chunk=rng.choice((1, 20, 200))))

    def play(recording: Recording, over: Any) -> Trial:
        log = tmp_path / "console.log"
        log.unlink(missing_ok=True)
        board = ReplayedBoard(recording, over, line_reader)
        board.log = log
        result: RunRecord | TinyQuantError
        try:
            board.flash(recording.image)
            result = board.run()
        except TinyQuantError as error:
            result = error
        finally:
            board.close()
        return Trial(over, recording.output, recording.result, result, log.read_bytes())

    return run
