"""An emulated Cortex-M4 board: QEMU, programmed and watched through pyOCD."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator

from pytest_tinyquant.boards.console import PortClosedError
from pytest_tinyquant.boards.console import SerialConsole
from pytest_tinyquant.boards.debugger import DebuggerError
from pytest_tinyquant.boards.debugger import PyocdDebugger
from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.device import LoadableImage
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.boards.diagnosis import LOG_LINES
from pytest_tinyquant.boards.diagnosis import Diagnosis
from pytest_tinyquant.boards.halt import at
from pytest_tinyquant.boards.halt import indented_log
from pytest_tinyquant.boards.protocol import Decoder
from pytest_tinyquant.boards.qemu import Qemu
from pytest_tinyquant.boards.run_record import check_image
from pytest_tinyquant.boards.run_record import run_record
from pytest_tinyquant.elf import Elf
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import FlashError


MACHINES = {"mps2-an386": "tinyquant_mps2_an386"}
"""pyOCD's target for each emulated machine."""

IDLE_TIMEOUT = 30.0
_DEATH_SECONDS = 1.0


class EmulatedCortexM:
    """One emulated board; every image starts on a machine that ran nothing before.

    :param name: the board's name, for messages.
    :param machine: QEMU's machine, a key of :data:`MACHINES`.
    :param timeout: seconds a run may take; a silence may take ``idle_timeout`` of them.
    """

    def __init__(
        self, name: str, machine: str, *, timeout: float, idle_timeout: float = IDLE_TIMEOUT
    ) -> None:
        self._name = name
        self._machine = machine
        self._timeout = timeout
        self._idle_timeout = min(timeout, idle_timeout)
        self._powered = contextlib.ExitStack()
        self._image: LoadableImage | None = None

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
        with contextlib.ExitStack() as stack:
            self._qemu = Qemu("qemu-system-arm", self._machine)
            stack.callback(self._qemu.close)
            with self._emulator_watched(self._name, image):
                self._console = SerialConsole(self._qemu.console_url)
                stack.callback(self._console.close)
                self._debugger = PyocdDebugger(
                    f"tqqemu:127.0.0.1:{self._qemu.gdb_port}", MACHINES[self._machine]
                )
                stack.callback(self._debugger.close)
                self._debugger.load(image.elf)
            self._powered = stack.pop_all()
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
        return run_record(decoder, where, counter_class="exact")

    def close(self) -> None:
        """End the emulator; may be called twice."""
        self._image = None
        self._powered.close()

    def _receive(self, decoder: Decoder, image: LoadableImage, where: str) -> None:
        deadline = time.monotonic() + self._timeout
        while not decoder.finished:
            left = deadline - time.monotonic()
            data = self._console.read(min(left, self._idle_timeout)) if left > 0 else b""
            if data:
                decoder.feed(data)
                check_image(decoder, image, where)
                continue
            waited = f"no output for {self._idle_timeout:g} s"
            if left <= self._idle_timeout:
                waited = f"not finished after {self._timeout:g} s"
            raise self._diagnosis(image, where).unfinished(decoder, waited)
        if decoder.transcript.fault is not None:
            raise self._diagnosis(image, where).fault_line(decoder)

    def _diagnosis(self, image: LoadableImage, where: str) -> Diagnosis:
        return Diagnosis(where, self._debugger, self._console, Elf(image.elf))

    @contextlib.contextmanager
    def _emulator_watched(
        self, where: str, image: LoadableImage, decoder: Decoder | None = None
    ) -> Iterator[None]:
        """Blame a link that broke in a ``with`` block on the emulator, if that is what died."""
        try:
            yield
        except (PortClosedError, DebuggerError, FlashError) as error:
            if not self._qemu.ended(within=_DEATH_SECONDS):
                raise
            death = self._qemu.death(where)
            if death.lockup:
                raise _lockup(where, self._qemu.messages(), Elf(image.elf), decoder) from error
            raise death from error


def _lockup(where: str, messages: str, elf: Elf, decoder: Decoder | None) -> DeviceHaltedError:
    """Describe a fault in a fault handler; QEMU ends then, with a dump of the registers."""
    registers = {
        "pc" if name == "R15" else name.lower(): int(value, 16)
        for name, value in re.findall(r"\b(R\d\d|XPSR)=([0-9a-f]{8})", messages)
    }
    pc = registers.get("pc")
    symbol = elf.symbol_at(pc) or "" if pc is not None else ""
    line = elf.source_line(pc) or "" if pc is not None else ""
    return DeviceHaltedError(
        f"{where}: the core locked up {at(pc, symbol, line)}: it faulted while it handled a fault,"
        " or its vector table is damaged"
        + indented_log(decoder.log_text(tail=LOG_LINES) if decoder else ""),
        kind="lockup",
        pc=pc,
        symbol=symbol,
        registers=registers,
    )
