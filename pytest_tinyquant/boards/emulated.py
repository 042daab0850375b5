"""What emulated boards have in common: QEMU, a console, a debugger, one image at a time."""

from __future__ import annotations

import contextlib
import time
from abc import ABC
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from typing import TypeVar

from pytest_tinyquant.boards.console import PortClosedError
from pytest_tinyquant.boards.console import SerialConsole
from pytest_tinyquant.boards.console_log import LoggedConsole
from pytest_tinyquant.boards.debugger import DebuggerError
from pytest_tinyquant.boards.device import Console
from pytest_tinyquant.boards.device import Debugger
from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.device import LoadableImage
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.boards.diagnosis import Diagnosis
from pytest_tinyquant.boards.halt import Faults
from pytest_tinyquant.boards.protocol import Decoder
from pytest_tinyquant.boards.protocol import RestartError
from pytest_tinyquant.boards.qemu import Qemu
from pytest_tinyquant.boards.run_record import check_image
from pytest_tinyquant.boards.run_record import run_record
from pytest_tinyquant.elf import Elf
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.errors import FlashError
from pytest_tinyquant.errors import TinyQuantError


class _Closable(Protocol):
    def close(self) -> None:
        """Release what it holds."""


_Part = TypeVar("_Part", bound=_Closable)

IDLE_TIMEOUT = 30.0
_DEATH_SECONDS = 1.0


class EmulatedBoard(ABC):
    """One emulated board; every image starts on a machine that ran nothing before.

    :param name: the board's name, for messages.
    :param machine: QEMU's name of what is emulated.
    :param timeout: seconds a run may take; a silence may take ``idle_timeout`` of them.
    :param log: file that all output of the device is appended to.
    """

    def __init__(
        self,
        name: str,
        machine: str,
        *,
        timeout: float,
        idle_timeout: float = IDLE_TIMEOUT,
        log: Path | None = None,
    ) -> None:
        self._name = name
        self.machine = machine
        self._timeout = timeout
        self._idle_timeout = min(timeout, idle_timeout)
        self._log = log
        self._powered = contextlib.ExitStack()
        self._image: LoadableImage | None = None

    @property
    @abstractmethod
    def faults(self) -> Faults:
        """What reads the faults of the core."""

    @abstractmethod
    def start(self, image: LoadableImage) -> Qemu:
        """Start the emulator, stopped; it may or may not hold the image yet."""

    @abstractmethod
    def connect(self, qemu: Qemu, image: LoadableImage) -> Debugger:
        """Connect to the core and see to it that it holds the image; halted after reset."""

    def check_memory(self, debugger: Debugger, image: LoadableImage, where: str) -> None:
        """Look at the memory after a run, where the core itself cannot tell what is wrong.

        :raises InvalidOutputError: the firmware wrote to where it must not.
        """
        return

    def death(
        self, qemu: Qemu, where: str, image: LoadableImage, decoder: Decoder | None
    ) -> TinyQuantError:
        """Describe why the emulator ended."""
        return qemu.death(where)

    @property
    def emulator_pid(self) -> int:
        """Process id of the emulator that runs the image."""
        return self._qemu.pid

    def flash(self, image: LoadableImage | HostImage) -> None:
        """Write ``image`` to a fresh machine and verify it.

        :raises FlashError: it does not read back as written.
        """
        if isinstance(image, HostImage):
            raise FlashError(f"{self._name}: runs firmware, not {image.tflite}")
        self.close()
        with self._powered:
            self._qemu = self._keep(self.start(image))
            with self._emulator_watched(self._name, image):
                self._console = self._keep(self._open_console(image))
                self._debugger = self._keep(self.connect(self._qemu, image))
            self._powered = self._powered.pop_all()
        self._image = image

    def run(self) -> RunRecord:
        """Run the image from reset to its last line.

        :raises DeviceHaltedError: it faulted, locked up or ended early.
        :raises DeviceTimeoutError: it hangs.
        :raises ConsoleError: lines were lost, doubled or garbled.
        :raises FlashError: the image that answers is not the one that was flashed.
        :raises InvalidOutputError: memory around the arena was damaged, or a counter stood still.
        """
        image = self._image
        if image is None:
            raise FlashError(f"{self._name}: no image was flashed before the run")
        where = f"{self._name} running {image.elf.name}"
        decoder = Decoder(where)
        with self._emulator_watched(where, image, decoder):
            self._debugger.reset(halt=True)
            self._debugger.resume()
            self._receive(decoder, image, where)
            # An idle core would burn the host's time: QEMU does not sleep in WFI.
            self._debugger.halt()
            if self._debugger.state() != "halted":  # pyOCD does not notice a link that broke
                raise DebuggerError(f"{where}: the core does not halt after its run")
            self.check_memory(self._debugger, image, where)
        return run_record(decoder, where, counter_class="exact")

    def close(self) -> None:
        """End the emulator; may be called twice."""
        self._image = None
        self._powered.close()

    def _keep(self, part: _Part) -> _Part:
        """Close ``part`` when the board is closed."""
        self._powered.callback(part.close)
        return part

    def _receive(self, decoder: Decoder, image: LoadableImage, where: str) -> None:
        deadline = time.monotonic() + self._timeout
        while not decoder.finished:
            left = deadline - time.monotonic()
            data = self._console.read(min(left, self._idle_timeout)) if left > 0 else b""
            if data:
                self._feed(decoder, data, image, where)
                continue
            waited = f"no output for {self._idle_timeout:g} s"
            if left <= self._idle_timeout:
                waited = f"not finished after {self._timeout:g} s"
            raise self._diagnosis(image, where).unfinished(decoder, waited)
        if decoder.transcript.fault is not None:
            raise self._diagnosis(image, where).fault_line(decoder)

    def _feed(self, decoder: Decoder, data: bytes, image: LoadableImage, where: str) -> None:
        try:
            decoder.feed(data)
        except RestartError as error:
            diagnosis = self._diagnosis(image, where)
            raise diagnosis.restarted(decoder, error, within=self._idle_timeout) from error
        check_image(decoder, image, where)

    def _open_console(self, image: LoadableImage) -> Console:
        console = SerialConsole(self._qemu.console_url)
        if self._log is None:
            return console
        logged = LoggedConsole(console, self._log)
        logged.note(f"{self._name} starts {image.elf.name}, image {image.image_id}")
        return logged

    def _diagnosis(self, image: LoadableImage, where: str) -> Diagnosis:
        return Diagnosis(where, self._debugger, self._console, Elf(image.elf), self.faults)

    @contextlib.contextmanager
    def _emulator_watched(
        self, where: str, image: LoadableImage, decoder: Decoder | None = None
    ) -> Iterator[None]:
        """Blame a link that broke in a ``with`` block on the emulator, if that is what died."""
        try:
            yield
        except BenchError as error:
            # Only a link that broke may be QEMU's end; what came over it was said before.
            said = isinstance(error, ConsoleError) and not isinstance(error, PortClosedError)
            if not self._qemu.ended(within=0 if said else _DEATH_SECONDS):
                raise
            raise self.death(self._qemu, where, image, decoder) from error
