"""What a fault of a core means, in words; here the Cortex-M's, in :mod:`halt_rx` the RX's.

Names and bit positions: Armv7-M Architecture Reference Manual (DDI 0403), B1.5 "exception
model" and B3.2 "System Control Space".
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pytest_tinyquant.errors import DeviceHaltedError


Locate = Callable[[int], tuple[str, str]]
"""Maps an address to its function and ``file:line``; either is empty if not known."""

EXCEPTIONS = {2: "NMI", 3: "HardFault", 4: "MemManage", 5: "BusFault", 6: "UsageFault"}

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
    "UNALIGNED": 24,
    "DIVBYZERO": 25,
}
HFSR_BITS = {"VECTTBL": 1, "FORCED": 30, "DEBUGEVT": 31}

FAULT_REGISTERS = {
    "cfsr": 0xE000ED28,
    "hfsr": 0xE000ED2C,
    "mmfar": 0xE000ED34,
    "bfar": 0xE000ED38,
}
"""Addresses of the fault status registers in the System Control Space."""

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
    "UNALIGNED": "unaligned access by an instruction that cannot do it",
    "DIVBYZERO": "integer division by zero",
    "VECTTBL": "the vector table cannot be read",
    "FORCED": "escalated from a fault that could not be taken itself",
    "DEBUGEVT": "BKPT without a debugger",
}


class Fault(Protocol):
    """A fault of some core."""

    @property
    def registers(self) -> Mapping[str, int]:
        """Registers of the faulting code by name, and fault status registers."""

    @property
    def kind(self) -> str:
        """The manufacturer's name of the exception."""

    @property
    def summary(self) -> str:
        """The kind, with what the status registers add to it."""

    @property
    def details(self) -> list[str]:
        """Sentences that explain it."""

    @property
    def pc(self) -> int | None:
        """Address of the faulting instruction, if known."""

    @property
    def caller(self) -> int | None:
        """An address in the function that called the faulting one, if known."""


@dataclass(frozen=True)
class FaultState:
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
        """Names of the set CFSR and HFSR bits."""
        return decode_bits(self.registers.get("cfsr", 0), CFSR_BITS) + decode_bits(
            self.registers.get("hfsr", 0), HFSR_BITS
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
        if "MMARVALID" in bits:
            text.append(f"address accessed: {self.registers['mmfar']:#010x} (MMFAR)")
        if "BFARVALID" in bits:
            text.append(f"address accessed: {self.registers['bfar']:#010x} (BFAR)")
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


def decode_bits(value: int, names: Mapping[str, int]) -> tuple[str, ...]:
    """Return the names of the bits set in ``value``, lowest bit first."""
    return tuple(name for name, bit in names.items() if value >> bit & 1)


def fault_error(
    where: str, fault: Fault, locate: Locate, *, last_operator: str, log: str
) -> DeviceHaltedError:
    """Describe ``fault`` as an error.

    :param where: the board and what it ran.
    :param last_operator: the operator entered last, in words; empty if not known.
    :param log: tail of the device's log.
    """
    pc = fault.pc
    symbol, line = locate(pc) if pc is not None else ("", "")
    text = [f"{where}: {fault.summary} {at(pc, symbol, line)}"]
    text += [f"  {sentence}" for sentence in fault.details]
    caller, caller_line = locate(fault.caller) if fault.caller is not None else ("", "")
    if caller:
        text.append(f"  called from {caller}" + (f" ({caller_line})" if caller_line else ""))
    if last_operator:
        text.append(f"  last operator started: {last_operator}")
    registers = " ".join(f"{name}={value:08x}" for name, value in fault.registers.items())
    text.append(f"  {registers}")
    return DeviceHaltedError(
        "\n".join(text) + indented_log(log),
        kind=fault.kind,
        pc=pc,
        symbol=symbol,
        registers=dict(fault.registers),
    )


def at(pc: int | None, symbol: str, line: str) -> str:
    """Say where the core is: ``at 0x00000412 in tq_softmax (softmax.c:31)``."""
    if pc is None:
        return "at an unknown address"
    return f"at {pc:#010x}" + (f" in {symbol}" if symbol else "") + (f" ({line})" if line else "")


def indented_log(log: str) -> str:
    """Return ``log`` as the last paragraph of a message; empty if there is none."""
    if not log:
        return ""
    return "\n  device log, last lines:\n" + "\n".join(f"    {line}" for line in log.splitlines())
