"""The Renesas RX600 core: GNU's compiler, emulated by QEMU, cycles by GNU's simulator."""

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

_LOWER_RAM_BYTES: Final = 256 * 1024


def _built() -> Path | None:
    from pytest_tinyquant.firmware.toolchain_rx import find_built_compiler
    from pytest_tinyquant.system.cache import Cache

    return find_built_compiler(Cache())


@dataclass(frozen=True, kw_only=True)
class Rx(Core):
    """An RX600 core."""

    @property
    def emulated_bytes(self) -> MemoryBytes:
        """The memories of an RX65N; what is written beyond them counts as stray."""
        return MemoryBytes(flash=2 << 20, ram=640 << 10)

    def regions(self, flash_bytes: int, ram_bytes: int) -> dict[str, int]:
        """Return three regions: the upper part of the RAM holds arena and stack."""
        return {
            "FLASH": flash_bytes,
            "RAM": _LOWER_RAM_BYTES,
            "EXPANSION_RAM": ram_bytes - _LOWER_RAM_BYTES,
        }

    def open_virtual(self, board: Board, *, work_dir: Path, timeout: float) -> Device:
        """Return QEMU's RX62N with an RX65N's memory."""
        from pytest_tinyquant.boards.emulator.rx import MACHINES
        from pytest_tinyquant.boards.emulator.rx import EmulatedRx

        if board.machine not in MACHINES:
            raise no_machine(board, MACHINES)
        return EmulatedRx(board.name, board.machine, timeout=timeout)

    def faults(self) -> Faults:
        """Return what reads an exception's frame."""
        from pytest_tinyquant.boards.halts.halt_rx import RxFaults

        return RxFaults()


RX: Final = Rx(
    name="rx",
    compiler=Compiler(
        "rx-elf-gcc",
        "`tinyquant toolchain rx-elf` builds it, once, in ten minutes, from Debian's source "
        "packages",
        ("libc.a", "libm.a", "libgcc.a"),
        _built,
    ),
    emulator="qemu-system-rx",
    cycle_model="GNU RX simulator, RX600 cycle model",
)
