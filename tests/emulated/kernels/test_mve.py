"""The kernels of cortex_m_mve give the reference kernels' bytes on the emulated Cortex-M55.

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

from pytest_tinyquant.engine.lowering import mve


NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
LAYERS = 12 if NIGHTLY else 4
INPUT_SETS = 10 if NIGHTLY else 2
MODELS = int(os.environ.get("TINYQUANT_TEST_EXAMPLES", "10")) if NIGHTLY else 2

VARIANTS_OF_SET = [
    variant
    for variant in VARIANTS
    if variant.op in mve.LOWERINGS and not variant.name.startswith("float32")
]

#: What the set has kernels for.
KERNELS = {
    f"tq_{name}_{suffix}_mve"
    for name in (
        "add",
        "average_pool_2d",
        "conv_2d",
        "fully_connected",
        "max_pool_2d",
        "mean",
        "mul",
    )
    for suffix in ("s8", "s16")
}


def test_both_sets_give_the_same_bytes(helium_sets: Any) -> None:
    used: Counter[str] = Counter()

    @settings(settings.get_profile("emulated_kernels"), max_examples=MODELS)
    @given(seed=st.integers(0, 2**64 - 1))
    def draw_models(seed: int) -> None:
        draw = Draw(BySeed(seed), INPUT_SETS)
        layers = [variant.draw(draw) for variant in VARIANTS_OF_SET for _ in range(LAYERS)]
        used.update(helium_sets.check(*side_by_side(layers)))

    draw_models()
    print(f"\n{used.total()} layers: {dict(used)}")
    assert used.keys() >= KERNELS


def add_dense(model: Any, dtype: str, depth: int, channels: int, factor: float) -> None:
    """Add a layer of `channels` rows, all with one factor or each with its own."""
    per_channel = model.chance(0.5)
    scales = [factor * (1 + model.random.random()) for _ in range(channels if per_channel else 1)]
    source = model.activation((2, depth), dtype, 1.0, model.zero_point(dtype))
    weights = model.constant(model.weights((channels, depth), dtype), scales)
    output = model.activation((2, channels), dtype, 1.0, model.zero_point(dtype))
    model.add(
        "FULLY_CONNECTED", (source, weights, model.bias(channels, dtype)), output,
        fused_activation_function=model.choice(["NONE", "RELU", "RELU6"]),
        weights_format=0, keep_num_dims=False,
    )  # fmt: skip


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_every_rest_of_a_vector_and_of_a_group_of_rows(
    dtype: str, layers: Any, helium_sets: Any
) -> None:
    """17 and 33 inputs leave one for the last vector, 5 rows one for the last group."""
    model = layers(1)
    for depth in range(1, 35):
        add_dense(model, dtype, depth, 1 + depth % 9, 2.0**-9)
    assert set(helium_sets.check_equal(model)) == {
        f"tq_fully_connected_s{np.iinfo(dtype).bits}_mve"
    }


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_every_rest_of_a_vector_of_channels(dtype: str, layers: Any, helium_sets: Any) -> None:
    """Depthwise, 5 to 20 channels, with windows that lie in the input in part or not at all."""
    model = layers(5)
    for channels in range(5, 21):
        size, stride, dilation = 1 + channels % 4, 1 + channels % 2, 1 + channels % 3
        source = model.activation((2, 6, 5, channels), dtype, 1.0, model.zero_point(dtype))
        weights = model.constant(
            model.weights((1, size, size, channels), dtype),
            [2.0**-6 * (1 + model.random.random()) for _ in range(channels)],
            axis=3,
        )
        across = [-(-side // stride) for side in (6, 5)]
        output = model.activation((2, *across, channels), dtype, 1.0, model.zero_point(dtype))
        bias = model.bias(channels, dtype) if channels % 5 else None
        model.add(
            "DEPTHWISE_CONV_2D", (source, weights, bias), output, padding="SAME",
            stride_h=stride, stride_w=stride, dilation_h_factor=dilation,
            dilation_w_factor=dilation, depth_multiplier=1,
            fused_activation_function=model.choice(["NONE", "RELU", "RELU6"]),
        )  # fmt: skip
    suffix = f"s{np.iinfo(dtype).bits}"
    assert set(helium_sets.check_equal(model)) == {f"tq_depthwise_conv_2d_{suffix}_mve"}


@pytest.mark.parametrize(("width", "of"), [(8, "tq_depthwise_conv_2d_s8_mve"), (9, "3x3_s8_dsp")])
def test_wide_rows_are_left_to_the_other_set(
    width: int, of: str, layers: Any, helium_sets: Any
) -> None:
    model = layers(6)
    source = model.activation((1, 3, width, 8), "int8", 1.0)
    weights = model.constant(model.weights((1, 3, 3, 8), "int8"), [2.0**-9] * 8, axis=3)
    output = model.activation((1, 3, width, 8), "int8", 1.0)
    model.add(
        "DEPTHWISE_CONV_2D", (source, weights, None), output, padding="SAME", stride_h=1,
        stride_w=1, dilation_h_factor=1, dilation_w_factor=1, depth_multiplier=1,
        fused_activation_function="NONE",
    )  # fmt: skip
    (used,) = helium_sets.check_equal(model)
    assert used.endswith(of)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_ties_round_as_in_the_reference(dtype: str, layers: Any, helium_sets: Any) -> None:
    """Factors are powers of two: every other sum, or every fourth, lies between two outputs."""
    model = layers(2)
    for exponent in range(-14, 3 if dtype == "int8" else 0):
        source = model.activation((1, 4), dtype, 1.0, 0)
        weights = np.clip(model.random.integers(-9, 10, (20, 4)), -127, 127).astype(np.int8)
        output = model.activation((1, 20), dtype, 1.0, 0)
        inputs = (source, model.constant(weights, [2.0**exponent]), None)
        model.add(
            "FULLY_CONNECTED", inputs, output,
            fused_activation_function="NONE", weights_format=0, keep_num_dims=False,
        )  # fmt: skip
    helium_sets.check_equal(model)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("op", ["MAX_POOL_2D", "AVERAGE_POOL_2D"])
def test_windows_of_every_size(dtype: str, op: str, layers: Any, helium_sets: Any) -> None:
    """Averages are rounded, from one input to as many as the kernel divides by, at the extremes."""
    model = layers(4)
    for size in range(1, 20):
        channels = model.choice([3, 4, 7, 8, 16, 17, 33])
        source = model.activation((1, size, size, channels), dtype, 1.0)
        output = model.activation((1, 1, 1, channels), dtype, 1.0)
        model.add(
            op, (source,), output, padding="VALID", stride_h=1, stride_w=1,
            filter_height=size, filter_width=size,
            fused_activation_function=model.choice(["NONE", "RELU"]),
        )  # fmt: skip
    suffix = f"s{np.iinfo(dtype).bits}"
    assert set(helium_sets.check_equal(model)) == {f"tq_{op.lower()}_{suffix}_mve"}


def test_int16_sums_beyond_32_bits_are_left_to_the_other_sets(
    layers: Any, helium_sets: Any
) -> None:
    model = layers(3)
    source = model.activation((1, 600), "int16", 1.0)
    weights = model.constant(np.full((4, 600), 127, np.int8), [2.0**-16])
    output = model.activation((1, 4), "int16", 1.0)
    model.add(
        "FULLY_CONNECTED", (source, weights, None), output,
        fused_activation_function="NONE", weights_format=0, keep_num_dims=False,
    )  # fmt: skip
    assert set(helium_sets.check_equal(model)) == {"tq_fully_connected_deep_s16_dsp"}
