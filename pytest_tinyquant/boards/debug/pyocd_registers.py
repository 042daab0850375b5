"""Core registers of a Cortex-M behind QEMU's gdb stub, selected as DCRSR.REGSEL does.

The stub gives R0 to R15, XPSR, FPSCR and the double registers D0 to D15 (QEMU 7.2). The special
registers, such as MSP or CONTROL, are read by executing MRS on the core itself.
"""

from __future__ import annotations

import struct

from pyocd.core import exceptions

from pytest_tinyquant.boards.debug.gdb_remote import GdbRemote


# Numbers in the target description of the stub.
GDB_PC, GDB_XPSR, GDB_D0, GDB_FPSCR = 15, 25, 26, 42

_REGSEL_XPSR, _REGSEL_FPSCR, _REGSEL_S0 = 16, 33, 64
_SYSM = {17: (8,), 18: (9,), 20: (16, 17, 19, 20)}
"""SYSm operands of MRS and MSR: MSP; PSP; PRIMASK, BASEPRI, FAULTMASK and CONTROL as bytes."""

_XPSR_IT_STATE = 0x0600FC00


class CoreRegisters:
    """Access to the registers of a halted core."""

    def __init__(self, remote: GdbRemote) -> None:
        self._remote = remote

    def read(self, regsel: int) -> int:
        """Read a register of 32 bits."""
        number = _gdb_number(regsel)
        if number is not None:
            return self._remote.register(number)
        if _is_single(regsel):
            double, shift = _single(regsel)
            return self._remote.register(double) >> shift & 0xFFFFFFFF
        parts = [
            self.execute(struct.pack("<HH", 0xF3EF, 0x8000 | sysm))  # MRS r0, sysm
            for sysm in _special(regsel)
        ]
        return sum(part << 8 * index for index, part in enumerate(parts))

    def write(self, regsel: int, value: int) -> None:
        """Write a register of 32 bits."""
        number = _gdb_number(regsel)
        if number is not None:
            self._remote.set_register(number, value)
        elif _is_single(regsel):
            double, shift = _single(regsel)
            kept = self._remote.register(double) & ~(0xFFFFFFFF << shift)
            self._remote.set_register(double, kept | value << shift, size=8)
        else:
            fields = _special(regsel)
            for index, sysm in enumerate(fields):
                part = value if len(fields) == 1 else value >> 8 * index & 0xFF
                self.execute(struct.pack("<HH", 0xF380, 0x8800 | sysm), part)  # MSR sysm, r0

    def execute(self, code: bytes, r0: int = 0, r1: int = 0) -> int:
        """Execute one instruction in place of the current one and return ``r0``.

        The only way to what the stub cannot reach: the special registers, and stores to the
        private peripheral bus.
        """
        remote = self._remote
        saved = {number: remote.register(number) for number in (0, 1, GDB_PC, GDB_XPSR)}
        pc = saved[GDB_PC]
        original = remote.read(pc, len(code))
        remote.write(pc, code)
        try:
            remote.set_register(GDB_XPSR, saved[GDB_XPSR] & ~_XPSR_IT_STATE)
            remote.set_register(0, r0)
            remote.set_register(1, r1)
            remote.step()
            return remote.register(0)
        finally:
            remote.write(pc, original)
            for number, value in saved.items():
                remote.set_register(number, value)


def _gdb_number(regsel: int) -> int | None:
    if regsel < 16:
        return regsel
    return {_REGSEL_XPSR: GDB_XPSR, _REGSEL_FPSCR: GDB_FPSCR}.get(regsel)


def _is_single(regsel: int) -> bool:
    return _REGSEL_S0 <= regsel < _REGSEL_S0 + 32


def _single(regsel: int) -> tuple[int, int]:
    """Return the stub's double register that holds S0 to S31, and the bit it starts at."""
    index = regsel - _REGSEL_S0
    return GDB_D0 + index // 2, 32 * (index & 1)


def _special(regsel: int) -> tuple[int, ...]:
    if regsel not in _SYSM:
        raise exceptions.CoreRegisterAccessError(f"core register {regsel} is not emulated")
    return _SYSM[regsel]
