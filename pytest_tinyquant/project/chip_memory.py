"""Where the memories of a chip are: as its board's table says, or as pyOCD knows the chip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from typing import Final

from pytest_tinyquant.system.toml_table import Table
from pytest_tinyquant.system.toml_table import closest


#: The keys of a board's table that are memories of its chip.
_MEMORIES: Final = ("flash", "ram")


@dataclass(frozen=True)
class MemoryRegion:
    """A stretch of memory.

    :param start: address of its first byte.
    :param bytes: its size.
    """

    start: int
    bytes: int

    @property
    def end(self) -> int:
        """Address behind its last byte."""
        return self.start + self.bytes

    def __str__(self) -> str:
        return f"{self.start:#010x} to {self.end - 1:#010x}"


def read_memories(table: Table, target: str) -> tuple[MemoryRegion, MemoryRegion]:
    """Return flash and RAM of a board.

    :param table: the board's; its keys ``flash`` and ``ram`` are tables with ``start`` and
        ``bytes``. What is not there comes from pyOCD's map of the chip.
    :param target: pyOCD's name of the chip, empty if there is none.
    :raises ConfigurationError: a memory is missing, impossible or overlaps the other.
    """
    given = [_given(table, key) for key in _MEMORIES]
    missing = [key for key, region in zip(_MEMORIES, given, strict=True) if region is None]
    if missing:
        known = _pyocd_map(table, target, missing)
        given = [region or known[key] for key, region in zip(_MEMORIES, given, strict=True)]
    flash, ram = given
    assert flash is not None and ram is not None, "missing ones are errors"
    if flash.start < ram.end and ram.start < flash.end:
        raise table.error(f"flash ({flash}) and ram ({ram}) overlap; correct start or bytes")
    return flash, ram


def _given(table: Table, key: str) -> MemoryRegion | None:
    if key not in table.values:
        return None
    inner = table.table(key)
    inner.allow(("start", "bytes"))
    start = inner.get("start", int)
    size = inner.positive("bytes", most=1 << 30)
    if start < 0 or start + size > 1 << 32 or start % 32:
        raise inner.error(
            f"start {start:#x} with {size:,} bytes is no memory of a Cortex-M: it begins at a "
            "multiple of 32 and ends below 4 GB; correct it"
        )
    return MemoryRegion(start, size)


def _pyocd_map(table: Table, target: str, missing: list[str]) -> dict[str, MemoryRegion]:
    """Return the chip's memories by pyOCD's own list of chips."""
    keys = " and ".join(f"{key} = {{start = 0x..., bytes = ...}}" for key in missing)
    if not target:
        raise table.error(f"where are its memories? Add pyocd_target, or {keys}")
    try:
        from pyocd.target import TARGET
    except ImportError as error:
        raise table.error(
            f"pyOCD, which knows the memories of {target}, cannot be imported ({error}); install "
            f"it with: pip install 'pytest-tinyquant[hardware]'; or add {keys}"
        ) from error
    if target.lower() not in TARGET:
        raise table.error(
            f"pyOCD has no chip {target!r} built in (closest: {closest(target, TARGET)!r}); "
            f"correct pyocd_target, or, for a chip of a CMSIS-Pack, add {keys}"
        )
    regions = list(TARGET[target.lower()].MEMORY_MAP)
    kinds = [
        _largest(region for region in regions if region.is_flash),
        _largest(region for region in regions if region.is_ram),
    ]
    found = dict(zip(_MEMORIES, kinds, strict=True))
    for key in missing:
        if found[key] is None:
            raise table.error(f"pyOCD's map of {target} has no {key}; add {keys}")
    return {key: region for key, region in found.items() if region is not None}


def _largest(regions: Any) -> MemoryRegion | None:
    """Return the largest stretch that regions next to each other make."""
    joined: list[MemoryRegion] = []
    for region in sorted(regions, key=lambda region: region.start):
        if joined and joined[-1].end == region.start:
            joined[-1] = MemoryRegion(joined[-1].start, joined[-1].bytes + region.length)
        else:
            joined.append(MemoryRegion(region.start, region.length))
    return max(joined, key=lambda region: region.bytes, default=None)
