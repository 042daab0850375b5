"""Float layers of cortex_m_dsp give the bits of sequential summation, as the reference kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st


# A model of this many layers is one example.
LAYERS = 40

quick = settings.get_profile("emulated_kernels")

ACTIVATIONS = ["NONE", "RELU", "RELU6", "RELU_N1_TO_1"]


@given(seed=st.integers(0, 2**32 - 1))
@quick
def test_fully_connected(seed: int, layers: Callable[..., Any], two_sets: Any) -> None:
    model = layers(seed)
    for _ in range(LAYERS):
        batches, depth, channels = model.integer(1, 3), model.integer(1, 80), model.integer(1, 13)
        weights = model.constant(model.weights((channels, depth), "float32"))
        model.add(
            "FULLY_CONNECTED",
            (
                model.activation((batches, depth), "float32"),
                weights,
                model.bias(channels, "float32"),
            ),
            model.activation((batches, channels), "float32"),
            fused_activation_function=model.choice(ACTIVATIONS),
            weights_format=0,
            keep_num_dims=False,
        )
    assert set(two_sets.check_equal(model)) == {"tq_fully_connected_f32_dsp"}


def draw_window(model: Any, dilations: list[int]) -> tuple[dict[str, Any], list[list[int]]]:
    """Return a window's options, and the sizes of input, filter and output."""
    size = [model.integer(1, 8), model.integer(1, 8)]
    filters = [model.integer(1, 5), model.integer(1, 5)]
    strides, extent = [model.integer(1, 3), model.integer(1, 3)], []
    dilation = model.choice(dilations)
    reach = [(f - 1) * dilation + 1 for f in filters]
    valid = all(r <= s for r, s in zip(reach, size, strict=True)) and model.chance(0.5)
    for length, filter_length, stride in zip(size, reach, strides, strict=True):
        inner = length - filter_length + 1 if valid else length
        extent.append(-(-inner // stride))
    options = {
        "padding": "VALID" if valid else "SAME",
        "stride_h": strides[0],
        "stride_w": strides[1],
        "dilation_h_factor": dilation,
        "dilation_w_factor": dilation,
        "fused_activation_function": model.choice(ACTIVATIONS),
    }
    return options, [size, filters, extent]


@given(seed=st.integers(0, 2**32 - 1))
@quick
def test_conv_2d(seed: int, layers: Callable[..., Any], two_sets: Any) -> None:
    model = layers(seed)
    for _ in range(LAYERS):
        options, (size, filters, extent) = draw_window(model, [1, 1, 1, 2])
        depth, channels = model.choice([1, 3, 8, model.integer(1, 9)]), model.integer(1, 10)
        batches = model.integer(1, 2)
        source = model.activation((batches, *size, depth), "float32")
        weights = model.constant(model.weights((channels, *filters, depth), "float32"))
        output = model.activation((batches, *extent, channels), "float32")
        model.add("CONV_2D", (source, weights, model.bias(channels, "float32")), output, **options)
    assert set(two_sets.check_equal(model)) == {"tq_conv_2d_f32", "tq_conv_2d_f32_dsp"}


@given(seed=st.integers(0, 2**32 - 1))
@quick
def test_depthwise_conv_2d(seed: int, layers: Callable[..., Any], two_sets: Any) -> None:
    model = layers(seed)
    for _ in range(LAYERS):
        options, (size, filters, extent) = draw_window(model, [1, 1, 1, 2])
        depth, multiplier = model.choice([8, 16, 24, model.integer(1, 9)]), model.choice([1, 1, 2])
        batches, channels = model.integer(1, 2), depth * multiplier
        source = model.activation((batches, *size, depth), "float32")
        weights = model.constant(model.weights((1, *filters, channels), "float32"))
        output = model.activation((batches, *extent, channels), "float32")
        inputs = (source, weights, model.bias(channels, "float32"))
        options["depth_multiplier"] = multiplier
        model.add("DEPTHWISE_CONV_2D", inputs, output, **options)
    expected = {"tq_depthwise_conv_2d_f32", "tq_depthwise_conv_2d_f32_dsp"}
    assert set(two_sets.check_equal(model)) == expected
