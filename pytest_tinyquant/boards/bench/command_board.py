"""A real board without a debugger: programmed by a command, heard over its serial port."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from pytest_tinyquant.boards.bench.command_flasher import find_flasher
from pytest_tinyquant.boards.bench.command_flasher import program
from pytest_tinyquant.boards.bench.command_flasher import write_mot
from pytest_tinyquant.boards.console.console import SerialConsole
from pytest_tinyquant.boards.console.protocol import Decoder
from pytest_tinyquant.boards.console.serial_port import find_port
from pytest_tinyquant.boards.cores.core import core_of
from pytest_tinyquant.boards.debug.errors import DebuggerError
from pytest_tinyquant.boards.device import Console
from pytest_tinyquant.boards.device import Debugger
from pytest_tinyquant.boards.device import LoadableImage
from pytest_tinyquant.boards.device import State
from pytest_tinyquant.boards.firmware_board import IDLE_TIMEOUT
from pytest_tinyquant.boards.firmware_board import FirmwareBoard
from pytest_tinyquant.boards.halts.diagnosis import LOG_LINES
from pytest_tinyquant.boards.halts.diagnosis import Diagnosis
from pytest_tinyquant.boards.halts.halt import Faults
from pytest_tinyquant.boards.halts.halt import indented_log
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.errors import DeviceTimeoutError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.firmware.elf import Elf
from pytest_tinyquant.firmware.toolchain import find_toolchain
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.system.scratch import scratch_directory


_FIRST_LINE = b"#0000 HELLO "


class CommandBoard(FirmwareBoard):
    """A board that a command-line tool programs; the caller holds its lease.

    The tool starts the firmware when it has programmed it, and the firmware speaks at once: what
    arrives while the tool still runs is kept. Every further run programs the board again, since
    nothing else here can reset it.

    :param board: its type.
    :param physical: the tool, the probe and the port.
    """

    def __init__(
        self,
        board: Board,
        physical: PhysicalBoard,
        *,
        timeout: float,
        idle_timeout: float = IDLE_TIMEOUT,
    ) -> None:
        super().__init__(
            f"{board.name} ({physical.name})", timeout=timeout, idle_timeout=idle_timeout
        )
        self._board = board
        self._physical = physical
        self.clock_hz = physical.clock_hz

    @property
    def faults(self) -> Faults:
        """What reads the faults of the core."""
        return core_of(self._board).faults()

    def power_up(
        self, image: LoadableImage, cleanup: contextlib.ExitStack
    ) -> tuple[Debugger, Console]:
        """Open the port before anything can be said, then program, verify and start the image."""
        physical = self._physical
        flasher = find_flasher(physical.flasher, self._board.chip, physical.where or physical.name)
        port = find_port(physical.port)
        console = KeptConsole(SerialConsole(port, baud_rate=physical.baud_rate))
        cleanup.callback(console.close)
        directory = cleanup.enter_context(scratch_directory())
        toolchain = find_toolchain(self._board.kind, self._board.toolchain)
        mot = write_mot(image.elf, Path(directory), toolchain)

        def start() -> None:
            console.forget()
            program(
                flasher,
                elf=image.elf,
                mot=mot,
                serial=physical.probe,
                where=self._name,
                meanwhile=console.keep,
            )

        debugger = Starter(start, Elf(image.elf), self._name)
        debugger.load(image.elf)
        return debugger, console

    def _discard_stale(self) -> None:
        """Keep everything: the run began while the board was programmed."""

    def _halt(self) -> None:
        """Leave the core alone: nothing here can halt it, and it rests when it has finished."""

    def _check_link(self) -> None:
        """Trust the console: there is no other link."""

    def _diagnosis(self, image: LoadableImage) -> Diagnosis:
        return BlindDiagnosis(
            self.where, self._debugger, self._console, Elf(image.elf), self.faults
        )


class KeptConsole:
    """A console that can be read ahead of whoever asks."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._kept = b""

    def keep(self, seconds: float) -> None:
        """Read for so long, and keep from the beginning of the last run on."""
        self._kept += self._console.read(seconds)
        self._kept = self._kept[max(self._kept.rfind(_FIRST_LINE), 0) :]

    def forget(self) -> None:
        """Drop what was kept."""
        self._kept = b""

    def read(self, timeout: float) -> bytes:
        """Return what was kept or arrived, at latest after ``timeout`` seconds."""
        kept, self._kept = self._kept, b""
        return kept or self._console.read(timeout)

    def reopen(self, *, within: float) -> None:
        """Close the port and open it again."""
        self._console.reopen(within=within)

    def close(self) -> None:
        """Close the port; may be called twice."""
        self._console.close()


class Starter:
    """The part of a debugger that a programming tool can play.

    :param start: programs and starts the image.
    :param elf: the image; constants are read from it, since memory cannot be.
    """

    def __init__(self, start: Callable[[], None], elf: Elf, where: str) -> None:
        self._start = start
        self._elf = elf
        self._where = where
        self._is_fresh = False

    def load(self, elf: Path) -> None:
        """Program, verify and start the image; raises FlashError."""
        self._start()
        self._is_fresh = True

    def reset(self, *, halt: bool = False) -> None:
        """Do nothing: starting is resetting."""

    def resume(self) -> None:
        """Start the image unless it was started just now."""
        if not self._is_fresh:
            self._start()
        self._is_fresh = False

    def start_at(self, sp: int, pc: int) -> None:
        """Raise DebuggerError."""
        raise self._blind("the stack pointer")

    def halt(self) -> None:
        """Do nothing: the firmware rests when it has finished."""

    def state(self) -> State:
        """Return ``running``, for all that can be known."""
        return "running"

    def register(self, name: str) -> int:
        """Raise DebuggerError."""
        raise self._blind(f"register {name}")

    def read(self, address: int, size: int) -> bytes:
        """Return constants of the image; raises DebuggerError for anything else."""
        try:
            return self._elf.read(address, size)
        except ValueError:
            raise self._blind(f"memory at {address:#010x}") from None

    def write(self, address: int, data: bytes) -> None:
        """Raise DebuggerError."""
        raise self._blind(f"memory at {address:#010x}")

    def breakpoint(self, address: int, *, enabled: bool = True) -> None:
        """Raise DebuggerError."""
        raise self._blind("a breakpoint")

    def close(self) -> None:
        """Do nothing."""

    def _blind(self, what: str) -> DebuggerError:
        return DebuggerError(f"{self._where}: no debugger is connected that could reach {what}")


class BlindDiagnosis(Diagnosis):
    """Says what can be said from the console alone, and what cannot."""

    def unfinished(self, decoder: Decoder, waited: str) -> TinyQuantError:
        """Describe a device that is silent or too slow."""
        log = indented_log(decoder.log_text(tail=LOG_LINES))
        if decoder.suspect:
            return ConsoleError(
                f"{self._where}: {waited}, and the console is garbled: {decoder.suspect!r}; check "
                "the baud rate, the ground wire and TQ_CRYSTAL_HZ" + log
            )
        if not decoder.lines:
            return ConsoleError(
                f"{self._where}: {waited}, nothing came that the firmware says. It was programmed "
                "and verified. No debugger is connected, so these cannot be told apart: TXD is "
                "on another pin or not wired, reset is held, the clock did not start, or the core "
                "stopped before its first line" + log
            )
        return DeviceTimeoutError(
            f"{self._where}: {waited}, {decoder.lines} lines of results came before. No debugger "
            "is connected, so it cannot be told whether the core hangs, is slow, or stopped "
            "without reaching its fault handler" + log
        )
