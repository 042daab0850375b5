"""What a gdb stub does not tell about a core: its registers and how it is reset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


CORTEX_M_GDB_REGISTERS = {
    **{f"r{number}": number for number in range(13)},
    "sp": 13,
    "lr": 14,
    "pc": 15,
    "xpsr": 25,
    "fpscr": 42,
    **{f"d{number}": 26 + number for number in range(16)},
}


RX_GDB_REGISTERS = {
    **{f"r{number}": number for number in range(16)},
    "sp": 0,
    "usp": 16,
    "isp": 17,
    "psw": 18,
    "pc": 19,
    "intb": 20,
    "fpsw": 24,
}


@dataclass(frozen=True)
class GdbCore:
    """What a gdb stub does not tell about a core.

    :param registers: numbers of the registers in the stub's target description.
    :param breakpoint_length: what the stub takes as the length of a breakpoint.
    :param reset_vector: where the address of the first instruction is, for a core that QEMU does
        not reset to it; None for others.
    :param not_reset: 16-bit peripheral registers that a reset makes 0, but QEMU's does not.
    """

    registers: Mapping[str, int]
    breakpoint_length: int
    reset_vector: int | None = None
    not_reset: tuple[int, ...] = ()


CORTEX_M_GDB_CORE = GdbCore(CORTEX_M_GDB_REGISTERS, 2)
_CMSTR0 = 0x88000  # the timer that counts instructions: it would run on
RX_GDB_CORE = GdbCore(RX_GDB_REGISTERS, 1, reset_vector=0xFFFFFFFC, not_reset=(_CMSTR0,))
