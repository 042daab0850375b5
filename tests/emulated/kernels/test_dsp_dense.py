"""FULLY_CONNECTED, MAX_POOL_2D and MEAN of cortex_m_dsp give the reference kernels' bytes."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from pytest_tinyquant.engine.plan import plan


# A model of this many layers is one example.
LAYERS = 40

quick = settings.get_profile("emulated_kernels")


def add_fully_connected(layers: Any, dtype: str, depth: int, channels: int, **given: Any) -> None:
    """Add a layer whose factor is mostly, but not always, in the packed kernels' range."""
    batches = given.get("batches") or layers.choice([1, 1, 1, 2, 3])
    factor = given.get("factor") or layers.scale(*layers.choice([(-12, -1), (-12, -1), (-24, 2)]))
    rows = channels if layers.chance(0.5) else 1
    scales = [layers.scale(-9, -5) for _ in range(rows)]
    source_scale = layers.scale(-8, -3)
    output_scale = float(np.float32(source_scale * max(scales) / factor))
    source = layers.activation((batches, depth), dtype, source_scale, layers.zero_point(dtype))
    weights = given.get("weights")
    if weights is None:
        weights = layers.weights((channels, depth), dtype)
    output = layers.activation((batches, channels), dtype, output_scale, layers.zero_point(dtype))
    bias = given["bias"] if "bias" in given else layers.bias(channels, dtype)
    layers.add(
        "FULLY_CONNECTED",
        (source, layers.constant(weights, scales), bias),
        output,
        fused_activation_function=layers.choice(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"]),
        weights_format=0,
        keep_num_dims=False,
    )


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@given(seed=st.integers(0, 2**32 - 1))
@quick
def test_fully_connected(seed: int, dtype: str, layers: Callable[..., Any], two_sets: Any) -> None:
    model = layers(seed)
    for _ in range(LAYERS):
        depth = model.choice([model.integer(1, 70), 4 * model.integer(1, 40), 600])
        add_fully_connected(model, dtype, depth, model.choice([4, 8, 12, model.integer(1, 13)]))
    used = two_sets.check_equal(model)
    assert sum(count for kernel, count in used.items() if kernel.endswith("_dsp")) > LAYERS // 4


@pytest.mark.parametrize(
    ("dtype", "depth", "kernel"),
    [
        ("int8", 2000, "tq_fully_connected{}_s8_dsp"),
        ("int16", 500, "tq_fully_connected{}_s16_dsp"),
        ("int16", 2000, "tq_fully_connected_deep_s16_dsp"),
    ],
)
def test_largest_sums_do_not_spill_into_the_other_row(
    dtype: str, depth: int, kernel: str, layers: Callable[..., Any], two_sets: Any
) -> None:
    # Every product is the largest there is, in either sign; no output saturates.
    model = layers(1)
    signs = [(a, b, c, d) for a in (1, -1) for b in (1, -1) for c in (1, -1) for d in (1, -1)]
    for row in signs:
        weights = np.repeat(np.array([row], dtype="int8").T * np.int8(127), depth, axis=1)
        add_fully_connected(
            model, dtype, depth, 4, weights=weights, bias=None, batches=1, factor=2.0**-18
        )
    low, high = (-128, 127) if dtype == "int8" else (-32768, 32767)
    samples = iter([np.full(depth, v, dtype).tobytes() * len(signs) for v in (low, high, 0)])
    model.sample = lambda: next(samples)
    used = two_sets.check_equal(model)
    assert set(used) & {kernel.format(""), kernel.format("_per_channel")}


@pytest.mark.parametrize(
    ("dtype", "sizes", "behind"),
    [("int8", (1, 5, 1), 0), ("int16", (1, 5, 1), 4), ("int16", (2, 6, 1), 4)],
)
def test_an_input_at_the_end_of_the_arena(
    dtype: str,
    sizes: tuple[int, int, int],
    behind: int,
    layers: Callable[..., Any],
    two_sets: Any,
) -> None:
    # While the first layer runs its input and output fill the arena, and more is read of both.
    model = layers(3)
    tensors = [model.activation((1, size), dtype, 2.0**-5) for size in sizes]
    for source, output in itertools.pairwise(tensors):
        (depth,), (channels,) = (model.tensors[t].shape[1:] for t in (source, output))
        values = model.random.integers(-127, 128, (channels, depth)).astype("int8")
        weights = model.constant(values, [2.0**-9])
        options = {"fused_activation_function": "NONE", "weights_format": 0}
        model.add("FULLY_CONNECTED", (source, weights, None), output, **options)
    graph = dataclasses.replace(model.graph(), inputs=(tensors[0],), outputs=(tensors[-1],))
    planned = plan(graph, kernels="cortex_m_dsp")
    assert planned.arena_bytes == planned.lower_bound_bytes + behind
    samples = [model.values((sizes[0],), dtype).tobytes() for _ in range(3)]
    used = two_sets.check(graph, samples)
    assert set(used) == {f"tq_fully_connected_{'s8' if dtype == 'int8' else 's16'}_dsp"}


def test_ties_round_as_in_the_reference(layers: Callable[..., Any], two_sets: Any) -> None:
    # All factors are powers of two and sums small: half of the results lie between two values.
    model = layers(2)
    types = [("int8", -1), ("int8", 0), ("int8", 5), ("int16", 0)]
    for (dtype, zero_point), exponent in itertools.product(types, (-2, -3, -4)):
        for batches, channels in ((16, 8), (1, 3)):
            source = model.activation((batches, 4), dtype, 1.0, zero_point)
            weights = model.random.integers(-3, 4, (channels, 4)).astype("int8")
            output = model.activation((batches, channels), dtype, 2.0**-exponent, zero_point)
            options = {"fused_activation_function": "NONE", "weights_format": 0}
            inputs = (source, model.constant(weights, [1.0]), None)
            model.add("FULLY_CONNECTED", inputs, output, **options)
    model.values = lambda shape, dtype: model.random.integers(-20, 20, shape).astype(dtype)
    used = two_sets.check_equal(model)
    assert used == {"tq_fully_connected_s8_dsp": 18, "tq_fully_connected_s16_dsp": 6}


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32"])
@given(seed=st.integers(0, 2**32 - 1))
@quick
def test_max_pool_2d(seed: int, dtype: str, layers: Callable[..., Any], two_sets: Any) -> None:
    model = layers(seed)
    for _ in range(LAYERS):
        scale, zero_point = (
            model.scale(-8, -3),
            0 if dtype == "float32" else model.zero_point(dtype),
        )
        size, extent = [model.integer(1, 9), model.integer(1, 9)], []
        filters = [model.integer(1, 4), model.integer(1, 4)]
        strides = [model.integer(1, 3), model.integer(1, 3)]
        valid = all(f <= s for f, s in zip(filters, size, strict=True)) and model.chance(0.5)
        for length, filter_length, stride in zip(size, filters, strides, strict=True):
            inner = length - filter_length + 1 if valid else length
            extent.append(-(-inner // stride))
        channels = model.choice([4, 8, 16, 20, 24, model.integer(1, 18)])
        batches = model.integer(1, 2)
        source = model.activation((batches, *size, channels), dtype, scale, zero_point)
        output = model.activation((batches, *extent, channels), dtype, scale, zero_point)
        model.add(
            "MAX_POOL_2D",
            [source],
            output,
            padding="VALID" if valid else "SAME",
            stride_h=strides[0],
            stride_w=strides[1],
            filter_height=filters[0],
            filter_width=filters[1],
            fused_activation_function=model.choice(["NONE", "RELU", "RELU6"]),
        )
    two_sets.check_equal(model)


def add_mean(model: Any, shape: list[int], zero_points: list[int]) -> None:
    scales = [model.scale(-8, -3), model.scale(-8, -3)]
    source = model.activation(shape, "int8", scales[0], zero_points[0])
    axes = model.constant(np.array([1, 2], dtype="int32"))
    output = model.activation((shape[0], shape[3]), "int8", scales[1], zero_points[1])
    model.add("MEAN", [source, axes], output, keep_dims=False)


@given(seed=st.integers(0, 2**32 - 1))
@quick
def test_mean(seed: int, layers: Callable[..., Any], two_sets: Any) -> None:
    model = layers(seed)
    for _ in range(LAYERS):
        shape = [model.integer(1, 2), model.integer(1, 17), model.integer(1, 17)]
        channels = model.choice([4, 8, 12, model.integer(1, 9)])
        zero_points = [model.zero_point("int8"), model.zero_point("int8")]
        add_mean(model, [*shape, channels], zero_points)
    used = two_sets.check_equal(model)
    assert used.keys() == {"tq_mean_s8", "tq_mean_s8_dsp"}


def test_the_largest_mean_fits_its_halfword(layers: Callable[..., Any], two_sets: Any) -> None:
    model = layers(3)
    for height, width in ((16, 16), (1, 257)):
        add_mean(model, [1, height, width, 4], [0, 0])
    model.values = lambda shape, dtype: np.full(shape, -128, dtype)
    assert two_sets.check_equal(model) == {"tq_mean_s8_dsp": 1, "tq_mean_s8": 1}
