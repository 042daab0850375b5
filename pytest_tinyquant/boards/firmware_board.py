"""What all boards that run firmware have in common: a console, a debugger, one image at a time."""

from __future__ import annotations

import contextlib
import time
from abc import ABC
from abc import abstractmethod
from collections.abc import Sequence

from pytest_tinyquant.boards.device import Console
from pytest_tinyquant.boards.device import Debugger
from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.device import LoadableImage
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.boards.diagnosis import Diagnosis
from pytest_tinyquant.boards.diagnosis import Faults
from pytest_tinyquant.boards.protocol import Decoder
from pytest_tinyquant.boards.run_record import check_accepted
from pytest_tinyquant.boards.run_record import check_image
from pytest_tinyquant.boards.run_record import run_record
from pytest_tinyquant.boards.trace import Extent
from pytest_tinyquant.boards.trace import OperatorTrace
from pytest_tinyquant.boards.trace import Tracer
from pytest_tinyquant.elf import Elf
from pytest_tinyquant.errors import FlashError


IDLE_TIMEOUT = 30.0


class FirmwareBoard(ABC):
    """One board, emulated or real.

    :param name: the board's name, for messages.
    :param timeout: seconds a run may take; a silence may take ``idle_timeout`` of them.
    """

    stale_seconds = 0.0
    """How long the console must be silent, the core halted, before a run starts."""

    def __init__(self, name: str, *, timeout: float, idle_timeout: float = IDLE_TIMEOUT) -> None:
        self._name = name
        self._timeout = timeout
        self._idle_timeout = min(timeout, idle_timeout)
        self._powered = contextlib.ExitStack()
        self._image: LoadableImage | None = None

    @property
    @abstractmethod
    def faults(self) -> Faults:
        """What reads the faults of the core."""

    @abstractmethod
    def power_up(
        self, image: LoadableImage, cleanup: contextlib.ExitStack
    ) -> tuple[Debugger, Console]:
        """Connect to the board and see to it that it holds the image; halted after reset.

        :param cleanup: is given the closing of everything that is opened.
        """

    def watched(
        self, where: str, image: LoadableImage, decoder: Decoder | None = None
    ) -> contextlib.AbstractContextManager[None]:
        """Return the context in which the board runs ``image``; it may explain a broken link."""
        return contextlib.nullcontext()

    def flash(self, image: LoadableImage | HostImage) -> None:
        """Put ``image`` on the board and verify it.

        :raises FlashError: it does not read back as written.
        """
        if isinstance(image, HostImage):
            raise FlashError(f"{self._name}: runs firmware, not {image.tflite}")
        self.close()
        with contextlib.ExitStack() as cleanup:
            self._debugger, self._console = self.power_up(image, cleanup)
            self._powered = cleanup.pop_all()
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
        with self.watched(where, image, decoder):
            self._debugger.reset(halt=True)
            self._discard_stale()
            self._debugger.resume()
            self._receive(decoder, image, where)
            # An idle core would burn the host's time in QEMU, and power on a real board.
            self._debugger.halt()
        return run_record(decoder, where)

    def trace(self, sample: bytes, writes: Sequence[Sequence[Extent]]) -> tuple[OperatorTrace, ...]:
        """Run ``sample`` through the image and return what every operator wrote.

        :raises DeviceTimeoutError: the firmware did not get there in time.
        """
        image = self._image
        if image is None:
            raise FlashError(f"{self._name}: no image was flashed before the trace")
        where = f"{self._name} running {image.elf.name}"
        elf = Elf(image.elf)
        with self.watched(where, image):
            self._debugger.reset(halt=True)
            tracer = Tracer(where, self._debugger, self._console, elf, timeout=self._timeout)
            return tracer.run(sample, writes)

    def close(self) -> None:
        """Release everything; may be called twice."""
        self._image = None
        self._powered.close()

    def _discard_stale(self) -> None:
        """Read away what an earlier run left in the console."""
        while self._console.read(self.stale_seconds):
            pass

    def _receive(self, decoder: Decoder, image: LoadableImage, where: str) -> None:
        deadline = time.monotonic() + self._timeout
        while not decoder.finished:
            left = deadline - time.monotonic()
            data = self._console.read(min(left, self._idle_timeout)) if left > 0 else b""
            if data:
                decoder.feed(data)
                check_image(decoder, image, where)
                check_accepted(decoder, where)
                continue
            waited = f"no output for {self._idle_timeout:g} s"
            if left <= self._idle_timeout:
                waited = f"not finished after {self._timeout:g} s"
            raise self._diagnosis(image, where).unfinished(decoder, waited)
        if decoder.transcript.fault is not None:
            raise self._diagnosis(image, where).fault_line(decoder)

    def _diagnosis(self, image: LoadableImage, where: str) -> Diagnosis:
        return Diagnosis(where, self._debugger, self._console, Elf(image.elf), self.faults)
