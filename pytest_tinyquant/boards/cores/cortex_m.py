"""Arm Cortex-M cores: GNU's compiler for Arm, emulated by QEMU, driven by pyOCD."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.boards.cores.core import Core
from pytest_tinyquant.boards.cores.core import no_machine
from pytest_tinyquant.project.kinds import Compiler
from pytest_tinyquant.project.kinds import MemoryBytes


if TYPE_CHECKING:
    from pytest_tinyquant.boards.device import Device
    from pytest_tinyquant.boards.halts.halt import Faults
    from pytest_tinyquant.project.board_types import Board

_GCC: Final = Compiler(
    "arm-none-eabi-gcc",
    "Install it, for example: apt install gcc-arm-none-eabi libnewlib-arm-none-eabi",
    ("nano.specs", "libc_nano.a"),
)


#: Machines that run the firmware of mps2-an386.
_SISTERS: Final = ("mps2-an385", "mps2-an386", "mps2-an500")


@dataclass(frozen=True, kw_only=True)
class CortexM(Core):
    """A Cortex-M core.

    :param machines: QEMU's machines with such a core; their firmware is the one of
        :data:`~pytest_tinyquant.boards.emulator.cortex_m.MACHINES`.
    :param secure: an Armv8-M core with security states; the firmware runs in the Secure one.
    :param part: part number in CPUID of the only core that its code is meant for; 0 for any.
    """

    compiler: Compiler | None = _GCC
    emulator: str = "qemu-system-arm"
    has_pyocd: bool = True
    machines: tuple[str, ...]
    secure: bool = False
    part: int = 0

    @property
    def machine(self) -> str:
        """The first of the machines."""
        return self.machines[0]

    @property
    def emulated_bytes(self) -> MemoryBytes:
        """What the linker scripts of all machines have room for beside the check samples."""
        return MemoryBytes(flash=2 << 20, ram=4 << 20)

    def firmware_of(self, machine: str) -> str:
        """Return the firmware of a machine: some of QEMU's differ in their cores alone."""
        return "mps2-an386" if machine in _SISTERS else machine

    def open_virtual(self, board: Board, *, work_dir: Path, timeout: float) -> Device:
        """Return QEMU, programmed and watched through pyOCD."""
        from pytest_tinyquant.boards.emulator.cortex_m import EmulatedCortexM
        from pytest_tinyquant.boards.emulator.qemu import check_machine

        if board.machine not in self.machines:
            raise no_machine(board, self.machines)
        check_machine(self.emulator, board.machine, board.name)
        return EmulatedCortexM(
            board.name,
            board.machine,
            timeout=timeout,
            faults=self.faults(),
            by_debugger=board.console == "debugger",
        )

    def faults(self) -> Faults:
        """Return what reads the fault status registers."""
        from pytest_tinyquant.boards.halts.halt_cortex_m import ARMV7M_FAULTS
        from pytest_tinyquant.boards.halts.halt_cortex_m import ARMV8M_FAULTS

        return ARMV8M_FAULTS if self.secure else ARMV7M_FAULTS


#: QEMU 7.2 has no machine with a Cortex-M0+ whose timer could count; its code runs on a Cortex-M3,
#: which forgives what Armv6-M does not only where UNALIGN_TRP is off.
CORTEX_M0PLUS: Final = CortexM(name="cortex-m0plus", has_fpu=False, machines=("mps2-an385",))
CORTEX_M3: Final = CortexM(name="cortex-m3", part=0xC23, has_fpu=False, machines=("mps2-an385",))

_DSP: Final = "cortex_m_dsp"
CORTEX_M4: Final = CortexM(
    name="cortex-m4", part=0xC24, kernels=_DSP, has_fpu=False, machines=("mps2-an386",)
)
CORTEX_M4F: Final = CortexM(
    name="cortex-m4f", part=0xC24, kernels=_DSP, has_trace_model=True, machines=("mps2-an386",)
)
CORTEX_M7: Final = CortexM(name="cortex-m7", part=0xC27, kernels=_DSP, machines=("mps2-an500",))
CORTEX_M33: Final = CortexM(
    name="cortex-m33", part=0xD21, kernels=_DSP, secure=True, machines=("mps2-an505",)
)
CORTEX_M55: Final = CortexM(
    name="cortex-m55", part=0xD22, kernels="cortex_m_mve", secure=True, machines=("mps3-an547",)
)
