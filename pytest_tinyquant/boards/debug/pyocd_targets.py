"""QEMU's machines as pyOCD's targets: their memories, as the firmware's linker scripts use them.

All memory is RAM, so that it is programmed without a flash algorithm.
"""

from __future__ import annotations

from typing import Any
from typing import Final

from pyocd.core.memory_map import MemoryMap
from pyocd.core.memory_map import RamRegion
from pyocd.coresight.coresight_target import CoreSightTarget

from pytest_tinyquant.boards.debug.pyocd_names import TARGET_MPS2_AN386
from pytest_tinyquant.boards.debug.pyocd_names import TARGET_MPS2_AN505
from pytest_tinyquant.boards.debug.pyocd_names import TARGET_MPS3_AN547


class Mps2An386(CoreSightTarget):  # type: ignore[misc]
    """QEMU's ``mps2-an386``, and its sisters with a Cortex-M3 and -M7.

    The code memory holds 2 MB of flash and the check samples; the RAM is 4 MB.
    """

    VENDOR = "QEMU"
    MEMORY_MAP = MemoryMap(
        RamRegion(name="flash", start=0, length=0x200000, is_boot_memory=True, access="rwx"),
        RamRegion(name="samples", start=0x200000, length=0x200000),
        RamRegion(name="ram", start=0x20000000, length=0x400000),
    )

    def __init__(self, session: Any) -> None:
        super().__init__(session, self.MEMORY_MAP)


class Mps2An505(Mps2An386):
    """QEMU's ``mps2-an505``, a Cortex-M33, in Secure state."""

    MEMORY_MAP = MemoryMap(
        RamRegion(
            name="flash", start=0x10000000, length=0x200000, is_boot_memory=True, access="rwx"
        ),
        RamRegion(name="samples", start=0x10200000, length=0x200000),
        RamRegion(name="ram", start=0x38000000, length=0x400000),
    )


class Mps3An547(Mps2An386):
    """QEMU's ``mps3-an547``, a Cortex-M55, in Secure state."""

    MEMORY_MAP = MemoryMap(
        RamRegion(name="itcm", start=0x10000000, length=0x80000, is_boot_memory=True, access="rwx"),
        RamRegion(name="flash", start=0x11000000, length=0x200000, access="rwx"),
        RamRegion(name="ram", start=0x31000000, length=0x400000),
        RamRegion(name="samples", start=0x70000000, length=0x200000),
    )


#: pyOCD's target by name.
MACHINE_TARGETS: Final = {
    TARGET_MPS2_AN386: Mps2An386,
    TARGET_MPS2_AN505: Mps2An505,
    TARGET_MPS3_AN547: Mps3An547,
}
