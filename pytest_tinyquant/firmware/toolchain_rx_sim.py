"""The GNU simulator of the RX600, from Debian's source package of GDB; it takes a minute or two.

Unlike QEMU it has a model of the core's pipeline, and so an estimate of its cycles.
"""

from __future__ import annotations

import functools
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Final

from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware.recipe import Package
from pytest_tinyquant.firmware.recipe import Recipe
from pytest_tinyquant.firmware.source_build import find_built
from pytest_tinyquant.system import environment
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.trouble import refuse_trouble


PROGRAM: Final = "rx-elf-run"

_DEBIAN: Final = "gdb-source build-essential flex bison zlib1g-dev xz-utils"
_ARCHIVE: Final = "/usr/src/gdb.tar.xz"
_OPTIONS: Final = (
    "--target=rx-elf|--enable-sim|--enable-cycle-accurate|--disable-gdb|--disable-gdbserver|"
    "--disable-binutils|--disable-gas|--disable-ld|--disable-gprof|--disable-gprofng|"
    "--disable-nls|--disable-werror|--disable-shared|--with-system-zlib|--without-zstd|"
    "MAKEINFO=true|CFLAGS=-O2 -g0|CXXFLAGS=-O2 -g0|LDFLAGS=-s"
)
_MAKE: Final = (
    ("make", ("MAKEINFO=true", "all-sim")),
    ("install", ("MAKEINFO=true", "install-sim")),
)
_VERIFY_TIMEOUT: Final = 10.0


@functools.cache
def recipe() -> Recipe:
    """Return how the simulator is built."""
    return Recipe(
        name="rx-sim",
        what="the simulator of the RX600",
        key=Cache.key(PROGRAM, _DEBIAN, _OPTIONS, [[name, *words] for name, words in _MAKE]),
        debian=_DEBIAN,
        tools=("make", "flex", "bison"),
        packages=(Package("gdb", _ARCHIVE, tuple(_OPTIONS.split("|")), _MAKE),),
        program=Path("bin") / PROGRAM,
        prune=_prune,
        verify=verify_simulator,
    )


def find_simulator() -> Path:
    """Return the simulator: one on the PATH, and then the one that this package built.

    :raises ToolchainNotFoundError: there is neither.
    """
    found = shutil.which(PROGRAM)
    if found is not None:
        return Path(found)
    built = find_built(recipe(), Cache())
    if built is None:
        raise ToolchainNotFoundError(
            f"{PROGRAM} is not on the PATH, and cycles are estimated with it. "
            f"`{recipe().command}` builds it, once, from Debian's source package of GDB"
        )
    return built


def verify_simulator(simulator: Path, directory: Path) -> None:
    """Run a program that prints two letters, and check that cycles are counted.

    :param directory: existing directory for the program.
    :raises ToolchainNotFoundError: the simulator does not run it, or has no model of the core.
    """
    program = directory / "verify.elf"
    program.write_bytes(_verification_program())
    try:
        result = subprocess.run(
            [simulator, "-v", program],
            capture_output=True,
            text=True,
            env=environment.made(directory),
            timeout=_VERIFY_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolchainNotFoundError(f"{simulator} does not run: {error}") from error
    refuse_trouble(result.returncode, result.stderr, str(simulator))
    if result.returncode or "ok" not in result.stdout:
        raise ToolchainNotFoundError(
            f"{simulator} does not run a program for RX: exit status {result.returncode}, "
            f"{(result.stdout + result.stderr).strip()!r}"
        )
    if "cycles:" not in result.stdout:
        raise ToolchainNotFoundError(
            f"{simulator} has no model of the core's cycles; build it with `{recipe().command}`"
        )


def _verification_program() -> bytes:
    """Return an ELF file that writes ``ok`` and ends the simulator with status 0."""
    em_rx, entry, pt_load, readable_executable = 173, 0x01000000, 1, 5
    header, program_header = struct.calcsize(_ELF_HEADER), struct.calcsize(_PROGRAM_HEADER)
    code = bytes.fromhex("fb1e638208")  # mov.l #0x88263, r1: what is written there is printed
    # mov.b #value, [r1]; two of value 3 make the next one the exit status.
    code += b"".join(b"\xf8\x14" + bytes([value]) for value in (*b"ok\n", 3, 3, 0))
    offset = header + program_header
    return (
        struct.pack(
            *(_ELF_HEADER, b"\x7fELF\1\1\1", 2, em_rx, 1, entry, header, 0, 0),
            *(header, program_header, 1, 0, 0, 0),
        )
        + struct.pack(
            *(_PROGRAM_HEADER, pt_load, offset, entry, entry, len(code), len(code)),
            *(readable_executable, 1),
        )
        + code
    )


_ELF_HEADER: Final = "<16sHHIIIIIHHHHHH"
_PROGRAM_HEADER: Final = "<8I"


def _prune(prefix: Path) -> None:
    """Remove all but the program."""
    for name in ("share", "include", "lib"):
        shutil.rmtree(prefix / name, ignore_errors=True)
