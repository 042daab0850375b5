"""Place the buffers of a model in one arena.

Greedy placement by several orders, the best of which is kept; buffers that are never alive
together share memory, and an operator that may run in place has its output put over its input.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import groupby


ALIGNMENT = 4

# Buffers placed in shuffled orders when no regular order reaches the lower bound.
_SHUFFLED_BUFFERS = 4000


@dataclass(frozen=True)
class Buffer:
    """Memory that is alive from step `first` to step `last`, both included.

    Steps are the operators' positions; model inputs live from -1, outputs to the end. From its
    start `reach` bytes must be readable, if they are more than `size`: within the arena, in
    whatever lies there.
    """

    key: int
    size: int
    first: int
    last: int
    reach: int = 0


def aligned(size: int) -> int:
    """Round a size up to the arena's alignment."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def place(buffers: Sequence[Buffer], in_place: AbstractSet[tuple[int, int]]) -> dict[int, int]:
    """Return every buffer's offset by key; the smallest arena found.

    Buffers alive at a common step do not overlap, except that the two of a pair in `in_place`
    may start at the same offset. Deterministic.
    """
    neighbours = _neighbours(buffers)
    bound = lower_bound(buffers, in_place)
    best: dict[int, int] = {}
    for order in _orders(buffers):
        offsets = _place_in_order(order, neighbours, in_place)
        if not best or arena_size(buffers, offsets) < arena_size(buffers, best):
            best = offsets
        if arena_size(buffers, best) <= bound:
            break
    return best


def arena_size(buffers: Sequence[Buffer], offsets: Mapping[int, int]) -> int:
    """Return the end of the highest buffer, or of what is read behind one."""
    return max((offsets[b.key] + max(aligned(b.size), b.reach) for b in buffers), default=0)


def lower_bound(buffers: Sequence[Buffer], in_place: AbstractSet[tuple[int, int]]) -> int:
    """Return the bytes of the largest set of buffers alive at one step.

    At a step that may run in place, the smaller of the two buffers is not counted.
    """
    sources: dict[int, list[int]] = {}
    for source, output in in_place:
        sources.setdefault(output, []).append(source)
    peak = 0
    for written, alive in _steps(buffers):
        saved = (
            max(min(alive[source], alive[key]) for source in found)
            for key in written
            if (found := [source for source in sources.get(key, ()) if source in alive])
        )
        peak = max(peak, sum(alive.values()) - sum(saved))
    return peak


def _steps(buffers: Sequence[Buffer]) -> Iterator[tuple[list[int], dict[int, int]]]:
    """Yield, for every step that writes, what it writes and the sizes of all that is alive."""
    alive: dict[int, Buffer] = {}
    by_first = groupby(sorted(buffers, key=lambda b: b.first), key=lambda b: b.first)
    for step, group in by_first:
        written = list(group)
        alive = {key: b for key, b in alive.items() if b.last >= step}
        alive |= {b.key: b for b in written}
        yield [b.key for b in written], {key: aligned(b.size) for key, b in alive.items()}


def _neighbours(buffers: Sequence[Buffer]) -> dict[int, list[Buffer]]:
    """Return, for every buffer, the others that are alive with it."""
    neighbours: dict[int, list[Buffer]] = {b.key: [] for b in buffers}
    alive: list[Buffer] = []
    for buffer in sorted(buffers, key=lambda b: b.first):
        alive = [b for b in alive if b.last >= buffer.first]
        for other in alive:
            neighbours[buffer.key].append(other)
            neighbours[other.key].append(buffer)
        alive.append(buffer)
    return neighbours


def _orders(buffers: Sequence[Buffer]) -> Iterator[list[Buffer]]:
    keys: list[Callable[[Buffer], tuple[int, ...]]] = [
        lambda b: (-b.size, b.first, b.key),
        lambda b: (-b.size * (b.last - b.first + 1), b.key),
        lambda b: (b.first, -b.size, b.key),
        lambda b: (-b.last, -b.size, b.key),
        lambda b: (b.first - b.last, -b.size, b.key),
    ]
    for key in keys:
        yield sorted(buffers, key=key)
    shuffle = random.Random(0)
    by_size = sorted(buffers, key=keys[0])
    for _ in range(_SHUFFLED_BUFFERS // max(len(buffers), 20)):
        # Large buffers first, but not strictly.
        yield sorted(by_size, key=lambda b: -b.size * shuffle.uniform(0.4, 1.0))


def _place_in_order(
    order: Sequence[Buffer],
    neighbours: Mapping[int, Sequence[Buffer]],
    in_place: AbstractSet[tuple[int, int]],
) -> dict[int, int]:
    """Give each buffer in turn the lowest offset that its placed neighbours leave."""
    offsets: dict[int, int] = {}
    for buffer in order:
        taken = [
            (
                offsets[other.key],
                offsets[other.key] + aligned(other.size),
                _may_share(buffer, other, in_place),
            )
            for other in neighbours[buffer.key]
            if other.key in offsets
        ]
        size = aligned(buffer.size)
        shared = (s for s, _, may_share in taken if may_share and _fits(s, size, taken))
        offsets[buffer.key] = min((_lowest_gap(size, taken), *shared))
    return offsets


def _lowest_gap(size: int, taken: Sequence[tuple[int, int, bool]]) -> int:
    """Return the lowest offset at which `size` bytes overlap nothing that is taken."""
    start = 0
    for taken_start, taken_end, _ in sorted(taken):
        if taken_start - start >= size:
            break
        start = max(start, taken_end)
    return start


def _may_share(a: Buffer, b: Buffer, in_place: AbstractSet[tuple[int, int]]) -> bool:
    """Whether one is written in place of the other, at the only step both are alive."""
    if (a.key, b.key) in in_place:
        return a.last == b.first
    return (b.key, a.key) in in_place and b.last == a.first


def _fits(start: int, size: int, taken: Sequence[tuple[int, int, bool]]) -> bool:
    return all(
        start >= taken_end or start + size <= taken_start or (may_share and start == taken_start)
        for taken_start, taken_end, may_share in taken
    )
