"""Finds out, through the debugger, why a device did not finish.

The symbols are those of the firmware: it rests in ``tq_finished`` after its last line, leaves a
``tq_fault_record`` (``firmware/port``) when it faulted, and names the operator it runs in
``tq_last_op`` (``firmware/engine``).
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from pytest_tinyquant.boards.device import Console
from pytest_tinyquant.boards.device import Debugger
from pytest_tinyquant.boards.halt import EXCEPTIONS
from pytest_tinyquant.boards.halt import FAULT_REGISTERS
from pytest_tinyquant.boards.halt import Fault
from pytest_tinyquant.boards.halt import FaultState
from pytest_tinyquant.boards.halt import at
from pytest_tinyquant.boards.halt import fault_error
from pytest_tinyquant.boards.halt import indented_log
from pytest_tinyquant.boards.protocol import Decoder
from pytest_tinyquant.boards.protocol import TransferError
from pytest_tinyquant.elf import Elf
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import DeviceTimeoutError
from pytest_tinyquant.errors import TinyQuantError


LOG_LINES = 10

_SELF_TEST = "tq: self-test: "

_FAULT_MAGIC = 0xFA017ED0
# magic, exception, r0-r3, r12, lr, pc, xpsr, frame address, exc_return, sp, cfsr ... bfar, op
_FAULT_RECORD = struct.Struct("<17Ii")
_OP = struct.Struct("<II")  # tq_op: kernel, params
_SAMPLES, _SAMPLE_SECONDS = 5, 0.02


class Faults(Protocol):
    """Reads the faults of one kind of core.

    :attr record_size: bytes of the port's ``tq_fault_record``.
    """

    record_size: int

    def fault(self, exception: int, registers: Mapping[str, int]) -> Fault:
        """Return the fault that a FAULT line reports."""

    def recorded(self, record: bytes) -> tuple[Fault, int] | None:
        """Return the fault in ``tq_fault_record`` and the operator's index, if there is one."""

    def active(self, debugger: Debugger) -> Fault | None:
        """Return the fault that a halted core handles, though its handler recorded nothing."""


class CortexMFaults:
    """Reads faults of the Cortex-M port of the firmware."""

    record_size = _FAULT_RECORD.size

    def fault(self, exception: int, registers: Mapping[str, int]) -> FaultState:
        """Return the fault that a FAULT line reports."""
        return FaultState(exception, registers)

    def recorded(self, record: bytes) -> tuple[FaultState, int] | None:
        """Return the fault in ``tq_fault_record`` and the operator's index, if there is one."""
        words = _FAULT_RECORD.unpack(record)
        if words[0] != _FAULT_MAGIC:
            return None
        registers = dict(zip(("lr", "pc", "xpsr"), words[7:10], strict=True))
        registers["sp"] = words[12]
        registers |= dict(zip(FAULT_REGISTERS, words[13:17], strict=True))
        return FaultState(words[1], registers), words[17]

    def active(self, debugger: Debugger) -> FaultState | None:
        """Return the fault that a halted core handles; its ``pc`` lies in the handler."""
        exception = debugger.register("xpsr") & 0x1FF
        if exception not in EXCEPTIONS:
            return None
        registers = {name: debugger.register(name) for name in ("pc", "lr", "sp", "xpsr")}
        for name, address in FAULT_REGISTERS.items():
            registers[name] = int.from_bytes(debugger.read(address, 4), "little")
        return FaultState(exception, registers)


class Diagnosis:
    """Looks at one device that runs one image.

    :param where: the board and the image, for messages.
    :param elf: the image that runs.
    :param faults: reads the faults of the device's core.
    """

    def __init__(
        self, where: str, debugger: Debugger, console: Console, elf: Elf, faults: Faults
    ) -> None:
        self._faults = faults
        self._where = where
        self._debugger = debugger
        self._console = console
        self._elf = elf

    def locate(self, address: int) -> tuple[str, str]:
        """Return function and source line of an address; either is empty if not known."""
        return self._elf.symbol_at(address) or "", self._elf.source_line(address) or ""

    def fault_line(self, decoder: Decoder) -> DeviceHaltedError:
        """Describe the fault that the firmware itself reported."""
        fault = decoder.transcript.fault
        assert fault is not None, "called when a FAULT line came"
        state = self._faults.fault(fault.exception, fault.registers)
        return self._fault(state, fault.op, decoder)

    def unfinished(self, decoder: Decoder, waited: str) -> TinyQuantError:
        """Describe why the device is silent or too slow; it stays halted.

        :param waited: what was waited for and how long.
        """
        try:
            return self._look(decoder, waited)
        except BenchError as error:
            return DeviceTimeoutError(
                f"{self._where}: {waited}; the debugger cannot tell why: {error}"
                + indented_log(decoder.log_text(tail=LOG_LINES))
            )

    def _look(self, decoder: Decoder, waited: str) -> TinyQuantError:
        self._debugger.halt()
        record = self._fault_record()
        if record is not None:
            return self._fault(*record, decoder)
        active = self._faults.active(self._debugger)
        if active is not None:
            return self._fault(active, self.last_op(), decoder)
        pc = self._debugger.register("pc")
        if self.locate(pc)[0] == "tq_finished":
            return self._exited(decoder, waited, pc)
        return self._hung(decoder, waited)

    def _fault_record(self) -> tuple[Fault, int] | None:
        """Return the fault that the handler recorded, and the operator's index."""
        symbol = self._elf.symbol("tq_fault_record")
        if symbol is None:
            return None
        record = self._debugger.read(symbol.address, self._faults.record_size)
        return self._faults.recorded(record)

    def _fault(self, state: Fault, op: int, decoder: Decoder) -> DeviceHaltedError:
        return fault_error(
            self._where,
            state,
            self.locate,
            last_operator=self._operator(op),
            log=decoder.log_text(tail=LOG_LINES),
        )

    def _exited(self, decoder: Decoder, waited: str, pc: int) -> TinyQuantError:
        log = decoder.log_text(tail=LOG_LINES)
        if _SELF_TEST in log:
            return BenchError(
                f"{self._where}: the board failed the test of itself, so that no number of it "
                "could be believed; take the emulator that docs/boards.md names" + indented_log(log)
            )
        sent = self._lines_sent()
        if sent > decoder.lines:
            return self._lost(sent, decoder, waited)
        return DeviceHaltedError(
            f"{self._where}: the firmware ended early, after {decoder.lines} lines of results:"
            f" it rests {at(pc, *self.locate(pc))}" + indented_log(log),
            kind="exited",
            pc=pc,
            symbol="tq_finished",
        )

    def _lost(self, sent: int, decoder: Decoder, waited: str) -> ConsoleError:
        """Describe why not all the lines came that the firmware sent."""
        log = indented_log(decoder.log_text(tail=LOG_LINES))
        what = f"{self._where}: the firmware ran to its end and sent {sent} lines, but the console"
        if decoder.unreadable:
            return ConsoleError(
                f"{what} cannot be read: {decoder.unreadable}; the port's baud rate is not the"
                f" firmware's{log}"
            )
        if decoder.lines or log:
            garbled = f" (seen: {decoder.suspect!r})" if decoder.suspect else ""
            return TransferError(
                f"{what} gave {decoder.lines} good ones{garbled}, then {waited}; check the cable"
                f" and that nothing else reads this port{log}"
            )
        return ConsoleError(
            f"{what} is silent ({waited}); check that this is the board's port, and its cable{log}"
        )

    def _lines_sent(self) -> int:
        symbol = self._elf.symbol("tq_lines_sent")
        return 0 if symbol is None else self._word(symbol.address)

    def _hung(self, decoder: Decoder, waited: str) -> DeviceTimeoutError:
        places, pc = self._sample()
        common = ", ".join(f"{name} ({count} of {_SAMPLES})" for name, count in places)
        operator = self._operator(self.last_op())
        return DeviceTimeoutError(
            f"{self._where}: {waited}; the core runs {at(pc, *self.locate(pc))}\n"
            f"  {decoder.lines} lines of results came before\n"
            f"  seen in: {common}"
            + (f"\n  last operator started: {operator}" if operator else "")
            + indented_log(decoder.log_text(tail=LOG_LINES))
        )

    def _sample(self) -> tuple[list[tuple[str, int]], int]:
        """Return the functions the core was seen in, most frequent first, and the last pc."""
        seen: Counter[str] = Counter()
        for index in range(_SAMPLES):
            if index:
                self._debugger.resume()
                self._console.read(_SAMPLE_SECONDS)
                self._debugger.halt()
            pc = self._debugger.register("pc")
            seen[self.locate(pc)[0] or f"{pc:#010x}"] += 1
        return seen.most_common(), pc

    def last_op(self) -> int:
        """Return the index of the operator that started last; -1 before the first."""
        last = self._elf.symbol("tq_last_op")
        model = self._elf.symbol("tq_model_instance")
        if last is None or model is None:
            return -1
        offset = self._word(last.address) - self._word(model.address)
        return offset // _OP.size if offset >= 0 else -1

    def _operator(self, index: int) -> str:
        """Return the operator in words: its index and its kernel."""
        model = self._elf.symbol("tq_model_instance")
        if index < 0 or model is None:
            return ""
        try:
            kernel = self._word(self._word(model.address) + index * _OP.size)
        except BenchError:
            return str(index)
        return f"{index}, {self.locate(kernel)[0] or f'{kernel:#010x}'}"

    def _word(self, address: int) -> int:
        return int.from_bytes(self._debugger.read(address, 4), "little")
