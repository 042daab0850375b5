"""Finds out, through the debugger, why a device did not finish.

The symbols are those of the firmware: it rests in ``tq_finished`` after its last line, leaves a
``tq_fault_record`` (``firmware/port``) when it faulted, and names the operator it runs in
``tq_last_op`` (``firmware/engine``).
"""

from __future__ import annotations

import struct
import time
from collections import Counter
from collections.abc import Mapping

from pytest_tinyquant.boards.console.protocol import Decoder
from pytest_tinyquant.boards.console.protocol import RestartError
from pytest_tinyquant.boards.console.protocol import TransferError
from pytest_tinyquant.boards.device import Console
from pytest_tinyquant.boards.device import Debugger
from pytest_tinyquant.boards.halts.halt import Fault
from pytest_tinyquant.boards.halts.halt import Faults
from pytest_tinyquant.boards.halts.halt import at
from pytest_tinyquant.boards.halts.halt import fault_error
from pytest_tinyquant.boards.halts.halt import in_words
from pytest_tinyquant.boards.halts.halt import indented_log
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import DeviceTimeoutError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.firmware.elf import Elf


LOG_LINES = 10

_SELF_TESTS = ("tq: self-test: ", "tq: the counter is not exact")

_OP = struct.Struct("<II")  # tq_op: kernel, params
_STACK_BYTES = 1024
_SAMPLES, _SAMPLE_SECONDS = 5, 0.02

# Armv7-M and Armv8-M Architecture Reference Manuals: the link register's value after a reset. Of
# Armv6-M it is unknown, as are the registers of an RX.
_LR_AFTER_RESET = 0xFFFFFFFF


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
        try:
            self._debugger.halt()
            recorded = self._fault_record()  # holds more registers than the line
        except BenchError:
            recorded = None
        return self._fault(*(recorded or (state, fault.op)), decoder)

    def restarted(self, decoder: Decoder, error: RestartError, *, within: float) -> TinyQuantError:
        """Describe a device that began anew, which it is left to do once more.

        :param within: seconds to wait for that. If the run goes well this time, or nothing comes,
            it was no doing of the firmware and ``error`` stands as it is.
        """
        self._debugger.halt()
        if self.locate(self._debugger.register("pc"))[0] == "tq_finished":
            return error
        if self._runs_to("tq_reset", "tq_finished", within=within) != "tq_reset":
            return error
        operator = self._operator(self.last_op())
        return DeviceHaltedError(
            f"{self._where}: the device resets itself, again and again after {error.lines} lines"
            " of results: a jump to the reset handler, a watchdog, or a reset by software"
            + _last_operator(operator)
            + indented_log("\n".join([*decoder.transcript.log][-LOG_LINES:])),
            kind="reset",
            symbol="tq_reset",
        )

    def unfinished(self, decoder: Decoder, waited: str) -> TinyQuantError:
        """Describe why the device is silent or too slow; it stays halted.

        :param waited: what was waited for and how long.
        :raises BenchError: the debugger lost the device.
        """
        try:
            return self._look(decoder, waited)
        except BenchError as error:
            if self._debugger.state() == "gone":
                raise
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
            caller=self._return_address(state),
        )

    def _return_address(self, state: Fault) -> int | None:
        """Return the innermost return address on the stack, where the fault's place is no help.

        After a jump to where no code is it is that of the jump; after a stack overflow that could
        not even be recorded, that of a function near its end.
        """
        if state.pc is not None and (state.caller is not None or self._is_code(state.pc)):
            return None
        stack = self._elf.section(".stack")
        start = state.registers.get("sp", 0)
        if state.pc is None and stack is not None:
            start = stack.address
        try:
            words = struct.iter_unpack("<I", self._debugger.read(start, _STACK_BYTES))
        except BenchError:
            return None
        return next((word for (word,) in words if self._is_code(word)), None)

    def _is_code(self, address: int) -> bool:
        return self._elf.source_line(address) is not None

    def _exited(self, decoder: Decoder, waited: str, pc: int) -> TinyQuantError:
        log = decoder.log_text(tail=LOG_LINES)
        if any(line in log for line in _SELF_TESTS):
            return BenchError(
                f"{self._where}: the board failed the test of itself, so that no number of it "
                "could be believed; take the emulator that docs/boards.md names" + indented_log(log)
            )
        sent = self._lines_sent()
        if sent > decoder.lines:
            return self._lost(sent, decoder, waited)
        return DeviceHaltedError(
            f"{self._where}: the firmware ended early, after {decoder.lines} lines of results:"
            f" it rests {at(pc, *self.locate(pc))}"
            + _last_operator(self._operator(self.last_op()))
            + indented_log(log),
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
        sent = self._lines_sent()
        lost = f" of {sent} that the firmware sent" if sent > decoder.lines else ""
        registers = {name: self._debugger.register(name) for name in self._faults.core_registers}
        return DeviceTimeoutError(
            f"{self._where}: {waited}; the core runs {at(pc, *self.locate(pc))}\n"
            f"  {decoder.lines} lines of results came before{lost}\n"
            f"  seen in: {common}"
            + self._came_up_elsewhere(pc, registers)
            + _last_operator(self._operator(self.last_op()))
            + f"\n  {in_words(registers)}"
            + indented_log(decoder.log_text(tail=LOG_LINES))
        )

    def _came_up_elsewhere(self, pc: int, registers: Mapping[str, int]) -> str:
        """Tell of a core that was reset and did not come back to the image; empty for any other."""
        if self._is_code(pc) or registers.get("lr") != _LR_AFTER_RESET:
            return ""
        return (
            "\n  the core was reset, and what lies at its reset address is not this image: look for"
            " a jump to the reset vector or a watchdog, and at the chip's boot settings"
        )

    def _runs_to(self, *functions: str, within: float) -> str:
        """Return to which of the functions the halted core comes in ``within`` seconds, if any."""
        symbols = [self._elf.symbol(name) for name in functions]
        places = {symbol.address: symbol.name for symbol in symbols if symbol is not None}
        deadline = time.monotonic() + within
        for address in places:
            self._debugger.breakpoint(address)
        self._debugger.resume()
        # A console of the debugger halts the core as well, and lets it go on once it was read.
        while time.monotonic() < deadline and (
            self._console.read(_SAMPLE_SECONDS) or self._debugger.state() == "running"
        ):
            pass
        self._debugger.halt()
        for address in places:
            self._debugger.breakpoint(address, enabled=False)
        return places.get(self._debugger.register("pc"), "")

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
        if last is None or model is None or self._lines_sent() == 0:
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


def _last_operator(operator: str) -> str:
    return f"\n  last operator started: {operator}" if operator else ""
