"""Working memory that costs nothing: what the arena has left while a kernel runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.plan import plan
from pytest_tinyquant.engine.planner import Buffer
from pytest_tinyquant.engine.spare_memory import grow
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.tflite_reader import read_graph


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


def image_convolution(builder: Any) -> Graph:
    """A convolution of 3 by 3 of an image whose input and output are all that is alive."""
    source = builder.tensor((1, 12, 12, 8), "int8", scale=1.0)
    weights = builder.tensor((8, 3, 3, 8), "int8", scale=0.01, data=np.ones((8, 3, 3, 8), "int8"))
    output = builder.tensor((1, 12, 12, 8), "int8", scale=1.0)
    options = {"padding": "SAME", "stride_h": 1, "stride_w": 1}
    builder.operator("CONV_2D", [source, weights], [output], **options)
    return read_graph(builder.build([source], [output]))


def test_the_arena_grows_by_what_kernels_use_and_no_more_than_allowed(builder: Any) -> None:
    graph = image_convolution(builder)
    smallest = plan(graph, kernels="cortex_m_dsp")
    assert smallest.ops[0].kernel == "tq_conv_2d_s8_dsp"
    steps = [call.scratch_bytes for call in smallest.ops[0].call.growth]

    for spare in (2000, 5000, 100_000):
        larger = plan(graph, kernels="cortex_m_dsp", spare_bytes=spare)
        assert larger.ops[0].kernel == "tq_conv_2d_groups_s8_dsp"
        assert larger.ops[0].call.scratch_bytes in steps
        assert smallest.arena_bytes < larger.arena_bytes <= smallest.arena_bytes + spare
    assert larger.ops[0].call.scratch_bytes == steps[-1]
    assert larger.lower_bound_bytes == smallest.lower_bound_bytes


def test_kernels_that_take_no_more_leave_the_arena_as_it_is(builder: Any) -> None:
    graph = image_convolution(builder)
    plans = [plan(graph, spare_bytes=spare) for spare in (0, 100_000)]
    assert plans[0] == plans[1]
