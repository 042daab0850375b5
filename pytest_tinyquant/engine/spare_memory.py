"""Give kernels that would use more working memory what the arena has left at their step."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.planner import ALIGNMENT
from pytest_tinyquant.engine.planner import Buffer
from pytest_tinyquant.engine.planner import aligned


def grow(
    row: int,
    call: KernelCall,
    buffers: Sequence[Buffer],
    offsets: Mapping[int, int],
    arena_bytes: int,
) -> tuple[KernelCall, int] | None:
    """Return a call with more working memory, and where that begins; None if there is none.

    Nothing else moves and the arena stays as it is: the memory is what no buffer that is alive at
    the step takes.

    :param row: the step.
    :param buffers: all buffers, the call's own working memory among them.
    """
    taken = sorted(
        (offsets[b.key], offsets[b.key] + aligned(b.size))
        for b in buffers
        if b.first <= row <= b.last and b.key != -1 - row
    )
    room, start = max(_gaps(taken, arena_bytes), default=(0, 0))
    fitting = [other for other in call.growth if other.scratch_bytes <= room]
    return (fitting[-1], start) if fitting else None


def _gaps(taken: Sequence[tuple[int, int]], arena_bytes: int) -> Iterator[tuple[int, int]]:
    """Yield the size and the beginning of every stretch that is not taken."""
    begin = 0
    for start, end in (*taken, (arena_bytes, arena_bytes)):
        if start > begin:
            yield (start - begin) // ALIGNMENT * ALIGNMENT, begin
        begin = max(begin, end)
