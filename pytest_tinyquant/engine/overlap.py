"""Check a finished plan by running it on tags instead of numbers.

Knows nothing of the planner: every byte of the arena holds the name of the value last written to
it, operators are executed in order, and each must find all the bytes of its inputs untouched.
Bytes between which no region begins or ends always hold the same name and are kept as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

import numpy as np


_UNDEFINED = -1
_SCRATCH = -2


class ArenaOverlapError(AssertionError):
    """A plan lets one value overwrite another that is still needed: a bug of the planner."""


@dataclass(frozen=True)
class Region:
    """Bytes of the arena that hold value `value`."""

    value: int
    offset: int
    size: int


@dataclass(frozen=True)
class Access:
    """An operator as the checker sees it.

    `in_place` holds the (input, output) value pairs that may start at the same byte. `orders` maps
    such pairs to what the kernel says of its order: pairs of numbers, so many bytes of the output
    written while the input is still read from so many bytes on.
    """

    label: str
    reads: Sequence[Region]
    writes: Sequence[Region]
    scratch: Sequence[Region]
    in_place: frozenset[tuple[int, int]]
    orders: Mapping[tuple[int, int], Sequence[tuple[int, int]]] = field(default_factory=dict)


def check_no_overlap(
    steps: Sequence[Access],
    inputs: Sequence[Region],
    outputs: Sequence[Region],
    arena_bytes: int,
    names: Mapping[int, str],
) -> None:
    """Raise :class:`ArenaOverlapError` unless every value survives until its last reader."""
    used = [*inputs, *outputs]
    for step in steps:
        used += (*step.reads, *step.writes, *step.scratch)
    arena = _Arena(arena_bytes, used)
    _check_disjoint("model inputs", inputs, names)
    for region in inputs:
        _write(arena, region, region.value, "model input", names)
    for step in steps:
        for region in step.reads:
            _read(arena, region, step.label, names)
        _check_step(step, names)
        for region in step.scratch:
            _write(arena, region, _SCRATCH, step.label, names)
        for region in step.writes:
            _write(arena, region, region.value, step.label, names)
    for region in outputs:
        _read(arena, region, "model output", names)


def _check_step(step: Access, names: Mapping[int, str]) -> None:
    """Check that what a kernel writes does not overlap anything else it uses."""
    for i, written in enumerate((*step.writes, *step.scratch)):
        for j, other in enumerate((*step.writes, *step.scratch)):
            if i < j and _overlap(written, other):
                raise _error(step.label, written, other.value, names)
        for read in step.reads:
            shared = (read.value, written.value) in step.in_place
            if _overlap(written, read) and not (
                (shared and read.offset == written.offset) or _follows(step, read, written)
            ):
                raise _error(step.label, written, read.value, names)


def _follows(step: Access, read: Region, written: Region) -> bool:
    """Tell whether every byte is read for the last time before it is written."""
    order = step.orders.get((read.value, written.value))
    if order is None:
        return False
    for done, needed in order:
        over = Region(written.value, written.offset, done)
        still_read = Region(read.value, read.offset + needed, read.size - needed)
        if still_read.size > 0 and _overlap(over, still_read):
            return False
    return True


def _check_disjoint(label: str, regions: Sequence[Region], names: Mapping[int, str]) -> None:
    for i, region in enumerate(regions):
        for other in regions[i + 1 :]:
            if region.value != other.value and _overlap(region, other):
                raise _error(label, region, other.value, names)


def _overlap(a: Region, b: Region) -> bool:
    return a.offset < b.offset + b.size and b.offset < a.offset + a.size


class _Arena:
    """The name of the value in every stretch of bytes that is always written as a whole."""

    def __init__(self, size: int, regions: Sequence[Region]) -> None:
        self.size = size
        ends = (end for r in regions for end in (r.offset, r.offset + r.size))
        edges = sorted({0, size, *ends})
        self._position = {edge: index for index, edge in enumerate(edges)}
        self.tags = np.full(len(edges), _UNDEFINED, dtype=np.int64)

    def part(self, region: Region) -> slice:
        return slice(self._position[region.offset], self._position[region.offset + region.size])

    def contains(self, region: Region) -> bool:
        return region.offset >= 0 and region.offset + region.size <= self.size


def _write(arena: _Arena, region: Region, tag: int, label: str, names: Mapping[int, str]) -> None:
    if not arena.contains(region):
        raise ArenaOverlapError(
            f"{label} writes {names.get(region.value, 'scratch')} at {region.offset} to "
            f"{region.offset + region.size}, outside of the arena's {arena.size} bytes"
        )
    arena.tags[arena.part(region)] = tag


def _read(arena: _Arena, region: Region, label: str, names: Mapping[int, str]) -> None:
    found = arena.tags[arena.part(region)]
    if not arena.contains(region) or (found != region.value).any():
        wrong = next((int(tag) for tag in found if tag != region.value), _UNDEFINED)
        raise _error(label, region, wrong, names)


def _error(label: str, region: Region, other: int, names: Mapping[int, str]) -> ArenaOverlapError:
    return ArenaOverlapError(
        f"{label}: {names.get(region.value, 'scratch')} at bytes {region.offset} to "
        f"{region.offset + region.size} collides with {names.get(other, 'nothing written yet')}"
    )
