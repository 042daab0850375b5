"""Whether the user's library of TensorFlow Lite Micro is one that a board can be linked with.

Asked before anything is linked: what a linker says of a wrong library, or a core that runs it,
names neither the library nor what to do.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from typing import Final

from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.system.regular_file import read_bytes


_MAGIC, _THIN = b"!<arch>\n", b"!<thin>\n"
_HEADER: Final = struct.Struct("16s12s6s6s8s10s2s")
_END_OF_HEADER: Final = b"`\n"
_INDEX: Final = "/"

#: Instruction sets of Cortex-M by Tag_CPU_arch, each able to run those before it.
_ARCHITECTURES: Final = (
    ((11, 12), "armv6-m"),
    ((10,), "armv7-m"),
    ((13,), "armv7e-m"),
    ((17,), "armv8-m.main"),
    ((21,), "armv8.1-m.main"),
)
_LEVEL_OF_CPU: Final = {
    "cortex-m0": 0,
    "cortex-m0plus": 0,
    "cortex-m1": 0,
    "cortex-m3": 1,
    "cortex-m4": 2,
    "cortex-m7": 2,
    "cortex-m33": 3,
    "cortex-m35p": 3,
    "cortex-m55": 4,
    "cortex-m85": 4,
}

#: Defined by the library exactly where it was built without a macro, or with it.
_WITHOUT_STATIC_MEMORY: Final = ("TfLiteTensorRealloc", "TfLiteIntArrayCreate")
_WITH_ERROR_STRINGS: Final = "MicroPrintf"
_WITH_CMSIS_NN: Final = "Register_FULLY_CONNECTED_INT8"
_INTERPRETER: Final = "MicroInterpreter"


@dataclass(frozen=True)
class Archive:
    """What a static library says about itself.

    :param symbols: the functions that it defines, as the linker sees them.
    :param level: place of its instruction set among those of Cortex-M; None if it says none.
    :param hard_float: whether functions pass floats in the registers of a floating-point unit.
    :param compiler: what compiled its first object, as that says; empty if it does not.
    """

    symbols: frozenset[str]
    level: int | None
    hard_float: bool
    compiler: str

    def defines(self, name: str) -> bool:
        """Tell whether it defines a function of this name, in any C++ namespace."""
        return any(name in symbol for symbol in self.symbols)


def check_archive(library: Path, defines: Sequence[str], cpu_flags: str, *, where: str) -> Archive:
    """Check that a board can be linked with a library.

    :param defines: macros that its headers are read with.
    :param cpu_flags: compiler flags that the board's core is built for with.
    :raises ToolchainNotFoundError: it cannot.
    """
    archive = read_archive(library)
    for problem in _problems(archive, defines, cpu_flags):
        raise ToolchainNotFoundError(f"{where}: {library}: {problem}")
    return archive


def read_archive(library: Path) -> Archive:
    """Read what a library says about itself.

    :raises ToolchainNotFoundError: it is no whole static library for Arm.
    """
    status = library.stat()
    return _read(library, status.st_mtime_ns, status.st_size)


def _problems(archive: Archive, defines: Sequence[str], cpu_flags: str) -> Iterator[str]:
    """Yield what keeps a library from being linked, with what to do."""
    if not archive.defines(_INTERPRETER):
        yield (
            "holds no MicroInterpreter; name the libtensorflow-microlite.a that the target "
            "'microlite' builds"
        )
    cpu = re.search(r"-mcpu=([\w-]+)", cpu_flags)
    able = _LEVEL_OF_CPU.get(cpu[1]) if cpu else None
    if cpu and able is not None and archive.level is not None and archive.level > able:
        yield (
            f"built for {_ARCHITECTURES[archive.level][1]}, which a {cpu[1]} does not run; build "
            f"it with TARGET_ARCH={cpu[1]}"
        )
    hard = "-mfloat-abi=hard" in cpu_flags
    if hard is not archive.hard_float:
        ways = ("in integer registers", "in the registers of a floating-point unit")
        yield (
            f"its functions take floats {ways[archive.hard_float]}, the board's {ways[hard]}; "
            f"build it for the board's core ({cpu_flags})"
        )
    static = "TF_LITE_STATIC_MEMORY"
    without = any(archive.defines(name) for name in _WITHOUT_STATIC_MEMORY)
    if without is (static in defines):
        did, do = ("without", "remove it from") if without else ("with", "add it to")
        yield f"was built {did} {static}, which changes its structures; {do} tflm.defines"
    strip = "TF_LITE_STRIP_ERROR_STRINGS"
    if not archive.defines(_WITH_ERROR_STRINGS) and strip not in defines:
        yield f"was built with {strip} (BUILD_TYPE=release), add it to tflm.defines"
    if "CMSIS_NN" in defines and not archive.defines(_WITH_CMSIS_NN):
        yield "was built without CMSIS_NN (OPTIMIZED_KERNEL_DIR), remove it from tflm.defines"


@cache
def _read(library: Path, modified: int, size: int) -> Archive:
    """Read a library; a file that changes in time or size is another version."""
    try:
        data = read_bytes(library)
    except OSError as error:
        raise ToolchainNotFoundError(
            f"{library}: cannot be read: {error.strerror}; name the library in tflm.library"
        ) from error
    members = dict(_members(data, library))
    symbols = _index(members.get(_INDEX, b""), library)
    first = next((body for body in members.values() if body[:4] == b"\x7fELF"), None)
    if first is None:
        raise ToolchainNotFoundError(
            f"{library}: holds no object file; name the libtensorflow-microlite.a that the target "
            "'microlite' builds"
        )
    try:
        return Archive(symbols, *_object(first, library))
    except ToolchainNotFoundError:
        raise
    except Exception as error:
        # pyelftools raises a dozen classes for a damaged file.
        raise ToolchainNotFoundError(
            f"{library}: its first object is damaged ({error}); build the library again"
        ) from error


def _members(data: bytes, library: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file in the archive."""
    if data.startswith(_THIN):
        raise ToolchainNotFoundError(
            f"{library}: a thin archive, which only names its object files; build it with 'ar rcs'"
        )
    if not data.startswith(_MAGIC):
        raise ToolchainNotFoundError(
            f"{library}: no static library (.a); name the libtensorflow-microlite.a that the "
            "target 'microlite' builds"
        )
    place = len(_MAGIC)
    while place < len(data):
        head = data[place : place + _HEADER.size]
        place += _HEADER.size
        if len(head) < _HEADER.size or head[-2:] != _END_OF_HEADER:
            raise _cut(library)
        name, size = head[:16].decode("latin-1").strip(), head[48:58].strip()
        if not size.isdigit() or place + int(size) > len(data):
            raise _cut(library)
        yield name, data[place : place + int(size)]
        place += int(size) + int(size) % 2


def _cut(library: Path) -> ToolchainNotFoundError:
    return ToolchainNotFoundError(
        f"{library}: not complete: a file in it ends after the library does; copy or build it again"
    )


def _index(body: bytes, library: Path) -> frozenset[str]:
    """Return the names in the archive's index of symbols."""
    if len(body) < 4:
        raise ToolchainNotFoundError(
            f"{library}: has no index of symbols; run arm-none-eabi-ranlib on it"
        )
    (count,) = struct.unpack_from(">I", body)
    names = body[4 + 4 * count :].split(b"\0")[:count]
    return frozenset(name.decode("latin-1") for name in names)


def _object(body: bytes, library: Path) -> tuple[int | None, bool, str]:
    """Return instruction set, way of passing floats and compiler of an object file."""
    from elftools.elf.elffile import ELFFile

    elf = ELFFile(io.BytesIO(body))
    machine = elf["e_machine"]
    if machine != "EM_ARM":
        raise ToolchainNotFoundError(
            f"{library}: built for {str(machine).removeprefix('EM_')}, not for Arm; build it with "
            "TARGET=cortex_m_generic, docs/tflm.md shows how"
        )
    tags = dict(_attributes(elf))
    arch = tags.get("TAG_CPU_ARCH")
    level = next((i for i, (numbers, _) in enumerate(_ARCHITECTURES) if arch in numbers), None)
    comment = elf.get_section_by_name(".comment")
    words = comment.data().split(b"\0") if comment is not None else []
    compiler = next((word.decode("latin-1") for word in words if word), "")
    return level, tags.get("TAG_ABI_VFP_ARGS") == 1, compiler


def _attributes(elf: Any) -> Iterator[tuple[str, Any]]:
    section = elf.get_section_by_name(".ARM.attributes")
    if section is None:
        return
    for subsection in section.iter_subsections():
        for part in subsection.iter_subsubsections():
            yield from ((attribute.tag, attribute.value) for attribute in part.iter_attributes())
