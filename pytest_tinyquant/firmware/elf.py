"""What an ELF file of the firmware says: memory use, symbols, source lines."""

from __future__ import annotations

import bisect
import functools
import struct
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import Final
from typing import Literal

from pytest_tinyquant.errors import CacheError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.firmware.source_lines import SourceLines


@dataclass(frozen=True)
class ElfSection:
    """A section that occupies memory on the device.

    :param load_address: where its content is stored; differs from ``address`` for ``.data``.
    :param loaded: it has content in the file, so that it takes flash.
    """

    name: str
    address: int
    size: int
    load_address: int
    loaded: bool
    content: bytes


@dataclass(frozen=True)
class Symbol:
    """A function or an object; ``address`` is without the Thumb bit."""

    name: str
    address: int
    size: int
    kind: Literal["function", "object"]


@dataclass(frozen=True)
class FlashUse:
    """Bytes of flash by part; the parts add up to ``total``. Check samples are not in it.

    A gap that alignment leaves before a part belongs to that part.

    :param weights: constant tensors of the model.
    :param kernels: code and tables of the kernels that the model uses.
    :param engine: the engine itself.
    :param model: the model's op table and parameters.
    :param startup_libc: everything else: vectors, start-up, app, board, compiler and C library,
        and the initial values of ``.data``.
    """

    total: int
    weights: int
    kernels: int
    engine: int
    model: int
    startup_libc: int


@dataclass(frozen=True)
class RamUse:
    """Bytes of RAM by part.

    :param bss: zeroed and uninitialized data without the arena, gaps and arena guards included.
    :param arena: the model's activations.
    :param stack_reserved: what the linker script sets aside for the stack.
    """

    data: int
    bss: int
    arena: int
    stack_reserved: int


# Output sections of the linker scripts in firmware/boards.
_FLASH_PARTS = {
    ".tq_weights": "weights",
    ".tq_kernels": "kernels",
    ".tq_engine": "engine",
    ".tq_model": "model",
}
_NOT_THE_MODELS = (".tq_samples", ".tq_options")
"""Check samples, which are the bench's, and option-setting memory, which is no flash."""
ARENA = "tq_arena"
"""The variable that is the arena."""
_STACK = ".stack"
_DATA = ".data"
_LARGEST_GAP = 4096
_UNDERSCORED = ("EM_RX",)
"""Machines whose compiler puts an underscore before every name of C."""


_KINDS: Final[Mapping[int, Literal["function", "object"]]] = {1: "object", 2: "function"}
"""What a symbol is by its type."""

_UNDEFINED: Final = 0
"""Index of the section of symbols that another file defines."""


class Elf:
    """A linked image, read once.

    :raises CacheError: the file is missing or is not a readable ELF file.
    """

    def __init__(self, path: Path) -> None:
        from elftools.elf.elffile import ELFFile

        self.path = path
        try:
            with path.open("rb") as stream:
                file = ELFFile(stream)
                self._thumb = file["e_machine"] == "EM_ARM"
                self.sections = tuple(_sections(file))
                self.symbols = tuple(sorted(_symbols(file), key=lambda s: (s.address, s.name)))
        except Exception as error:
            # Of a damaged file elftools raises classes of its own and of construct, struct and io.
            raise CacheError(
                f"{path}: cannot be read as a firmware image ({error}); delete the file, the next "
                "run builds it again"
            ) from error

    def section(self, name: str) -> ElfSection | None:
        """Return the section of that name."""
        return next((s for s in self.sections if s.name == name), None)

    def symbol(self, name: str) -> Symbol | None:
        """Return the symbol of that name; of several local ones the first by address."""
        return next((s for s in self.symbols if s.name == name), None)

    def start(self) -> tuple[int, int]:
        """Return the stack pointer and the first instruction of an Arm image's vector table.

        :raises ConfigurationError: it has none.
        """
        vectors = self.symbol("tq_vectors")
        if vectors is None:
            raise ConfigurationError(f"{self.path}: there is no tq_vectors; build it again")
        words = self.read(vectors.address, 8)
        return int.from_bytes(words[:4], "little"), int.from_bytes(words[4:], "little")

    def symbol_at(self, address: int) -> str | None:
        """Return the name of the function or object that `address` lies in.

        An odd address of code is one with its Thumb bit set, as a return address has.
        """
        end = bisect.bisect_right(self.symbols, address, key=lambda s: s.address)
        for symbol in reversed(self.symbols[:end]):
            if address < symbol.address + max(symbol.size, 1):
                return symbol.name
        return None

    def source_line(self, address: int) -> str | None:
        """Return ``file:line`` of the instruction at `address`, if the debug information has it."""
        return self._source_lines.at(address & ~1 if self._thumb else address)

    @functools.cached_property
    def _source_lines(self) -> SourceLines:
        """The line table; only a diagnosis needs it."""
        functions = {s.address for s in self.symbols if s.kind == "function"}
        return SourceLines.read(self.path, functions)

    def read(self, address: int, size: int) -> bytes:
        """Return initial content of memory.

        :raises ValueError: that memory is not part of the image.
        """
        for section in self.sections:
            offset = address - section.address
            if section.loaded and offset >= 0 and offset + size <= section.size:
                return section.content[offset : offset + size]
        raise ValueError(f"{self.path}: no section holds {size} bytes at {address:#x}")

    def loadable_bytes(self) -> bytes:
        """Return what is written to the device, as one string; equal images compare equal."""
        return b"".join(
            b"%08x" % s.load_address + s.content for s in self.sections if s.loaded and s.size
        )

    def flash_use(self) -> FlashUse:
        """Return the bytes of flash by part."""
        parts = dict.fromkeys((*_FLASH_PARTS.values(), "startup_libc"), 0)
        loaded = [s for s in self.sections if s.loaded and s.size and s.name not in _NOT_THE_MODELS]
        sizes = _sizes_with_gaps((s.name, s.load_address, s.size) for s in loaded)
        for name, size in sizes:
            parts[_FLASH_PARTS.get(name, "startup_libc")] += size
        return FlashUse(total=sum(parts.values()), **parts)

    def ram_use(self) -> RamUse:
        """Return the bytes of RAM by part."""
        ram = [s for s in self.sections if not s.loaded or s.name == _DATA]
        total = sum(size for _, size in _sizes_with_gaps((s.name, s.address, s.size) for s in ram))
        arena = self.symbol(ARENA)
        sizes = {s.name: s.size for s in ram}
        data, stack = sizes.get(_DATA, 0), sizes.get(_STACK, 0)
        arena_bytes = arena.size if arena else 0
        return RamUse(data, total - data - arena_bytes - stack, arena_bytes, stack)

    def flash_symbols(self) -> Mapping[str, int]:
        """Return the bytes of flash per function and constant, by name.

        Of several names for one address the first in the alphabet stands for all; local symbols
        of the same name are added up.
        """
        loaded = [s for s in self.sections if s.loaded and s.name not in _NOT_THE_MODELS]
        sizes: dict[str, int] = {}
        last_address = -1
        for symbol in self.symbols:
            inside = any(0 <= symbol.address - s.address < s.size for s in loaded)
            if inside and symbol.size and symbol.address != last_address:
                sizes[symbol.name] = sizes.get(symbol.name, 0) + symbol.size
                last_address = symbol.address
        return sizes

    def variables(self) -> Mapping[str, int]:
        """Return the bytes of RAM per variable, by name; those of one name are added up."""
        flash = [s for s in self.sections if s.loaded and s.name != _DATA]
        sizes: dict[str, int] = {}
        for symbol in self.symbols:
            in_flash = any(0 <= symbol.address - s.address < s.size for s in flash)
            if symbol.kind == "object" and symbol.size and not in_flash:
                sizes[symbol.name] = sizes.get(symbol.name, 0) + symbol.size
        return sizes


def _sizes_with_gaps(extents: Iterable[tuple[str, int, int]]) -> Iterator[tuple[str, int]]:
    """Yield name and size of each (name, address, size), with the gap before it if that is small.

    A large gap is no alignment: another memory begins behind it, or a table at a fixed address.
    """
    end = None
    for name, address, size in sorted(extents, key=lambda extent: extent[1:]):
        gap = 0 if end is None else address - end
        yield name, size + (gap if gap <= _LARGEST_GAP else 0)
        end = address + size


def _sections(file: Any) -> Iterator[ElfSection]:
    """Yield the sections that occupy memory."""
    from elftools.elf.constants import SH_FLAGS

    segments = [s for s in file.iter_segments() if s["p_type"] == "PT_LOAD"]
    for section in file.iter_sections():
        if not section["sh_flags"] & SH_FLAGS.SHF_ALLOC:
            continue
        address = section["sh_addr"]
        loaded = section["sh_type"] != "SHT_NOBITS"
        load_address = address
        # Where NOBITS sections surround .data, their segment covers its address too, but only
        # the segment that holds the content says where the content is stored.
        extent = "p_filesz" if loaded else "p_memsz"
        for segment in segments:
            if 0 <= address - segment["p_vaddr"] < segment[extent]:
                load_address = address - segment["p_vaddr"] + segment["p_paddr"]
        content = section.data() if loaded else b""
        yield ElfSection(section.name, address, section["sh_size"], load_address, loaded, content)


def _symbols(file: Any) -> Iterator[Symbol]:
    """Yield functions and objects."""
    table = file.get_section_by_name(".symtab")
    if table is None:
        return
    underscored = file["e_machine"] in _UNDERSCORED
    names: bytes = table.stringtable.data()
    order = "<" if file.little_endian else ">"
    # By elftools' own objects this takes as long as the rest of a run on an emulator.
    for start, value, size, info, _, section in struct.iter_unpack(f"{order}IIIBBH", table.data()):
        kind = _KINDS.get(info & 15)
        if kind and section != _UNDEFINED:
            thumb = 1 if kind == "function" and file["e_machine"] == "EM_ARM" else 0
            name = names[start : names.index(b"\0", start)].decode("utf-8", errors="replace")
            name = name.removeprefix("_") if underscored else name
            yield Symbol(name, value & ~thumb, size, kind)
