"""Debug access to a core straight through a gdb stub.

It is the cross-check of :mod:`pytest_tinyquant.boards.debug.pyocd_debugger` and serves cores that
pyOCD does not know. Both keep the contract of :class:`pytest_tinyquant.boards.device.Debugger`.
"""

from __future__ import annotations

from pathlib import Path

from pytest_tinyquant.boards.debug.errors import no_register
from pytest_tinyquant.boards.debug.gdb_core import CORTEX_M_GDB_CORE
from pytest_tinyquant.boards.debug.gdb_core import GdbCore
from pytest_tinyquant.boards.debug.gdb_remote import POINT_BREAK
from pytest_tinyquant.boards.debug.gdb_remote import GdbDisconnectedError
from pytest_tinyquant.boards.debug.gdb_remote import GdbRemote
from pytest_tinyquant.boards.debug.gdb_remote import GdbRemoteError
from pytest_tinyquant.boards.debug.segments import loadable_segments
from pytest_tinyquant.boards.debug.segments import verify
from pytest_tinyquant.boards.device import State
from pytest_tinyquant.errors import FlashError


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

    def start_at(self, sp: int, pc: int) -> None:
        """Let a halted core begin at ``pc`` with the stack at ``sp`` when it is resumed."""
        self._remote.set_register(self._registers["sp"], sp)
        self._remote.set_register(self._registers["pc"], pc & ~1)

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
            raise no_register(self._where, name)
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
