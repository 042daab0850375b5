"""What all boards that run firmware have in common: a console, a debugger, one image at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from abc import ABC
from abc import abstractmethod
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path

from pytest_tinyquant.boards.clock import check_expected
from pytest_tinyquant.boards.console.console import PortClosedError
from pytest_tinyquant.boards.console.console_log import LoggedConsole
from pytest_tinyquant.boards.console.mailbox import MailboxConsole
from pytest_tinyquant.boards.console.protocol import Decoder
from pytest_tinyquant.boards.console.protocol import RestartError
from pytest_tinyquant.boards.debug.errors import DebuggerError
from pytest_tinyquant.boards.device import Console
from pytest_tinyquant.boards.device import Debugger
from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.device import LoadableImage
from pytest_tinyquant.boards.device import PowerWindow
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.boards.halts.diagnosis import Diagnosis
from pytest_tinyquant.boards.halts.halt import Faults
from pytest_tinyquant.boards.halts.trace import Extent
from pytest_tinyquant.boards.halts.trace import OperatorTrace
from pytest_tinyquant.boards.halts.trace import Tracer
from pytest_tinyquant.boards.meter.meter import Meter
from pytest_tinyquant.boards.meter.windows import power_windows
from pytest_tinyquant.boards.retry import run_twice_at_most
from pytest_tinyquant.boards.run_record import check_accepted
from pytest_tinyquant.boards.run_record import check_image
from pytest_tinyquant.boards.run_record import run_record
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.errors import FlashError
from pytest_tinyquant.errors import located
from pytest_tinyquant.firmware.elf import Elf


IDLE_TIMEOUT = 30.0
STALE_SECONDS_AT_MOST = 2.0


class FirmwareBoard(ABC):
    """One board, emulated or real.

    :param name: the board's name, for messages.
    :param timeout: seconds a run may take; a silence may take ``idle_timeout`` of them.
    """

    stale_seconds = 0.0
    """How long the console must be silent, the core halted, before a run starts."""

    clock_hz = 0
    """Core clock that the bench's owner gave for the board; 0 if none."""

    reopen_seconds = 5.0
    """How long a port that went away may take to come back."""

    def __init__(self, name: str, *, timeout: float, idle_timeout: float = IDLE_TIMEOUT) -> None:
        self.log = Path(os.devnull)
        """File to which everything that the board prints is appended, from its next image on."""

        self._name = name
        self._timeout = timeout
        self._idle_timeout = min(timeout, idle_timeout)
        self._powered = contextlib.ExitStack()
        self._image: LoadableImage | None = None
        self._mailbox: MailboxConsole | None = None
        self._meter: Meter | None = None

        self.start_meter: Callable[[], Meter] | None = None
        """Starts reading the power meter in the board's supply, if it is to be read."""

    @property
    def where(self) -> str:
        """The board and, once one is flashed, its image; for messages."""
        return self._name if self._image is None else f"{self._name} running {self._image.elf.name}"

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
        self, image: LoadableImage, decoder: Decoder | None = None
    ) -> contextlib.AbstractContextManager[None]:
        """Return the context in which the board runs ``image``; it may explain a broken link."""
        return contextlib.nullcontext()

    def check_memory(self, debugger: Debugger, image: LoadableImage) -> None:
        """Look at the memory after a run, where the core itself cannot tell what is wrong.

        :raises InvalidOutputError: the firmware wrote to where it must not.
        """
        return

    def begin(self, image: LoadableImage) -> None:
        """Prepare a core that is halted after its reset for a run from the first instruction."""
        if self._mailbox is not None:
            self._mailbox.begin()

    def open_mailbox(self, debugger: Debugger, image: LoadableImage) -> Console:
        """Return the console of a board that has none but its debugger."""
        self._mailbox = MailboxConsole(self._name, debugger, image.elf)
        return self._mailbox

    def flash(self, image: LoadableImage | HostImage) -> None:
        """Put ``image`` on the board and verify it.

        :raises FlashError: it does not read back as written.
        """
        if isinstance(image, HostImage):
            raise FlashError(f"{self._name}: runs firmware, not {image.tflite}")
        self.close()
        with contextlib.ExitStack() as cleanup:
            # Some meters switch the board's supply.
            self._meter = cleanup.enter_context(self.start_meter()) if self.start_meter else None
            self._debugger, console = self.power_up(image, cleanup)
            self._console = LoggedConsole(console, self.log)
            cleanup.callback(self._console.close)
            self._powered = cleanup.pop_all()
        self._image = image

    def run(self) -> RunRecord:
        """Run the image from reset to its last line, twice if something was lost on the way.

        :raises DeviceHaltedError: it faulted, locked up, ended early or reset itself.
        :raises DeviceTimeoutError: it hangs.
        :raises ConsoleError: lines were lost, doubled or garbled, the port went away or cannot
            be read.
        :raises FlashError: the image that answers is not the one that was flashed.
        :raises InvalidOutputError: memory around the arena was damaged, or a counter stood still.
        :raises ClockError: the firmware sets up another clock than the bench's owner gave.
        """
        image = self._image
        if image is None:
            raise FlashError(f"{self._name}: no image was flashed before the run")
        return run_twice_at_most(
            lambda: self._run_once(image), self._prepare_again, where=self.where
        )

    def _run_once(self, image: LoadableImage) -> RunRecord:
        decoder = Decoder(self.where)
        with self.watched(image, decoder):
            self._debugger.reset(halt=True)
            self._discard_stale()
            self.begin(image)
            if self._meter is not None:
                self._meter.forget()
            self._debugger.resume()
            self._receive(decoder, image)
            self._halt()
            self.check_memory(self._debugger, image)
            self._check_link()
        with located(self.where):
            record = run_record(decoder)
            if self.clock_hz and record.clock is not None:
                check_expected(record.clock, self.clock_hz)
        if self._meter is None:
            return record
        return dataclasses.replace(record, power=self._power(self._meter, decoder, record))

    def _power(self, meter: Meter, decoder: Decoder, record: RunRecord) -> tuple[PowerWindow, ...]:
        """Return what the meter saw in the windows that the firmware marked."""
        marked = decoder.transcript.windows
        if not marked:
            return ()
        hz = record.clock.hz if record.clock is not None else None
        samples = meter.until(marked[-1].until)
        return power_windows(marked, samples, hz=hz, who=self.where)

    def trace(self, sample: bytes, writes: Sequence[Sequence[Extent]]) -> tuple[OperatorTrace, ...]:
        """Run ``sample`` through the image and return what every operator wrote.

        :raises DeviceTimeoutError: the firmware did not get there in time.
        """
        image = self._image
        if image is None:
            raise FlashError(f"{self._name}: no image was flashed before the trace")
        elf = Elf(image.elf)
        with self.watched(image):
            self._debugger.reset(halt=True)
            self.begin(image)
            tracer = Tracer(self.where, self._debugger, self._console, elf, timeout=self._timeout)
            return tracer.run(sample, writes)

    def _halt(self) -> None:
        # An idle core would burn the host's time in QEMU, and power on a real board.
        self._debugger.halt()

    def _check_link(self) -> None:
        # pyOCD does not notice a link that broke, and of an emulator that died nothing counts.
        if self._debugger.state() != "halted":
            raise DebuggerError(f"{self.where}: the core does not halt after its run")

    def _prepare_again(self, trouble: ConsoleError) -> None:
        self._console.note(f"run again after: {trouble}")
        if isinstance(trouble, PortClosedError):
            self._console.reopen(within=self.reopen_seconds)

    def close(self) -> None:
        """Release everything; may be called twice."""
        self._image = None
        self._powered.close()
        self._mailbox = None
        self._meter = None

    def _discard_stale(self) -> None:
        """Read away what an earlier run left in the console; a line full of noise is left alone."""
        deadline = time.monotonic() + STALE_SECONDS_AT_MOST
        while self._console.read(self.stale_seconds) and time.monotonic() < deadline:
            pass

    def _receive(self, decoder: Decoder, image: LoadableImage) -> None:
        deadline = time.monotonic() + self._timeout
        while not decoder.finished:
            left = deadline - time.monotonic()
            data = self._console.read(min(left, self._idle_timeout)) if left > 0 else b""
            if data:
                self._feed(decoder, data, image)
                continue
            waited = f"no output for {self._idle_timeout:g} s"
            if left <= self._idle_timeout:
                waited = f"not finished after {self._timeout:g} s"
            error = self._diagnosis(image).unfinished(decoder, waited)
            if not (isinstance(error, ConsoleError) and self._came_late(decoder, image)):
                raise error
        if decoder.transcript.fault is not None:
            raise self._diagnosis(image).fault_line(decoder)

    def _came_late(self, decoder: Decoder, image: LoadableImage) -> bool:
        """Tell whether what was missing came while the debugger looked, on a host under load."""
        while not decoder.finished and (data := self._console.read(self.stale_seconds)):
            self._feed(decoder, data, image)
        return decoder.finished

    def _feed(self, decoder: Decoder, data: bytes, image: LoadableImage) -> None:
        try:
            decoder.feed(data)
        except RestartError as error:
            diagnosis = self._diagnosis(image)
            raise diagnosis.restarted(decoder, error, within=self._idle_timeout) from error
        with located(self.where):
            check_image(decoder, image)
            check_accepted(decoder)

    def _diagnosis(self, image: LoadableImage) -> Diagnosis:
        return Diagnosis(self.where, self._debugger, self._console, Elf(image.elf), self.faults)
