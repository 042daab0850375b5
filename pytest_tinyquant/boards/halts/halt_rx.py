"""What a fault of an RX core means.

Names: RX Family User's Manual: Software, chapter 6 "exception handling". The numbers from 256 on
are those of the firmware (``firmware/port/rx``).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_tinyquant.boards.device import Debugger


STACK_OVERFLOW = 512

EXCEPTIONS = {
    20: "privileged instruction exception",
    21: "access exception",
    23: "undefined instruction exception",
    25: "floating-point exception",
    30: "non-maskable interrupt",
    256: "unconditional trap (BRK)",
    257: "unexpected interrupt",
    STACK_OVERFLOW: "stack overflow",
}
_MEANINGS = {
    20: "an instruction of the supervisor mode in user mode",
    23: "undefined instruction: the code is damaged, or a jump went into data",
    256: "BRK, which is also what empty memory holds: a jump went to where no code is",
    257: "an interrupt or INT instruction that the firmware does not use",
    STACK_OVERFLOW: "the stack pointer was found below the stack; it overflowed before this place",
}

FPSW_CAUSES = {"V": 2, "O": 3, "Z": 4, "U": 5, "X": 6, "E": 7}
"""Cause bits of the floating-point status word: invalid operation, overflow, division by zero,
underflow, inexact, unimplemented processing."""

GENERAL_REGISTERS = tuple(f"r{number}" for number in range(1, 16))

_MAGIC = 0xFA017ED0
_RECORD = struct.Struct("<21Ii")  # tq_fault: magic, exception, r0-r15, pc, psw, fpsw, op


@dataclass(frozen=True)
class RxFault:
    """A fault as the handler found it.

    :param exception: number of the vector, or one of the firmware's own.
    :param registers: ``pc``, ``sp``, ``psw``, ``fpsw`` and ``r1`` to ``r15``.
    """

    exception: int
    registers: Mapping[str, int]

    @property
    def kind(self) -> str:
        """Return Renesas' name of the exception."""
        return EXCEPTIONS.get(self.exception, f"exception {self.exception}")

    @property
    def summary(self) -> str:
        """Return the exception and, for a floating-point one, its causes."""
        fpsw = self.registers.get("fpsw", 0)
        causes = ", ".join(name for name, bit in FPSW_CAUSES.items() if fpsw >> bit & 1)
        # QEMU 7.2 takes it as exception 21.
        return f"{self.kind} ({causes})" if self.exception in (21, 25) and causes else self.kind

    @property
    def details(self) -> list[str]:
        """Return what the exception means."""
        meaning = _MEANINGS.get(self.exception)
        return [meaning] if meaning else []

    @property
    def pc(self) -> int | None:
        """Return the address of the instruction; after BRK, that of the next one."""
        pc = self.registers.get("pc")
        return pc - 1 if pc and self.exception == 256 else pc

    @property
    def caller(self) -> int | None:
        """Return None: the RX keeps the return address somewhere on the stack."""
        return None


class RxFaults:
    """Reads faults of the RX port of the firmware."""

    record_size = _RECORD.size
    core_registers = ("pc", "sp", "psw", "fpsw", *GENERAL_REGISTERS)

    def fault(self, exception: int, registers: Mapping[str, int]) -> RxFault:
        """Return the fault that a FAULT line reports."""
        return RxFault(exception, registers)

    def recorded(self, record: bytes) -> tuple[RxFault, int] | None:
        """Return the fault in ``tq_fault_record`` and the operator's index, if there is one."""
        magic, exception, *rest = _RECORD.unpack(record)
        if magic != _MAGIC:
            return None
        general, (pc, psw, fpsw, op) = rest[:16], rest[16:]
        registers = {"pc": pc, "sp": general[0], "psw": psw, "fpsw": fpsw}
        registers |= dict(zip(GENERAL_REGISTERS, general[1:], strict=True))
        return RxFault(exception, registers), op

    def active(self, debugger: Debugger) -> RxFault | None:
        """Return None: the core does not tell that it handles an exception."""
        return None
