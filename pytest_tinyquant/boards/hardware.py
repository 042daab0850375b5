"""A real Cortex-M board: programmed and watched through pyOCD, heard over its serial port."""

from __future__ import annotations

import contextlib

from pytest_tinyquant.boards.cmsis_pack import check_bank_mode
from pytest_tinyquant.boards.cmsis_pack import session_options
from pytest_tinyquant.boards.console import SerialConsole
from pytest_tinyquant.boards.debugger import PyocdDebugger
from pytest_tinyquant.boards.device import Console
from pytest_tinyquant.boards.device import Debugger
from pytest_tinyquant.boards.device import LoadableImage
from pytest_tinyquant.boards.firmware_board import IDLE_TIMEOUT
from pytest_tinyquant.boards.firmware_board import FirmwareBoard
from pytest_tinyquant.boards.halt_cortex_m import CortexMFaults
from pytest_tinyquant.boards.inventory import Board
from pytest_tinyquant.boards.physical import PhysicalBoard
from pytest_tinyquant.boards.pyocd_session import import_pyocd
from pytest_tinyquant.boards.serial_port import find_port


class PyocdBoard(FirmwareBoard):
    """A board behind a debug probe; the caller holds its lease.

    :param board: its type.
    :param physical: the probe and the port.
    """

    faults = CortexMFaults()
    stale_seconds = 0.02

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

    def power_up(
        self, image: LoadableImage, cleanup: contextlib.ExitStack
    ) -> tuple[Debugger, Console]:
        """Open the port before anything can be said, then write the image and verify it."""
        console = SerialConsole(
            lambda: find_port(self._physical.port), baud_rate=self._physical.baud_rate
        )
        cleanup.callback(console.close)
        target = self._board.pyocd_target
        import_pyocd()
        options = session_options(target, self._physical.pack)
        debugger = PyocdDebugger(self._physical.probe, target, options=options)
        cleanup.callback(debugger.close)
        check_bank_mode(debugger, target, self._name)
        debugger.load(image.elf)
        return debugger, console
