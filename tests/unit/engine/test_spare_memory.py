"""Working memory that costs nothing: what the arena has left while a kernel runs."""

from __future__ import annotations

import pytest

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.planner import Buffer
from pytest_tinyquant.engine.spare_memory import grow


ROW = 2
SCRATCH = Buffer(-1 - ROW, 8, ROW, ROW)
# 8 bytes before the two that are alive at the row, 12 between them, 20 behind.
BUFFERS = [Buffer(0, 10, 0, ROW), Buffer(1, 16, ROW, 4), Buffer(2, 60, 0, 1), SCRATCH]
OFFSETS = {0: 8, 1: 32, 2: 0, SCRATCH.key: 0}
ARENA = 68


def call(*sizes: int) -> KernelCall:
    growth = tuple(KernelCall("larger", "params", {}, (), (), scratch_bytes=s) for s in sizes)
    return KernelCall("small", "params", {}, (), (), scratch_bytes=8, growth=growth)


@pytest.mark.parametrize(("sizes", "size"), [((12, 16, 24), 16), ((20,), 20), ((12, 20, 21), 20)])
def test_the_largest_that_fits_lies_where_nothing_is_alive(
    sizes: tuple[int, ...], size: int
) -> None:
    grown = grow(ROW, call(*sizes), BUFFERS, OFFSETS, ARENA)
    assert grown is not None
    assert (grown[0].scratch_bytes, grown[1]) == (size, 48)


def test_what_fits_nowhere_stays_as_it_is() -> None:
    assert grow(ROW, call(21, 100), BUFFERS, OFFSETS, ARENA) is None
    assert grow(ROW, call(), BUFFERS, OFFSETS, ARENA) is None
