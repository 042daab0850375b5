"""A QEMU machine as pyOCD sees it: a debug probe with an ADIv5 debug port."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from typing import Any

from pyocd.board.board import Board
from pyocd.core import exceptions
from pyocd.coresight.cortex_m import CortexM
from pyocd.probe.debug_probe import DebugProbe

from pytest_tinyquant.boards.debug.gdb_remote import GdbRemote
from pytest_tinyquant.boards.debug.gdb_remote import GdbRemoteError
from pytest_tinyquant.boards.debug.pyocd_memory import ROM_TABLE
from pytest_tinyquant.boards.debug.pyocd_memory import QemuMemory
from pytest_tinyquant.boards.debug.pyocd_names import PROBE_TYPE
from pytest_tinyquant.boards.debug.pyocd_names import TARGET_MPS2_AN386
from pytest_tinyquant.boards.debug.pyocd_names import listed_probes


_DPIDR, _DP_CTRL_STAT = 0x2BA01477, 0x4
_POWER_UP_REQUESTS = 0x50000000
_AP_CSW, _AP_BASE, _AP_IDR = 0x00, 0xF8, 0xFC
_AHB_AP_IDR, _CSW_RESET, _CSW_DEVICE_ENABLED = 0x24770011, 0x23000042, 0x40

# Initial stack pointer, reset vector, and two branches to themselves.
_IDLE_PROGRAM = struct.Struct("<IIHH")
_BRANCH_TO_ITSELF = 0xE7FE


class QemuProbe(DebugProbe):  # type: ignore[misc]
    """A serial-wire debug port with one AHB access port in front of a gdb stub."""

    def __init__(self, unique_id: str, address: str) -> None:
        super().__init__()
        self._unique_id = unique_id
        self._address = address
        self._remote: GdbRemote | None = None
        self._memory: QemuMemory | None = None
        self._protocol: Any = None
        self._control = 0
        self._csw = _CSW_RESET
        self._reset_asserted = False

    @classmethod
    def get_all_connected_probes(
        cls, unique_id: str | None = None, is_explicit: bool = False
    ) -> list[QemuProbe]:
        """Return the probe asked for by its full id, else those that the environment lists.

        Other stubs cannot be enumerated.
        """
        probe = cls.get_probe_with_id(unique_id or "", is_explicit)
        return [cls(*listed) for listed in listed_probes().items()] if probe is None else [probe]

    @classmethod
    def get_probe_with_id(cls, unique_id: str, is_explicit: bool = False) -> QemuProbe | None:
        """Return the probe listed by this id, or of the stub ``HOST:PORT`` of a named type."""
        address = listed_probes().get(unique_id, unique_id)
        valid = re.fullmatch(r".+:[0-9]+", address)
        if not valid or (address == unique_id and not is_explicit):
            return None
        return cls(unique_id, address)

    @property
    def vendor_name(self) -> str:
        """Vendor shown by pyOCD."""
        return "QEMU"

    @property
    def product_name(self) -> str:
        """Product shown by pyOCD."""
        return "gdb stub"

    @property
    def supported_wire_protocols(self) -> Sequence[Any]:
        """Serial wire debug only."""
        return [DebugProbe.Protocol.DEFAULT, DebugProbe.Protocol.SWD]

    @property
    def unique_id(self) -> str:
        """The id that the probe was listed by, or ``HOST:PORT`` of the stub."""
        return self._unique_id

    @property
    def wire_protocol(self) -> Any:
        """The protocol in use, None while disconnected."""
        return self._protocol

    @property
    def is_open(self) -> bool:
        """Whether the stub is connected."""
        return self._remote is not None

    @property
    def capabilities(self) -> set[Any]:
        """Access ports and register banks need no selection."""
        return {
            DebugProbe.Capability.MANAGED_AP_SELECTION,
            DebugProbe.Capability.MANAGED_DPBANKSEL,
        }

    def create_associated_board(self) -> Any:
        """Return the board of the target that the session names, else of the ``mps2-an386``."""
        options = self.session.options
        named = options.is_set("target_override")
        return Board(
            self.session, target=options.get("target_override") if named else TARGET_MPS2_AN386
        )

    def open(self) -> None:
        """Connect to the stub; a machine that ran goes on running."""
        host, _, port = self._address.rpartition(":")
        try:
            remote = GdbRemote.connect(host, int(port))
            if remote.was_running:
                remote.resume()
            else:
                _fill_blank_memory(remote)
        except GdbRemoteError as error:
            raise exceptions.ProbeError(f"{PROBE_TYPE}:{self._unique_id}: {error}") from error
        self._remote = remote
        self._memory = QemuMemory(remote)

    def close(self) -> None:
        """Disconnect from the stub."""
        if self._remote is not None:
            self._remote.close()
        self._remote = self._memory = None

    def connect(self, protocol: Any = None) -> None:
        """Connect to the target; nothing to do."""
        self._protocol = DebugProbe.Protocol.SWD

    def disconnect(self) -> None:
        """Disconnect from the target; nothing to do."""
        self._protocol = None

    def set_clock(self, frequency: float) -> None:
        """Set the wire's clock; it has none."""

    def reset(self) -> None:
        """Pulse the reset pin."""
        if self._memory is not None:
            self._memory.core.reset()

    def assert_reset(self, asserted: bool) -> None:
        """Drive the reset pin: the core halts when it goes low and resets when it goes high."""
        if self._memory is not None:
            if asserted:
                self._memory.core.halt()
            elif self._reset_asserted:
                self._memory.core.reset()
        self._reset_asserted = asserted

    def is_reset_asserted(self) -> bool:
        """Tell whether the reset pin is low."""
        return self._reset_asserted

    def read_dp(self, addr: int, now: bool = True) -> Any:
        """Read a register of the debug port; power-up requests are acknowledged at once."""
        acknowledged = self._control | (self._control & _POWER_UP_REQUESTS) << 1
        return _deferred({0: _DPIDR, _DP_CTRL_STAT: acknowledged}.get(addr, 0), now)

    def write_dp(self, addr: int, data: int) -> None:
        """Write a register of the debug port."""
        if addr == _DP_CTRL_STAT:
            self._control = data

    def read_ap(self, addr: int, now: bool = True) -> Any:
        """Read a register of an access port; only port 0 exists."""
        registers = {
            _AP_IDR: _AHB_AP_IDR,
            _AP_BASE: ROM_TABLE | 3,
            _AP_CSW: self._csw | _CSW_DEVICE_ENABLED,
        }
        return _deferred(0 if addr >> 24 else registers.get(addr & 0xFF, 0), now)

    def write_ap(self, addr: int, data: int) -> None:
        """Write a register of the access port."""
        if addr & 0xFF == _AP_CSW:
            self._csw = data

    def read_ap_multiple(self, addr: int, count: int = 1, now: bool = True) -> Any:
        """Read a register of an access port ``count`` times."""
        return _deferred([self.read_ap(addr)] * count, now)

    def write_ap_multiple(self, addr: int, values: Sequence[int]) -> None:
        """Write a register of the access port several times."""
        for value in values:
            self.write_ap(addr, value)

    def get_memory_interface_for_ap(self, ap_address: Any) -> QemuMemory | None:
        """Return the memory behind access port 0, which spares its transfer registers."""
        return self._memory if ap_address.nominal_address == 0 else None


def _fill_blank_memory(remote: GdbRemote) -> None:
    """Write an idle program where the core starts, if nothing is there.

    A stray resume of blank memory would lock up the core, and QEMU with it.
    """
    start = remote.read_word(CortexM.VTOR)
    if remote.read(start, _IDLE_PROGRAM.size) != bytes(_IDLE_PROGRAM.size):
        return
    code = (start + 8) | 1
    program = _IDLE_PROGRAM.pack(start + 0x1000, code, _BRANCH_TO_ITSELF, _BRANCH_TO_ITSELF)
    remote.write(start, program)
    remote.monitor("system_reset")


def _deferred(value: Any, now: bool) -> Any:
    return value if now else lambda: value
