"""What a fault of a Cortex-M means.

Names and bit positions: Armv7-M Architecture Reference Manual (DDI 0403), B1.5 "exception
model" and B3.2 "System Control Space"; Armv8-M Architecture Reference Manual (DDI 0553), B3 and D1.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pytest_tinyquant.boards.device import Debugger


EXCEPTIONS = {
    2: "NMI",
    3: "HardFault",
    4: "MemManage",
    5: "BusFault",
    6: "UsageFault",
    7: "SecureFault",
}

CFSR_BITS = {
    "IACCVIOL": 0,
    "DACCVIOL": 1,
    "MUNSTKERR": 3,
    "MSTKERR": 4,
    "MLSPERR": 5,
    "MMARVALID": 7,
    "IBUSERR": 8,
    "PRECISERR": 9,
    "IMPRECISERR": 10,
    "UNSTKERR": 11,
    "STKERR": 12,
    "LSPERR": 13,
    "BFARVALID": 15,
    "UNDEFINSTR": 16,
    "INVSTATE": 17,
    "INVPC": 18,
    "NOCP": 19,
    "STKOF": 20,
    "UNALIGNED": 24,
    "DIVBYZERO": 25,
}
HFSR_BITS = {"VECTTBL": 1, "FORCED": 30, "DEBUGEVT": 31}
SFSR_BITS = {
    "INVEP": 0,
    "INVIS": 1,
    "INVER": 2,
    "AUVIOL": 3,
    "INVTRAN": 4,
    "SFARVALID": 6,
}

FAULT_REGISTERS = {
    "cfsr": 0xE000ED28,
    "hfsr": 0xE000ED2C,
    "mmfar": 0xE000ED34,
    "bfar": 0xE000ED38,
}
"""Addresses of the fault status registers in the System Control Space."""

SECURE_FAULT_REGISTERS = {"sfsr": 0xE000EDE4, "sfar": 0xE000EDE8}
"""Those that Armv8-M adds."""

_SYSTEM_REGISTERS = range(0xE0000000, 0xE0100000)
"""The Private Peripheral Bus."""

_MEANINGS = {
    "IACCVIOL": "instruction fetch from a region without execute permission",
    "DACCVIOL": "data access that the MPU forbids",
    "MSTKERR": "the stack could not be pushed: it overflowed",
    "STKERR": "the stack could not be pushed: it overflowed",
    "IBUSERR": "instruction fetch from where no memory is",
    "PRECISERR": "data access to where no memory is",
    "IMPRECISERR": "buffered write to where no memory is",
    "UNDEFINSTR": "undefined instruction",
    "INVSTATE": "branch to an address without the Thumb bit",
    "INVPC": "corrupt exception return",
    "NOCP": "floating-point instruction while the FPU is off",
    "STKOF": "the stack overflowed: it reached its limit (MSPLIM)",
    "INVEP": "Secure code fetched instructions from non-secure memory",
    "INVIS": "the integrity signature of a stack frame is wrong",
    "INVER": "return from an exception to the wrong security state",
    "AUVIOL": "non-secure code accessed secure memory",
    "INVTRAN": "branch to non-secure code that was not announced",
    "UNALIGNED": "unaligned access by an instruction that cannot do it",
    "DIVBYZERO": "integer division by zero",
    "VECTTBL": "the vector table cannot be read",
    "FORCED": "escalated from a fault that could not be taken itself",
    "DEBUGEVT": "BKPT without a debugger",
}

_MAGIC = 0xFA017ED0
# tq_fault: magic, exception, _STACKED, frame address, exc_return, sp, cfsr ... bfar, op; on Armv8-M
# sfsr and sfar as well
_FAULT_RECORD = struct.Struct("<17Ii")
_SECURE_FAULT_RECORD = struct.Struct("<17Ii2I")
_STACKED = ("r0", "r1", "r2", "r3", "r12", "lr", "pc", "xpsr")


@dataclass(frozen=True)
class CortexMFault:
    """A fault as the handler or the debugger found it.

    :param exception: number of the active exception (IPSR).
    :param registers: ``pc``, ``lr``, ``sp``, ``xpsr`` of the faulting code as far as known,
        and ``cfsr``, ``hfsr``, ``mmfar``, ``bfar``.
    """

    exception: int
    registers: Mapping[str, int]

    @property
    def kind(self) -> str:
        """Arm's name of the exception."""
        return EXCEPTIONS.get(self.exception, f"exception {self.exception}")

    @property
    def bits(self) -> tuple[str, ...]:
        """Names of the set CFSR, HFSR and SFSR bits."""
        statuses = (("cfsr", CFSR_BITS), ("hfsr", HFSR_BITS), ("sfsr", SFSR_BITS))
        return tuple(
            bit
            for register, names in statuses
            for bit in decode_bits(self.registers.get(register, 0), names)
        )

    @property
    def summary(self) -> str:
        """Return the exception and its status bits."""
        return f"{self.kind} ({', '.join(self.bits) or 'no status bit set'})"

    @property
    def details(self) -> list[str]:
        """Return what the status bits mean."""
        bits = self.bits
        text = [_MEANINGS[bit] for bit in bits if bit in _MEANINGS]
        if "BFARVALID" in bits and self.registers["bfar"] in _SYSTEM_REGISTERS:
            text = ["access to the system registers by code without privilege"]
        if "MMARVALID" in bits:
            text.append(f"address accessed: {self.registers['mmfar']:#010x} (MMFAR)")
        if "BFARVALID" in bits:
            text.append(f"address accessed: {self.registers['bfar']:#010x} (BFAR)")
        if "SFARVALID" in bits:
            text.append(f"address accessed: {self.registers['sfar']:#010x} (SFAR)")
        return text

    @property
    def pc(self) -> int | None:
        """Return the stacked program counter."""
        return self.registers.get("pc") if self._stacked else None

    @property
    def caller(self) -> int | None:
        """Return the stacked link register without its Thumb bit."""
        return self.registers.get("lr", 0) & ~1 if self._stacked else None

    @property
    def _stacked(self) -> bool:
        """The frame always has the Thumb bit in xPSR; without it the frame was not pushed."""
        return self.registers.get("xpsr") != 0


class CortexMFaults:
    """Reads faults of the Cortex-M port of the firmware.

    :param secure: the core has the SecureFault of Armv8-M.
    """

    def __init__(self, *, secure: bool = False) -> None:
        self._record = _SECURE_FAULT_RECORD if secure else _FAULT_RECORD
        self._status = FAULT_REGISTERS | (SECURE_FAULT_REGISTERS if secure else {})
        self.record_size = self._record.size

    core_registers = ("pc", "lr", "sp", "xpsr", *(f"r{number}" for number in range(13)))

    def fault(self, exception: int, registers: Mapping[str, int]) -> CortexMFault:
        """Return the fault that a FAULT line reports."""
        return CortexMFault(exception, registers)

    def recorded(self, record: bytes) -> tuple[CortexMFault, int] | None:
        """Return the fault in ``tq_fault_record`` and the operator's index, if there is one."""
        words = self._record.unpack(record)
        if words[0] != _MAGIC:
            return None
        stacked = dict(zip(_STACKED, words[2:10], strict=True))
        registers = {name: stacked.pop(name) for name in ("pc", "lr")}
        registers |= {"sp": words[12], "xpsr": stacked.pop("xpsr")}
        registers |= stacked if registers["xpsr"] else {}  # otherwise nothing was stacked
        registers |= dict(zip(self._status, words[13:17] + words[18:], strict=True))
        return CortexMFault(words[1], registers), words[17]

    def active(self, debugger: Debugger) -> CortexMFault | None:
        """Return the fault that a halted core handles; its ``pc`` lies in the handler."""
        exception = debugger.register("xpsr") & 0x1FF
        if exception not in EXCEPTIONS:
            return None
        registers = {name: debugger.register(name) for name in ("pc", "lr", "sp", "xpsr")}
        for name, address in self._status.items():
            registers[name] = int.from_bytes(debugger.read(address, 4), "little")
        return CortexMFault(exception, registers)


ARMV7M_FAULTS: Final = CortexMFaults()
"""Those of Armv6-M and Armv7-M; Armv6-M leaves out what it has no status for."""

ARMV8M_FAULTS: Final = CortexMFaults(secure=True)


def decode_bits(value: int, names: Mapping[str, int]) -> tuple[str, ...]:
    """Return the names of the bits set in ``value``, lowest bit first."""
    return tuple(name for name, bit in names.items() if value >> bit & 1)
