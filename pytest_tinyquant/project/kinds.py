"""What executes a model: this computer, or a processor core.

A kind is what ``kind = "..."`` in a boards.toml names. Here is what the files of a project and the
build of firmware need to know of one; how its boards are opened and how its faults read is what
:class:`pytest_tinyquant.boards.cores.core.Core` adds, whose module shows how to add a kind.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Final

from pytest_tinyquant.project.target import Target
from pytest_tinyquant.system.registry import Registry


FIRMWARE_PACKAGES: Final = ("pyocd", "pyserial", "pyelftools")
"""Python packages that every kind of board with firmware needs."""


@dataclass(frozen=True)
class MemoryBytes:
    """Bytes of a board's two memories."""

    flash: int
    ram: int


@dataclass(frozen=True)
class Compiler:
    """The cross compiler of a kind.

    :param program: its name on the PATH, ending in ``gcc``.
    :param install: what to do when it or its C library is missing, as a sentence.
    :param libraries: files that it must find, with the library's own version in them.
    :param built: returns the compiler that this package built itself, if it did.
    """

    program: str
    install: str
    libraries: tuple[str, ...]
    built: Callable[[], Path | None] = lambda: None


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What executes a model.

    :param name: as in boards.toml.
    :param compiler: builds its firmware; None for what runs a model's file itself.
    :param toolchain_file: CMake's; None for ``cmake/NAME.cmake`` of the firmware.
    :param emulator: program that emulates such cores.
    :param has_pyocd: whether pyOCD drives such cores.
    :param cycle_model: what simulates its cycles, in words; empty where nothing does.
    :param has_trace_model: whether there is a model of the core that makes cycles of a trace.
    :param packages: Python packages that such boards need.
    :param target: how boards without firmware are reached.
    :param needs: tables that a board's own table must have, with what is in them.
    :param reporters: importable packages whose code makes what is reported of such boards.
    :param kernels: kernel set of a board whose table names none.
    :param has_fpu: whether its compiler's flags may ask for floating-point registers.
    """

    name: str
    compiler: Compiler | None = None
    toolchain_file: Path | None = None
    emulator: str = ""
    has_pyocd: bool = False
    cycle_model: str = ""
    has_trace_model: bool = False
    packages: tuple[str, ...] = FIRMWARE_PACKAGES
    target: Target = Target.HOST
    needs: Mapping[str, str] = field(default_factory=dict)
    reporters: tuple[str, ...] = ()
    kernels: str = "reference"
    has_fpu: bool = True

    @property
    def runs_firmware(self) -> bool:
        """Whether such boards run an image that is built for them."""
        return self.compiler is not None

    @property
    def machine(self) -> str:
        """Emulated machine of a board whose table names none; empty where there is none."""
        return ""

    def firmware_of(self, machine: str) -> str:
        """Return the directory of the firmware's ``boards/`` for a machine, with - for _."""
        return machine

    @property
    def emulated_bytes(self) -> MemoryBytes | None:
        """Most that its emulated machines have; None for as much as anybody likes."""
        return None

    def regions(self, flash_bytes: int, ram_bytes: int) -> dict[str, int]:
        """Return the bytes of the memory regions of the linker script, by name.

        :param flash_bytes: of the board; likewise ``ram_bytes``.
        """
        return {"FLASH": flash_bytes, "RAM": ram_bytes}


KINDS: Final[Registry[Kind]] = Registry(
    "kind",
    Kind,
    {
        "host": "pytest_tinyquant.boards.cores.host:HOST",
        "cortex-m0plus": "pytest_tinyquant.boards.cores.cortex_m:CORTEX_M0PLUS",
        "cortex-m3": "pytest_tinyquant.boards.cores.cortex_m:CORTEX_M3",
        "cortex-m4": "pytest_tinyquant.boards.cores.cortex_m:CORTEX_M4",
        "cortex-m4f": "pytest_tinyquant.boards.cores.cortex_m:CORTEX_M4F",
        "cortex-m7": "pytest_tinyquant.boards.cores.cortex_m:CORTEX_M7",
        "cortex-m33": "pytest_tinyquant.boards.cores.cortex_m:CORTEX_M33",
        "cortex-m55": "pytest_tinyquant.boards.cores.cortex_m:CORTEX_M55",
        "rx": "pytest_tinyquant.boards.cores.rx:RX",
        "ethos-u": "pytest_tinyquant.boards.cores.ethos_u:ETHOS_U",
        "command": "pytest_tinyquant.boards.cores.command:COMMAND",
    },
)
"""Every kind by name."""
