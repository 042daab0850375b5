from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_tinyquant.errors import CacheError
from pytest_tinyquant.firmware.elf import Elf
from pytest_tinyquant.firmware.elf import FlashUse
from pytest_tinyquant.firmware.elf import RamUse


PROGBITS, SYMTAB, STRTAB, NOBITS = 1, 2, 3, 8
ALLOC = 2
OBJECT, FUNCTION = 1, 2
HEADER, SEGMENT, SECTION, SYMBOL = 52, 32, 40, 16


@dataclass(frozen=True)
class Part:
    """A section of a made-up image; `load_address` only where it differs."""

    name: str
    address: int
    content: bytes | int
    load_address: int | None = None

    @property
    def bits(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else b""

    @property
    def size(self) -> int:
        return len(self.content) if isinstance(self.content, bytes) else self.content


def strings(names: Sequence[str]) -> tuple[bytes, list[int]]:
    table, offsets = b"\0", []
    for name in names:
        offsets.append(len(table))
        table += name.encode() + b"\0"
    return table, offsets


def elf_bytes(parts: Sequence[Part], symbols: Sequence[tuple[str, int, int, int, int]]) -> bytes:
    """A 32-bit little-endian ELF file; a symbol is (name, value, size, type, section number)."""
    symbol_names, name_offsets = strings([name for name, *_ in symbols])
    entries = bytes(SYMBOL) + b"".join(
        struct.pack("<IIIBBH", offset, value, size, 1 << 4 | kind, 0, section)
        for offset, (_, value, size, kind, section) in zip(name_offsets, symbols, strict=True)
    )
    names = [*(part.name for part in parts), ".symtab", ".strtab", ".shstrtab"]
    section_names, section_offsets = strings(names)
    blobs = [*(part.bits for part in parts), entries, symbol_names, section_names]
    positions, end = [], HEADER + SEGMENT * len(parts)
    for blob in blobs:
        positions.append(end)
        end += len(blob)
    segments = b""
    headers = bytes(SECTION)
    for part, name, position in zip(parts, section_offsets, positions, strict=False):
        load = part.address if part.load_address is None else part.load_address
        segments += struct.pack(
            "<IIIIIIII", 1, position, part.address, load, len(part.bits), part.size, 7, 1
        )
        kind = PROGBITS if isinstance(part.content, bytes) else NOBITS
        headers += struct.pack(
            "<IIIIIIIIII", name, kind, ALLOC, part.address, position, part.size, 0, 0, 1, 0
        )
    count = len(parts)
    for index, (kind, link, entry) in enumerate(
        [(SYMTAB, count + 2, SYMBOL), (STRTAB, 0, 0), (STRTAB, 0, 0)], start=count
    ):
        headers += struct.pack(
            "<IIIIIIIIII",
            *(section_offsets[index], kind, 0, 0, positions[index], len(blobs[index])),
            *(link, 1, 1, entry),
        )
    header = b"\x7fELF\x01\x01\x01" + bytes(9) + struct.pack(
        "<HHIIIIIHHHHHH",
        *(2, 40, 1, 0, HEADER, end, 0, HEADER, SEGMENT, count, SECTION, count + 4, count + 3),
    )  # fmt: skip
    return header + segments + b"".join(blobs) + headers


PARTS = (
    Part(".vectors", 0x0, bytes(64)),
    Part(".tq_weights", 0x50, b"w" * 100),  # 16 bytes of alignment before it
    Part(".tq_kernels", 0xB4, b"k" * 40),
    Part(".tq_engine", 0xDC, b"e" * 20),
    Part(".tq_model", 0xF0, b"m" * 8),
    Part(".text", 0xF8, b"t" * 24),
    Part(".stack", 0x20000000, 0x400),
    Part(".data", 0x20000400, b"d" * 12, load_address=0x110),
    Part(".tq_arena", 0x20000410, 16 + 48 + 16),
    Part(".bss", 0x20000460, 4),
    Part(".tq_samples", 0x200000, b"s" * 5000),
)
SYMBOLS = (
    ("tq_conv", 0xB4 | 1, 30, FUNCTION, 3),
    ("lookup", 0xD2, 10, OBJECT, 3),
    ("tq_invoke", 0xDC | 1, 20, FUNCTION, 4),
    ("memcpy", 0xF8 | 1, 8, FUNCTION, 6),
    ("__aeabi_memcpy", 0xF8 | 1, 8, FUNCTION, 6),
    ("clamp", 0x100 | 1, 6, FUNCTION, 6),
    ("clamp", 0x106 | 1, 6, FUNCTION, 6),
    ("bare", 0x10C | 1, 0, FUNCTION, 6),
    ("table", 0x20000400, 12, OBJECT, 8),
    ("tq_arena", 0x20000420, 48, OBJECT, 9),
    ("tq_samples", 0x200000, 5000, OBJECT, 11),
)


@pytest.fixture
def elf(tmp_path: Path) -> Elf:
    path = tmp_path / "image.elf"
    path.write_bytes(elf_bytes(PARTS, SYMBOLS))
    return Elf(path)


def test_flash_parts_include_the_gap_before_them_and_no_samples(elf: Elf) -> None:
    assert elf.flash_use() == FlashUse(
        total=0x110 + 12, weights=116, kernels=40, engine=20, model=8, startup_libc=64 + 24 + 12
    )


def test_a_segment_without_content_around_data_says_nothing_about_where_it_is_stored(
    tmp_path: Path,
) -> None:
    path = tmp_path / "image.elf"
    path.write_bytes(elf_bytes((*PARTS, Part(".noinit", 0x20000000, 0x600)), SYMBOLS))
    assert Elf(path).flash_use().total == 0x110 + 12


def test_ram_parts_add_up_to_what_the_linker_placed(elf: Elf) -> None:
    # 4 bytes of alignment and two guards of 16 bytes beside the arena count as .bss.
    assert elf.ram_use() == RamUse(data=12, bss=4 + 32 + 4, arena=48, stack_reserved=0x400)


def test_flash_symbols(elf: Elf) -> None:
    assert elf.flash_symbols() == {
        "tq_conv": 30,
        "lookup": 10,
        "tq_invoke": 20,
        "__aeabi_memcpy": 8,  # and memcpy, the same code
        "clamp": 12,  # two local functions
        "table": 12,
    }


def test_variables_are_what_lies_in_ram(elf: Elf) -> None:
    assert elf.variables() == {"table": 12, "tq_arena": 48}


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (0xB4, "tq_conv"),
        (0xB5, "tq_conv"),  # a return address with its Thumb bit
        (0xD1, "tq_conv"),
        (0xD2, "lookup"),
        (0xDD, "tq_invoke"),
        (0x10C, "bare"),  # written in assembler, without a size
        (0x10E, None),
        (0x40, None),
        (0x2000044F, "tq_arena"),
        (0x20000450, None),
    ],
)
def test_symbol_at(elf: Elf, address: int, name: str | None) -> None:
    assert elf.symbol_at(address) == name


def test_symbols_are_found_by_name_without_the_thumb_bit(elf: Elf) -> None:
    symbol = elf.symbol("tq_invoke")
    assert symbol is not None
    assert (symbol.address, symbol.size, symbol.kind) == (0xDC, 20, "function")
    assert elf.symbol("nobody") is None


def test_load_addresses(elf: Elf) -> None:
    data = elf.section(".data")
    assert data is not None
    assert (data.address, data.load_address) == (0x20000400, 0x110)


def test_read(elf: Elf) -> None:
    assert elf.read(0xF0, 8) == b"m" * 8
    assert elf.read(0x20000400, 2) == b"dd"
    with pytest.raises(ValueError, match="no section holds 2 bytes at 0xf7"):
        elf.read(0xF7, 2)
    with pytest.raises(ValueError, match="0x20000420"):
        elf.read(0x20000420, 1)


def test_loadable_bytes_tell_images_apart(elf: Elf, tmp_path: Path) -> None:
    def loadable(*parts: Part) -> bytes:
        path = tmp_path / "other.elf"
        path.write_bytes(elf_bytes(parts, ()))
        return Elf(path).loadable_bytes()

    same = loadable(*PARTS)
    assert same == elf.loadable_bytes()
    moved = Part(".text", 0xFC, b"t" * 24)
    assert loadable(*PARTS[:5], moved, *PARTS[6:]) != same
    changed = Part(".text", 0xF8, b"T" * 24)
    assert loadable(*PARTS[:5], changed, *PARTS[6:]) != same
    larger_bss = Part(".bss", 0x20000460, 8)
    assert loadable(*PARTS[:9], larger_bss, *PARTS[10:]) == same


def test_without_debug_information_there_are_no_source_lines(elf: Elf) -> None:
    assert elf.source_line(0xB4) is None


@pytest.mark.parametrize("content", [None, b"", b"not an ELF file at all", b"\x7fELF\x01\x01\x01"])
def test_an_unreadable_file_is_reported(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.elf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CacheError, match=r"broken\.elf: cannot be read as a firmware image"):
        Elf(path)
