"""Memory of a QEMU Cortex-M as pyOCD sees it: through the AHB-AP of a debug port.

The private peripheral bus is the debug view of :class:`CoreDebug` plus the identification
registers by which pyOCD discovers the core (CoreSight architecture, "class 1 ROM tables"); all
else goes to the gdb stub.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from pyocd.core import exceptions
from pyocd.core.memory_interface import MemoryInterface

from pytest_tinyquant.boards.debug.gdb_remote import GdbDisconnectedError
from pytest_tinyquant.boards.debug.gdb_remote import GdbRemote
from pytest_tinyquant.boards.debug.gdb_remote import GdbRemoteError
from pytest_tinyquant.boards.debug.pyocd_core import DWT
from pytest_tinyquant.boards.debug.pyocd_core import FPB
from pytest_tinyquant.boards.debug.pyocd_core import SCS
from pytest_tinyquant.boards.debug.pyocd_core import CoreDebug


ROM_TABLE = 0xE00FF000

_PRIVATE_BUS = range(0xE0000000, 0xE0100000)
_PERIPHERALS = range(0x40000000, 0x60000000)
_CLASS_ROM_TABLE, _CLASS_GENERIC = 0x1, 0xE


def _component(base: int, component_class: int, part: int) -> dict[int, int]:
    """Return the identification registers of a component that Arm designed."""
    return {
        base + 0xFD0: 0x04,
        base + 0xFE0: part & 0xFF,
        base + 0xFE4: part >> 8 | 0xB0,
        base + 0xFE8: 0x0B,
        base + 0xFEC: 0x00,
        base + 0xFF0: 0x0D,
        base + 0xFF4: component_class << 4,
        base + 0xFF8: 0x05,
        base + 0xFFC: 0xB1,
    }


_IDENTIFICATION = {
    **{
        ROM_TABLE + 4 * index: (component - ROM_TABLE & 0xFFFFFFFF) | 3  # present, 32 bit
        for index, component in enumerate((SCS, DWT, FPB))
    },
    **_component(ROM_TABLE, _CLASS_ROM_TABLE, 0x4C4),
    **_component(SCS, _CLASS_GENERIC, 0x00C),
    **_component(DWT, _CLASS_GENERIC, 0x002),
    **_component(FPB, _CLASS_GENERIC, 0x003),
}


class QemuMemory(MemoryInterface):  # type: ignore[misc]
    """The memory interface of the emulated access port.

    Memory is accessible while the core runs: the machine stops for the length of the access,
    which the emulated clock does not notice.
    """

    def __init__(self, remote: GdbRemote) -> None:
        self.core = CoreDebug(remote)
        self._remote = remote

    def read_memory(
        self, addr: int, transfer_size: int = 32, now: bool = True, **_: Any
    ) -> int | Callable[[], int]:
        """Read 8, 16 or 32 bits, at once or through the returned function."""
        value = int.from_bytes(self._read(addr, transfer_size // 8), "little")
        return value if now else lambda: value

    def write_memory(self, addr: int, data: int, transfer_size: int = 32, **_: Any) -> None:
        """Write 8, 16 or 32 bits."""
        self._write(addr, data.to_bytes(transfer_size // 8, "little"))

    def read_memory_block32(self, addr: int, size: int, **_: Any) -> Sequence[int]:
        """Read ``size`` words."""
        return struct.unpack(f"<{size}I", self._read(addr, 4 * size))

    def write_memory_block32(self, addr: int, data: Sequence[int], **_: Any) -> None:
        """Write words."""
        self._write(addr, struct.pack(f"<{len(data)}I", *data))

    def read_memory_block8(self, addr: int, size: int, **_: Any) -> Sequence[int]:
        """Read ``size`` bytes."""
        return list(self._read(addr, size))

    def write_memory_block8(self, addr: int, data: Sequence[int], **_: Any) -> None:
        """Write bytes."""
        self._write(addr, bytes(data))

    def _read(self, address: int, size: int) -> bytes:
        with _pyocd_errors(address, size):
            if address in _PRIVATE_BUS:
                first = address & ~3
                words = (self._private_word(word) for word in range(first, address + size, 4))
                data = b"".join(word.to_bytes(4, "little") for word in words)
                return data[address - first :][:size]
            with self.core.paused():
                return self._remote.read(address, size)

    def _write(self, address: int, data: bytes) -> None:
        with _pyocd_errors(address, len(data)):
            if address in _PRIVATE_BUS:
                for offset in range(0, len(data), 4):
                    word = data[offset : offset + 4]
                    value = int.from_bytes(word, "little")
                    self.core.write(address + offset, value, len(word))
                return
            with self.core.paused(), self._reaching(address):
                self._remote.write(address, data)

    def _private_word(self, address: int) -> int:
        known = _IDENTIFICATION.get(address)
        return self.core.read(address) if known is None else known

    @contextlib.contextmanager
    def _reaching(self, address: int) -> Iterator[None]:
        """Let writes to peripherals take effect; the stub drops them otherwise."""
        if address not in _PERIPHERALS:
            yield
            return
        self._remote.physical_memory(enabled=True)
        try:
            yield
        finally:
            self._remote.physical_memory(enabled=False)


@contextlib.contextmanager
def _pyocd_errors(address: int, size: int) -> Iterator[None]:
    try:
        yield
    except GdbDisconnectedError as error:
        raise exceptions.ProbeDisconnected(str(error)) from error
    except GdbRemoteError as error:
        raise exceptions.TransferFaultError(
            str(error), fault_address=address, length=size
        ) from error
