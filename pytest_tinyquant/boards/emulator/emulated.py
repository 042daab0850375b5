"""What emulated boards have in common: every image starts on a machine of its own."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Iterator

from pytest_tinyquant.boards.console.console import PortClosedError
from pytest_tinyquant.boards.console.console import SerialConsole
from pytest_tinyquant.boards.console.protocol import Decoder
from pytest_tinyquant.boards.device import Console
from pytest_tinyquant.boards.device import Debugger
from pytest_tinyquant.boards.device import LoadableImage
from pytest_tinyquant.boards.emulator.qemu import Qemu
from pytest_tinyquant.boards.firmware_board import IDLE_TIMEOUT
from pytest_tinyquant.boards.firmware_board import FirmwareBoard
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.errors import TinyQuantError


_DEATH_SECONDS = 1.0


class EmulatedBoard(FirmwareBoard):
    """One emulated board; every image starts on a machine that ran nothing before.

    :param machine: QEMU's name of what is emulated.
    :param by_debugger: the console is the debugger's mailbox, no UART.
    """

    def __init__(
        self,
        name: str,
        machine: str,
        *,
        timeout: float,
        idle_timeout: float = IDLE_TIMEOUT,
        by_debugger: bool = False,
    ) -> None:
        super().__init__(name, timeout=timeout, idle_timeout=idle_timeout)
        self.machine = machine
        self._by_debugger = by_debugger

    @abstractmethod
    def start(self, image: LoadableImage, cleanup: contextlib.ExitStack) -> Qemu:
        """Start the emulator, stopped; it may or may not hold the image yet.

        :param cleanup: is given the closing of what is opened beside the emulator.
        """

    @abstractmethod
    def connect(self, qemu: Qemu, image: LoadableImage) -> Debugger:
        """Connect to the core and see to it that it holds the image; halted after reset."""

    def death(self, qemu: Qemu, image: LoadableImage, decoder: Decoder | None) -> TinyQuantError:
        """Describe why the emulator ended."""
        return qemu.death(self.where)

    def power_up(
        self, image: LoadableImage, cleanup: contextlib.ExitStack
    ) -> tuple[Debugger, Console]:
        """Start the emulator and put the image on it."""
        self._qemu = self.start(image, cleanup)
        cleanup.callback(self._qemu.close)
        with self.watched(image):
            if not self._by_debugger:
                console: Console = SerialConsole(self._qemu.console_url)
                cleanup.callback(console.close)
            debugger = self.connect(self._qemu, image)
            cleanup.callback(debugger.close)
            if self._by_debugger:
                console = self.open_mailbox(debugger, image)
                cleanup.callback(console.close)
        return debugger, console

    @contextlib.contextmanager
    def watched(self, image: LoadableImage, decoder: Decoder | None = None) -> Iterator[None]:
        """Blame a link that broke in a ``with`` block on the emulator, if that is what died."""
        try:
            yield
        except BenchError as error:
            # Only a link that broke may be QEMU's end; what came over it was said before.
            said = isinstance(error, ConsoleError) and not isinstance(error, PortClosedError)
            if not self._qemu.ended(within=0 if said else _DEATH_SECONDS):
                raise
            if decoder is not None:
                self._receive_rest(decoder)
            raise self.death(self._qemu, image, decoder) from error

    def _receive_rest(self, decoder: Decoder) -> None:
        """Take in what the device had sent before the emulator ended and nobody had read yet."""
        with contextlib.suppress(BenchError):
            while data := self._console.read(0):
                decoder.feed(data)
