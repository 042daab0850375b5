"""Real boards: they keep what was written to them, and somebody else may have written it."""

from __future__ import annotations

import contextlib
import hashlib
from abc import abstractmethod
from typing import Protocol

from pytest_tinyquant.boards.console.console import SerialConsole
from pytest_tinyquant.boards.console.serial_port import find_port
from pytest_tinyquant.boards.cores.core import core_of
from pytest_tinyquant.boards.debug.cmsis_pack import check_bank_mode
from pytest_tinyquant.boards.debug.cmsis_pack import session_options
from pytest_tinyquant.boards.debug.pyocd_debugger import PyocdDebugger
from pytest_tinyquant.boards.debug.pyocd_session import import_pyocd
from pytest_tinyquant.boards.device import Console
from pytest_tinyquant.boards.device import Debugger
from pytest_tinyquant.boards.device import LoadableImage
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.boards.firmware_board import IDLE_TIMEOUT
from pytest_tinyquant.boards.firmware_board import FirmwareBoard
from pytest_tinyquant.boards.halts.halt import Faults
from pytest_tinyquant.errors import BoardNotFoundError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.firmware.elf import Elf
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.kinds import KINDS


_CPUID = 0xE000ED00


class ImageMemory(Protocol):
    """Remembers what a board holds; a :class:`pytest_tinyquant.boards.bench.lease.Lease` does."""

    @property
    def loaded(self) -> str | None:
        """Digest of the image that the board holds, None if that is not known."""

    def note_loaded(self, digest: str | None) -> None:
        """Note what the board holds: nothing known before it is written, the image afterwards."""


class HardwareBoard(FirmwareBoard):
    """A real board, which the caller holds the lease of.

    :param board: its type.
    :param physical: which one.
    :param memory: remembers from test to test what it holds; None writes every image.
    """

    stale_seconds = 0.02

    def __init__(
        self,
        board: Board,
        physical: PhysicalBoard,
        *,
        timeout: float,
        idle_timeout: float = IDLE_TIMEOUT,
        memory: ImageMemory | None = None,
    ) -> None:
        super().__init__(
            f"{board.name} ({physical.name})", timeout=timeout, idle_timeout=idle_timeout
        )
        self._board = board
        self._physical = physical
        self.clock_hz = physical.clock_hz
        self._memory = memory
        self._assumed = False

    @abstractmethod
    def connect(
        self, image: LoadableImage, cleanup: contextlib.ExitStack, *, write: bool
    ) -> Debugger:
        """Connect to the board, halted after reset.

        :param write: put the image on it and verify it; otherwise it holds the image already.
        """

    def power_up(
        self, image: LoadableImage, cleanup: contextlib.ExitStack
    ) -> tuple[Debugger, Console]:
        """Open the port before anything can be said, then see to the image."""
        by_debugger = self._board.console == "debugger"
        if not by_debugger:
            console: Console = SerialConsole(
                lambda: find_port(self._physical.port), baud_rate=self._physical.baud_rate
            )
            cleanup.callback(console.close)
        digest = image_digest(image)
        self._assumed = self._memory is not None and self._memory.loaded == digest
        if not self._assumed and self._memory is not None:
            self._memory.note_loaded(None)
        debugger = self.connect(image, cleanup, write=not self._assumed)
        if self._memory is not None:
            self._memory.note_loaded(digest)
        if by_debugger:
            console = self.open_mailbox(debugger, image)
            cleanup.callback(console.close)
        return debugger, console

    def run(self) -> RunRecord:
        """Run the image from reset to its last line.

        Whatever fails on an image that was found on the board is not believed: somebody may have
        put another one there. The image is written then, and run once more.
        """
        image = self._image
        try:
            record = super().run()
        except TinyQuantError:
            if not self._assumed or image is None or self._memory is None:
                raise
            self._memory.note_loaded(None)
            self.flash(image)
            return super().run()
        self._assumed = False  # the image said its id
        return record


class PyocdBoard(HardwareBoard):
    """A Cortex-M board behind a debug probe that pyOCD drives."""

    @property
    def faults(self) -> Faults:
        """What reads the faults of the core."""
        return core_of(self._board).faults()

    def begin(self, image: LoadableImage) -> None:
        """Start the image by its own stack pointer and first instruction, whatever boots it."""
        if self._board.console == "debugger":
            self._debugger.start_at(*Elf(image.elf).start())
        super().begin(image)

    def connect(
        self, image: LoadableImage, cleanup: contextlib.ExitStack, *, write: bool
    ) -> Debugger:
        """Connect to the one probe with exactly this id."""
        target = self._board.pyocd_target
        import_pyocd()
        options = session_options(target, self._physical.pack)
        debugger = PyocdDebugger(self._physical.probe, target, options=options)
        cleanup.callback(debugger.close)
        check_bank_mode(debugger, target, self._name)
        check_core(debugger, self._board, self._name)
        if write:
            debugger.load(image.elf)
        else:
            debugger.reset(halt=True)
        return debugger


def check_core(debugger: Debugger, board: Board, where: str) -> None:
    """Check that the core is the one that the board's table says.

    :raises BoardNotFoundError: it is another one.
    """
    part = getattr(core_of(board), "part", 0)
    cpuid = int.from_bytes(debugger.read(_CPUID, 4), "little")
    found = cpuid >> 4 & 0xFFF
    if part and found != part:
        other = [name for name in KINDS if getattr(KINDS[name], "part", 0) == found]
        raise BoardNotFoundError(
            f"{where}: the attached core is {' or '.join(other) or 'unknown'} (CPUID "
            f"{cpuid:#010x}), but boards.toml says {board.kind}; correct 'core', or the row's probe"
        )


def image_digest(image: LoadableImage) -> str:
    """Return the digest of the bytes that a board is given."""
    return hashlib.sha256(Elf(image.elf).loadable_bytes()).hexdigest()
