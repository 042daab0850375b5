"""Debug registers of a Cortex-M that lives behind a gdb stub.

pyOCD controls a core through memory-mapped registers (Armv7-M Architecture Reference Manual,
DDI 0403, chapter C1): DHCSR halts, steps and resumes, DCRSR and DCRDR reach the core registers,
FPB and DWT hold breakpoints and watchpoints. QEMU emulates none of them, since its gdb stub does
the same by packets. This module turns the one into the other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pyocd.coresight.cortex_m import CortexM

from pytest_tinyquant.boards.debug.gdb_remote import POINT_ACCESS
from pytest_tinyquant.boards.debug.gdb_remote import POINT_BREAK
from pytest_tinyquant.boards.debug.gdb_remote import POINT_READ
from pytest_tinyquant.boards.debug.gdb_remote import POINT_WRITE
from pytest_tinyquant.boards.debug.gdb_remote import GdbRemote
from pytest_tinyquant.boards.debug.pyocd_registers import GDB_PC
from pytest_tinyquant.boards.debug.pyocd_registers import CoreRegisters


SCS, DWT, FPB = 0xE000E000, 0xE0001000, 0xE0002000
BREAKPOINTS, WATCHPOINTS = 8, 4

_FP_COMP, _DWT_COMP = FPB + 8, DWT + 0x20
_FP_CTRL_V2 = 1 << 28 | BREAKPOINTS << 4
_DWT_NO_CYCLE_COUNTER = 1 << 25
_STR_R0_R1 = {4: b"\x08\x60", 2: b"\x08\x80", 1: b"\x08\x70"}

_VECTOR_CATCH = {
    CortexM.DEMCR_VC_HARDERR: 3,
    CortexM.DEMCR_VC_INTERR: 3,
    CortexM.DEMCR_VC_MMERR: 4,
    CortexM.DEMCR_VC_BUSERR: 5,
    CortexM.DEMCR_VC_STATERR: 6,
    CortexM.DEMCR_VC_CHKERR: 6,
    CortexM.DEMCR_VC_NOCPERR: 6,
}
_WATCH_FUNCTIONS = {5: POINT_READ, 6: POINT_WRITE, 7: POINT_ACCESS}


class CoreDebug:
    """The registers of one core's System Control Space, DWT and FPB that a debugger uses."""

    def __init__(self, remote: GdbRemote) -> None:
        self._remote = remote
        self._registers = CoreRegisters(remote)
        self._dhcsr = CortexM.C_DEBUGEN
        self._dfsr = 0
        self._demcr = 0
        self._dcrdr = 0
        self._reset_sticky = 0
        self._fp_enabled = False
        self._fp_comparators = [0] * BREAKPOINTS
        self._watch_registers = [[0, 0, 0] for _ in range(WATCHPOINTS)]
        self._watching: list[tuple[int, int, int] | None] = [None] * WATCHPOINTS
        self._caught_vectors: set[int] = set()

    def read(self, address: int) -> int:
        """Read a word of the private peripheral bus."""
        match address:
            case CortexM.DHCSR:
                return self._read_dhcsr()
            case CortexM.DCRDR:
                return self._dcrdr
            case CortexM.DCRSR:
                return 0
            case CortexM.DEMCR:
                return self._demcr
            case CortexM.DFSR:
                self._poll()
                return self._dfsr
            case _ if address == FPB:
                return _FP_CTRL_V2 | self._fp_enabled
            case _ if address == DWT:
                return WATCHPOINTS << 28 | _DWT_NO_CYCLE_COUNTER
            case _ if _FP_COMP <= address < _FP_COMP + 4 * BREAKPOINTS:
                return self._fp_comparators[(address - _FP_COMP) // 4]
            case _ if _is_watch_register(address):
                index, field = _watch_register(address)
                return self._watch_registers[index][field]
            case _ if SCS <= address < SCS + 0x1000:
                with self.paused():
                    return self._remote.read_word(address)
        return 0

    def write(self, address: int, value: int, size: int) -> None:
        """Write ``size`` bytes of the private peripheral bus."""
        match address:
            case CortexM.DHCSR:
                self._write_dhcsr(value)
            case CortexM.DCRDR:
                self._dcrdr = value
            case CortexM.DCRSR:
                self._transfer_register(value)
            case CortexM.DEMCR:
                self._demcr = value
            case CortexM.DFSR:
                self._dfsr &= ~value
            case CortexM.NVIC_AIRCR if value >> 16 == 0x05FA and value & 0b101:
                self.reset()
            case _ if address == FPB:
                if value & 2:  # KEY
                    self._set_breakpoints(bool(value & 1), self._fp_comparators)
            case _ if _FP_COMP <= address < _FP_COMP + 4 * BREAKPOINTS:
                comparators = list(self._fp_comparators)
                comparators[(address - _FP_COMP) // 4] = value
                self._set_breakpoints(self._fp_enabled, comparators)
            case _ if _is_watch_register(address):
                self._set_watchpoint(*_watch_register(address), value)
            case _ if SCS <= address < SCS + 0x1000:
                # The stub drops writes to this range, so the core itself has to store.
                with self.paused():
                    self._registers.execute(_STR_R0_R1[size], value, address)

    def reset(self) -> None:
        """Reset the system; it stays halted if DEMCR asks to catch the reset."""
        self.halt()
        self._remote.monitor("system_reset")
        self._reset_sticky = CortexM.S_RESET_ST
        if self._demcr & CortexM.DEMCR_VC_CORERESET:
            self._dfsr |= CortexM.DFSR_VCATCH
        else:
            self._resume()

    def halt(self) -> None:
        """Stop the core if it runs."""
        self._poll()
        if self._remote.running:
            self._note_stop(self._remote.interrupt())

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the machine for the length of a ``with`` block, noting a stop of its own."""
        self._poll()
        resume = False
        if self._remote.running:
            packet = self._remote.interrupt()
            resume = packet.startswith(b"T02")
            if not resume:
                self._note_stop(packet)
        try:
            yield
        finally:
            if resume:
                self._remote.resume()

    def _poll(self) -> None:
        was_running = self._remote.running
        packet = self._remote.poll()
        if was_running and packet is not None:
            self._note_stop(packet)

    def _note_stop(self, packet: bytes) -> None:
        """Keep in DFSR why the core stopped."""
        for address in self._caught_vectors:
            self._remote.point(POINT_BREAK, address, 2, enabled=False)
        caught, self._caught_vectors = self._caught_vectors, set()
        if not packet.startswith(b"T05"):
            self._dfsr |= CortexM.DFSR_HALTED
        elif b"watch" in packet:
            self._dfsr |= CortexM.DFSR_DWTTRAP
        elif self._remote.register(GDB_PC) in caught:
            self._dfsr |= CortexM.DFSR_VCATCH
        else:
            self._dfsr |= CortexM.DFSR_BKPT

    def _resume(self) -> None:
        if self._remote.running:
            return
        exceptions_ = {number for bit, number in _VECTOR_CATCH.items() if self._demcr & bit}
        if exceptions_:
            table = self._remote.read_word(CortexM.VTOR)
            handlers = {self._remote.read_word(table + 4 * n) & ~1 for n in exceptions_}
            self._caught_vectors = handlers - self._breakpoints()
            for address in self._caught_vectors:
                self._remote.point(POINT_BREAK, address, 2, enabled=True)
        self._remote.resume()

    def _read_dhcsr(self) -> int:
        self._poll()
        value: int = self._dhcsr | CortexM.S_REGRDY | self._reset_sticky
        self._reset_sticky = 0
        running = self._remote.running
        value |= CortexM.S_RETIRE_ST if running else CortexM.S_HALT | CortexM.C_HALT
        return value

    def _write_dhcsr(self, value: int) -> None:
        if value >> 16 != 0xA05F:  # DBGKEY
            return
        self._dhcsr = value & 0x2F & ~CortexM.C_HALT
        if value & CortexM.C_HALT:
            self.halt()
        elif value & CortexM.C_STEP:
            self.halt()
            self._remote.step(mask_interrupts=bool(value & CortexM.C_MASKINTS))
            self._dfsr |= CortexM.DFSR_HALTED
        else:
            self._resume()

    def _transfer_register(self, dcrsr: int) -> None:
        regsel = dcrsr & 0x7F
        if dcrsr & CortexM.DCRSR_REGWnR:
            self._registers.write(regsel, self._dcrdr)
        else:
            self._dcrdr = self._registers.read(regsel)

    def _breakpoints(self) -> set[int]:
        return {value & ~1 for value in self._fp_comparators if value & 1 and self._fp_enabled}

    def _set_breakpoints(self, enabled: bool, comparators: list[int]) -> None:
        with self.paused():
            before = self._breakpoints()
            self._fp_enabled, self._fp_comparators = enabled, list(comparators)
            after = self._breakpoints()
            for address in before - after:
                self._remote.point(POINT_BREAK, address, 2, enabled=False)
            for address in after - before:
                self._remote.point(POINT_BREAK, address, 2, enabled=True)

    def _set_watchpoint(self, index: int, field: int, value: int) -> None:
        self._watch_registers[index][field] = value
        address, mask, function = self._watch_registers[index]
        kind = _WATCH_FUNCTIONS.get(function & 15)
        with self.paused():
            old = self._watching[index]
            if old is not None:
                self._remote.point(*old, enabled=False)
            self._watching[index] = None if kind is None else (kind, address, 1 << mask)
            if kind is not None:
                self._remote.point(kind, address, 1 << mask, enabled=True)


def _is_watch_register(address: int) -> bool:
    return _DWT_COMP <= address < _DWT_COMP + 16 * WATCHPOINTS and address & 15 < 12


def _watch_register(address: int) -> tuple[int, int]:
    """Return comparator and register (0 COMP, 1 MASK, 2 FUNCTION) at ``address``."""
    return (address - _DWT_COMP) // 16, (address & 15) // 4
