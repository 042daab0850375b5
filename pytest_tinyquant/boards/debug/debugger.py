"""Debug access to a core: through pyOCD, and straight through a gdb stub.

Both keep the contract of :class:`pytest_tinyquant.boards.device.Debugger`; pyOCD drives real
probes and the emulator alike, the gdb stub is the cross-check and serves cores that pyOCD does
not know.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_tinyquant.boards.debug.gdb_remote import POINT_BREAK
from pytest_tinyquant.boards.debug.gdb_remote import GdbDisconnectedError
from pytest_tinyquant.boards.debug.gdb_remote import GdbRemote
from pytest_tinyquant.boards.debug.gdb_remote import GdbRemoteError
from pytest_tinyquant.boards.debug.pyocd_session import captured_log
from pytest_tinyquant.boards.debug.pyocd_session import import_pyocd
from pytest_tinyquant.boards.debug.pyocd_session import open_session
from pytest_tinyquant.boards.debug.segments import loadable_segments
from pytest_tinyquant.boards.debug.segments import verify
from pytest_tinyquant.boards.device import State
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import FlashError


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

_STATES: dict[str, State] = {"HALTED": "halted", "LOCKUP": "lockup"}


class DebuggerError(BenchError):
    """The debug link failed: the probe, the cable or the emulator."""


class PyocdDebugger:
    """A core behind a debug probe that pyOCD knows.

    :param unique_id: full unique id of the probe, with its type in front where pyOCD wants one.
    :param target: pyOCD's name of the target.
    :param options: further pyOCD session options, such as ``pack`` or ``connect_mode``.
    :raises BoardNotFoundError: not exactly one probe has this id.
    :raises ToolchainNotFoundError: pyOCD is not installed.

    Never waits for a probe and never asks: pyOCD's own helpers do both.
    """

    def __init__(
        self, unique_id: str, target: str, *, options: Mapping[str, Any] | None = None
    ) -> None:
        self._exceptions = import_pyocd()
        self._where = unique_id
        self._session: Any = None
        with self._errors():
            self._session = open_session(unique_id, target, options or {})
            self._core = self._session.target.selected_core

    def load(self, elf: Path) -> None:
        """Write the loadable segments, then verify them; leaves the core halted after reset.

        :raises FlashError: pyOCD reports trouble or the memory does not read back as written.
        """
        from pyocd.flash.file_programmer import FileProgrammer

        loadable_segments(elf)  # pyOCD's own errors about a damaged file are not typed
        with captured_log() as log:
            try:
                self.reset(halt=True)
                FileProgrammer(self._session).program(str(elf))
                warnings = [line for line in log if "pyocd.flash" in line]
            except self._exceptions.Error as error:
                raise FlashError(f"{self._where}: {elf} cannot be written: {error}") from error
        if warnings:
            raise FlashError(f"{self._where}: {elf} cannot be written: {'; '.join(warnings)}")
        verify(self.read, elf, self._where)
        self.reset(halt=True)

    def reset(self, *, halt: bool = False) -> None:
        """Reset the system and let it run, or hold it at the first instruction."""
        with self._errors():
            self._core.reset_and_halt() if halt else self._core.reset()

    def resume(self) -> None:
        """Let the core run."""
        with self._errors():
            self._core.resume()

    def halt(self) -> None:
        """Stop the core."""
        with self._errors():
            self._core.halt()

    def state(self) -> State:
        """Tell what the core does, without disturbing it."""
        try:
            with captured_log():
                name: str = self._core.get_state().name
        except self._exceptions.Error:
            return "gone"
        return _STATES.get(name, "running")

    def register(self, name: str) -> int:
        """Read a core register by its Arm name."""
        with self._errors():
            try:
                return int(self._core.read_core_register_raw(name))
            except KeyError as error:
                raise _no_register(self._where, name) from error

    def read(self, address: int, size: int) -> bytes:
        """Read ``size`` bytes of memory."""
        with self._errors():
            return bytes(self._core.read_memory_block8(address, size))

    def write(self, address: int, data: bytes) -> None:
        """Write ``data`` to memory."""
        with self._errors():
            self._core.write_memory_block8(address, data)

    def breakpoint(self, address: int, *, enabled: bool = True) -> None:
        """Set or remove a hardware breakpoint at once; pyOCD alone would wait for a resume."""
        with self._errors():
            if not enabled:
                self._core.remove_breakpoint(address)
            elif not self._core.set_breakpoint(address, self._core.BreakpointType.HW):
                raise DebuggerError(f"{self._where}: no hardware breakpoint is free")
            self._core.bp_manager.flush()

    def close(self) -> None:
        """End the debug session; the core keeps its state. May be called twice."""
        session, self._session = self._session, None
        if session is None:
            return
        # A target that died cannot be disconnected from, only the probe can be released.
        with contextlib.suppress(self._exceptions.Error), captured_log():
            session.close()
        with contextlib.suppress(self._exceptions.Error):
            session.probe.close()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        with captured_log() as log:
            try:
                yield
            except self._exceptions.Error as error:
                said = "".join(f"\n  pyOCD: {line}" for line in log[-3:])
                raise DebuggerError(f"{self._where}: {error}{said}") from error


class GdbDebugger:
    """A core behind a gdb stub.

    :param core: what the stub does not tell.
    :raises GdbRemoteError: there is no stub.
    """

    def __init__(self, host: str, port: int, *, core: GdbCore = CORTEX_M_GDB_CORE) -> None:
        self._remote = GdbRemote.connect(host, port)
        self._core = core
        self._registers = core.registers
        self._where = f"gdb stub {host}:{port}"
        if self._remote.was_running:
            self._remote.resume()

    def load(self, elf: Path) -> None:
        """Write the loadable segments, then verify them; leaves the core halted after reset.

        :raises FlashError: the memory cannot be written or does not read back as written.
        """
        self.reset(halt=True)
        try:
            for address, data in loadable_segments(elf):
                self._remote.write(address, data)
        except GdbDisconnectedError:
            raise
        except GdbRemoteError as error:
            raise FlashError(f"{self._where}: {elf} cannot be written: {error}") from error
        self.verify(elf)

    def verify(self, elf: Path) -> None:
        """Check that the memory holds the loadable segments; leaves the core halted after reset.

        :raises FlashError: it does not.
        """
        verify(self.read, elf, self._where)
        self.reset(halt=True)

    def reset(self, *, halt: bool = False) -> None:
        """Reset the system and let it run, or hold it at the first instruction."""
        self.halt()
        self._remote.monitor("system_reset")
        if self._core.not_reset:
            self._remote.physical_memory(enabled=True)
            for address in self._core.not_reset:
                self._remote.write(address, bytes(2))
            self._remote.physical_memory(enabled=False)
        if self._core.reset_vector is not None:
            self._remote.set_register(
                self._registers["pc"], self._remote.read_word(self._core.reset_vector)
            )
            self._remote.set_register(self._registers["psw"], 0)
        if not halt:
            self.resume()

    def resume(self) -> None:
        """Let the core run."""
        if not self._remote.running:
            self._remote.resume()

    def halt(self) -> None:
        """Stop the core."""
        self._remote.interrupt()

    def step(self) -> None:
        """Execute one instruction; interrupts wait."""
        self._remote.step()

    def state(self) -> State:
        """Tell what the core does, without disturbing it."""
        try:
            return "running" if self._remote.poll() is None else "halted"
        except GdbRemoteError:
            return "gone"

    def register(self, name: str) -> int:
        """Read a core register by the manufacturer's name."""
        single = int(name[1:]) if name[:1] == "s" and name[1:].isdigit() else None
        number = self._registers.get(name if single is None else f"d{single // 2}")
        if number is None:
            raise _no_register(self._where, name)
        value = self._remote.register(number)
        return value if single is None else value >> 32 * (single & 1) & 0xFFFFFFFF

    def read(self, address: int, size: int) -> bytes:
        """Read ``size`` bytes of memory."""
        with self._remote.paused():
            return self._remote.read(address, size)

    def write(self, address: int, data: bytes) -> None:
        """Write ``data`` to memory."""
        with self._remote.paused():
            self._remote.write(address, data)

    def breakpoint(self, address: int, *, enabled: bool = True) -> None:
        """Set or remove a hardware breakpoint."""
        length = self._core.breakpoint_length
        self._remote.point(POINT_BREAK, address, length, enabled=enabled)

    def close(self) -> None:
        """End the debug session; the core keeps its state. May be called twice."""
        self._remote.close()


def _no_register(where: str, name: str) -> DebuggerError:
    return DebuggerError(f"{where}: the core has no register {name!r}")
