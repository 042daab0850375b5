"""The kernels of rx_dsp give the reference kernels' bytes on the emulated RX.

Layers are drawn as for the comparison with TensorFlow Lite Micro. The nightly profile draws 120
layers of each variant, in models of 12 each (TINYQUANT_TEST_EXAMPLES sets another number of
models), and runs each with ten sets of inputs.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import numpy as np
import pytest
from drawn_layers.draw import BySeed
from drawn_layers.draw import Draw
from drawn_layers.families import VARIANTS
from drawn_layers.graph import side_by_side
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from pytest_tinyquant.engine.lowering import rx


NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
LAYERS = 12 if NIGHTLY else 4
INPUT_SETS = 10 if NIGHTLY else 2
MODELS = int(os.environ.get("TINYQUANT_TEST_EXAMPLES", "10")) if NIGHTLY else 2

VARIANTS_OF_SET = [
    variant
    for variant in VARIANTS
    if variant.op in rx.LOWERINGS and not variant.name.startswith("float32")
]

#: What the set has kernels for; sums of the deep ones are too large for drawn layers.
KERNELS = {"tq_conv_2d_s8_rx", "tq_fully_connected_s8_rx", "tq_max_pool_2d_s8_rx"}


def test_both_sets_give_the_same_bytes(rx_sets: Any) -> None:
    used: Counter[str] = Counter()

    @settings(settings.get_profile("emulated_kernels"), max_examples=MODELS)
    @given(seed=st.integers(0, 2**64 - 1))
    def draw_models(seed: int) -> None:
        draw = Draw(BySeed(seed), INPUT_SETS)
        layers = [variant.draw(draw) for variant in VARIANTS_OF_SET for _ in range(LAYERS)]
        used.update(rx_sets.check(*side_by_side(layers)))

    draw_models()
    print(f"\n{used.total()} layers: {dict(used)}")
    assert used.keys() >= KERNELS


def add_dense(model: Any, values: np.ndarray, scales: list[float], zero_point: int = 0) -> None:
    """Add a layer with these weights, of two batches."""
    rows, depth = values.shape
    source = model.activation((2, depth), "int8", 1.0, zero_point)
    output = model.activation((2, rows), "int8", 1.0, model.zero_point("int8"))
    model.add(
        "FULLY_CONNECTED", (source, model.constant(values, scales), model.bias(rows, "int8")),
        output, fused_activation_function=model.choice(["NONE", "RELU", "RELU6"]),
        weights_format=0, keep_num_dims=False,
    )  # fmt: skip


def test_every_rest_of_a_block_and_of_a_pair_of_channels(layers: Any, rx_sets: Any) -> None:
    """Up to 20 inputs end with every number of blocks of 8 and 4; odd numbers of channels."""
    model = layers(1)
    for depth in range(1, 49):
        rows = 1 + depth % 7
        scales = [2.0**-9 * (1 + model.random.random()) for _ in range(rows if depth % 2 else 1)]
        values = model.random.integers(-128, 128, (rows, depth)).astype(np.int8)
        add_dense(model, values, scales, model.zero_point("int8"))
    assert set(rx_sets.check_equal(model)) == {"tq_fully_connected_s8_rx"}


def test_ties_round_as_in_the_reference(layers: Any, rx_sets: Any) -> None:
    """Factors are powers of two: every other sum, or every fourth, lies between two outputs."""
    model = layers(2)
    for exponent in range(-14, 0):
        values = model.random.integers(-9, 10, (20, 4)).astype(np.int8)
        add_dense(model, values, [2.0**exponent])
    assert set(rx_sets.check_equal(model)) == {"tq_fully_connected_s8_rx"}


def test_weights_and_inputs_at_their_extremes(layers: Any, rx_sets: Any) -> None:
    """Low bytes of 0 and 255, inputs of -128 and 127, the largest sums on both sides."""
    model = layers(3)
    for low, high in ((-128, -128), (-128, 127), (127, -128), (127, 127)):
        values = np.empty((6, 60), np.int8)
        values[::2], values[1::2] = low, high
        add_dense(model, values, [2.0**-13])
    graph = model.graph()
    inputs = sum(graph.tensors[tensor].bytes for tensor in graph.inputs)
    samples = [np.full(inputs, value, np.int8).tobytes() for value in (-128, 127, 0)]
    assert set(rx_sets.check(graph, samples)) == {"tq_fully_connected_s8_rx"}


def test_sums_beyond_23_bits_are_taken_out_of_every_block(layers: Any, rx_sets: Any) -> None:
    """The last layer that is not deep, and the first one that is: 255 inputs times 259 weights."""
    model = layers(4)
    # 127 * 259 * 255 = 8,387,715 of 8,388,608.
    for depth in (258, 259, 260, 700):
        values = np.full((4, depth), 127, np.int8)
        values[2:] = model.random.integers(-128, 128, (2, depth))
        add_dense(model, values, [2.0**-15])
    graph = model.graph()
    inputs = sum(graph.tensors[tensor].bytes for tensor in graph.inputs)
    samples = [np.full(inputs, value, np.int8).tobytes() for value in (-128, 127)]
    samples.append(model.sample())
    assert rx_sets.check(graph, samples) == {
        "tq_fully_connected_s8_rx": 2,
        "tq_fully_connected_deep_s8_rx": 2,
    }


def add_convolution(
    model: Any, depth: int, channels: int, values: np.ndarray | None = None
) -> None:
    """Add a layer with some window; `values` are its weights, [channels, 3, 3, depth]."""
    size, filters = model.integer(3, 7), 3 if values is not None else model.integer(1, 3)
    stride, dilation = model.integer(1, 2), model.integer(1, 2)
    if stride > 1:
        dilation = 1
    extent = -(-size // stride)
    source = model.activation((1, size, size, depth), "int8", 2.0**-4, model.zero_point("int8"))
    output = model.activation((1, extent, extent, channels), "int8", 2.0**-1, 3)
    if values is None:
        values = model.weights((channels, filters, filters, depth), "int8")
    scales = [2.0**-8 * (1 + model.random.random()) for _ in range(channels)]
    model.add(
        "CONV_2D", (source, model.constant(values, scales), model.bias(channels, "int8")), output,
        padding="SAME", stride_h=stride, stride_w=stride, dilation_h_factor=dilation,
        dilation_w_factor=dilation, fused_activation_function=model.choice(["NONE", "RELU"]),
    )  # fmt: skip


def test_windows_of_every_number_of_channels(layers: Any, rx_sets: Any) -> None:
    """Pixels and rows that are no words; strides, dilation, and windows beyond every border."""
    model = layers(5)
    for depth in range(1, 22):
        add_convolution(model, depth, 1 + depth % 5)
    assert set(rx_sets.check_equal(model)) == {"tq_conv_2d_s8_rx"}


def test_a_deep_convolution(layers: Any, rx_sets: Any) -> None:
    model = layers(6)
    add_convolution(model, 32, 3, np.full((3, 3, 3, 32), 120, np.int8))
    assert set(rx_sets.check_equal(model)) == {"tq_conv_2d_deep_s8_rx"}


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_maxima_at_the_borders(size: int, layers: Any, rx_sets: Any) -> None:
    model = layers(7)
    for height in (1, 2, 3):
        for width in (1, 2, 3):
            for stride in (1, 2, 3):
                extent = -(-size // stride)
                source = model.activation((2, size, size, 3), "int8", 1.0)
                output = model.activation((2, extent, extent, 3), "int8", 1.0)
                model.add(
                    "MAX_POOL_2D", (source,), output, padding="SAME",
                    stride_h=stride, stride_w=stride, filter_height=height, filter_width=width,
                    fused_activation_function=model.choice(["NONE", "RELU", "RELU6"]),
                )  # fmt: skip
    assert rx_sets.check_equal(model) == {"tq_max_pool_2d_s8_rx": 12, "tq_max_pool_2d_s8": 15}
