"""Place the buffers of a model in one arena.

Greedy placement by several orders, the best of which is kept; buffers that are never alive
together share memory. An operator that may run in place has its output put over its input, and one
whose writes trail its reads begins its output some bytes before its input and goes on over it.
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

#: An operator's input and its output, by their buffers' keys.
Pair = tuple[int, int]

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


def place(
    buffers: Sequence[Buffer], in_place: AbstractSet[Pair], lags: Mapping[Pair, int] | None = None
) -> dict[int, int]:
    """Return every buffer's offset by key; the smallest arena found.

    Buffers alive at a common step do not overlap, except that the two of a pair in `in_place`
    may start at the same offset, and that the output of a pair in `lags` may begin so many bytes
    before its input, or earlier. Deterministic.
    """
    neighbours = _neighbours(buffers)
    shared = _Sharing(in_place, lags or {})
    bound = lower_bound(buffers, in_place, lags)
    best: dict[int, int] = {}
    for order in _orders(buffers):
        offsets = _place_in_order(order, neighbours, shared)
        if not best or arena_size(buffers, offsets) < arena_size(buffers, best):
            best = offsets
        if arena_size(buffers, best) <= bound:
            break
    return best


def arena_size(buffers: Sequence[Buffer], offsets: Mapping[int, int]) -> int:
    """Return the end of the highest buffer, or of what is read behind one."""
    return max((offsets[b.key] + max(aligned(b.size), b.reach) for b in buffers), default=0)


def lower_bound(
    buffers: Sequence[Buffer], in_place: AbstractSet[Pair], lags: Mapping[Pair, int] | None = None
) -> int:
    """Return the bytes of the largest set of buffers alive at one step.

    Of two buffers that may overlap at that step, only the bytes count that the two take together.
    """
    last = {b.key: b.last for b in buffers}
    first = {b.key: b.first for b in buffers}
    pairs = {
        pair: lag
        for pair, lag in (*dict.fromkeys(in_place).items(), *(lags or {}).items())
        if last.get(pair[0]) == first.get(pair[1])
    }
    savings: dict[int, list[tuple[int, int | None]]] = {}
    for (source, output), lag in pairs.items():
        savings.setdefault(output, []).append((source, lag))
    peak = 0
    for written, alive in _steps(buffers):
        saved = (
            max(_saved(alive[source], alive[key], lag) for source, lag in found)
            for key in written
            if (found := [pair for pair in savings.get(key, ()) if pair[0] in alive])
        )
        peak = max(peak, sum(alive.values()) - sum(saved))
    return peak


def _saved(source: int, output: int, lag: int | None) -> int:
    """Return the bytes that two buffers share at most; without a lag they start together."""
    if lag is None:
        return min(source, output)
    return source + output - max(output, source + min(max(aligned(lag), 0), output))


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
        # Outputs below the inputs that they overlap, working memory below or above both.
        lambda b: (b.key >= 0, -b.first, -b.size, b.key),
        lambda b: (b.key < 0, -b.first, -b.size, b.key),
        lambda b: (b.key >= 0, -b.size, -b.first, b.key),
        lambda b: (b.key < 0, -b.size, -b.first, b.key),
    ]
    for key in keys:
        yield sorted(buffers, key=key)
    shuffle = random.Random(0)
    steps = max((b.first for b in buffers), default=0) + 1

    def spread(buffer: Buffer) -> int:
        return steps if buffer.key < 0 else 3

    by_size = sorted(buffers, key=keys[0])
    for _ in range(_SHUFFLED_BUFFERS // max(len(buffers), 20)):
        # Large buffers first, but not strictly; then late ones, working memory anywhere.
        yield sorted(by_size, key=lambda b: -b.size * shuffle.uniform(0.4, 1.0))
        yield sorted(by_size, key=lambda b: -b.first - shuffle.uniform(0.0, spread(b)))


class _Sharing:
    """Which buffers may overlap at the one step at which both are alive, and how."""

    def __init__(self, in_place: AbstractSet[Pair], lags: Mapping[Pair, int]) -> None:
        self._in_place = in_place
        self._lags = lags

    def limits(self, buffer: Buffer, other: Buffer, start: int) -> _Limits:
        """Return where `buffer` may begin, beside `other` that begins at `start`."""
        end = start + aligned(other.size)
        before = start - aligned(buffer.size)
        if buffer.last == other.first:  # the input of what is placed already
            pair = buffer.key, other.key
            if pair in self._lags:
                end = min(end, start + max(aligned(self._lags[pair]), 0))
        elif other.last == buffer.first:
            pair = other.key, buffer.key
            if pair in self._lags:
                before = max(before, start - aligned(max(self._lags[pair], 0)))
        else:
            return _Limits(before, end, None)
        return _Limits(before, end, start if pair in self._in_place else None)


@dataclass(frozen=True)
class _Limits:
    """A buffer may begin at `before` or earlier, at `after` or later, or exactly at `same`."""

    before: int
    after: int
    same: int | None

    def permit(self, start: int) -> bool:
        """Tell whether a buffer may begin at `start`."""
        return start <= self.before or start >= self.after or start == self.same


def _place_in_order(
    order: Sequence[Buffer], neighbours: Mapping[int, Sequence[Buffer]], sharing: _Sharing
) -> dict[int, int]:
    """Give each buffer in turn the lowest offset that its placed neighbours leave."""
    offsets: dict[int, int] = {}
    for buffer in order:
        limits = [
            sharing.limits(buffer, other, offsets[other.key])
            for other in neighbours[buffer.key]
            if other.key in offsets
        ]
        starts = {0, *(limit.after for limit in limits)}
        starts.update(limit.same for limit in limits if limit.same is not None)
        offsets[buffer.key] = next(
            start for start in sorted(starts) if all(limit.permit(start) for limit in limits)
        )
    return offsets
