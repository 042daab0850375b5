"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED give TensorFlow Lite Micro's bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_tinyquant.engine import fixed_point
from pytest_tinyquant.engine.quantization import quantize_multiplier


DTYPES = ["float32", "int8", "int16"]
FUSED = [0, 1, 3]  # NONE, RELU, RELU6
SAME, VALID = 0, 1


def draw_window(draw, height, width, filter_height, filter_width, dilate=True):
    """Return the options of a window and the output's height and width."""
    options, sizes = {"Padding": draw.choice([SAME, VALID])}, []
    for axis, size, filter_size in (("H", height, filter_height), ("W", width, filter_width)):
        stride = options[f"Stride{axis}"] = draw.integer(1, 3)
        dilation = draw.integer(1, 3) if dilate else 1
        if dilate:
            options[f"Dilation{axis}Factor"] = dilation
        reach = (filter_size - 1) * dilation + 1
        if reach > size:
            options["Padding"] = SAME
        sizes.append((size, stride, reach))
    if options["Padding"] == SAME:
        output = [-(-size // stride) for size, stride, _ in sizes]
    else:
        output = [(size - reach) // stride + 1 for size, stride, reach in sizes]
    return options, output


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_conv_2d(data, dtype, draw_from, operator_spec, check):
    draw = draw_from(data)
    batches, height, width, depth = shape = draw.shape(2, 9, 9, 6)
    channels, filter_height, filter_width = draw.shape(7, 4, 4)
    options, size = draw_window(draw, height, width, filter_height, filter_width)
    source = draw.activation(shape, dtype)
    weights = draw.weights((channels, filter_height, filter_width, depth), dtype, 0, True)
    bias = draw.choice([draw.bias(source, weights, channels), None])
    output = draw.activation((batches, *size, channels), dtype, -7, 2)
    options["FusedActivationFunction"] = draw.choice(FUSED)
    spec = operator_spec("CONV_2D", (source, weights, bias), (output,), "Conv2D", options)
    check(spec, draw.samples(spec), ulp=0)


@given(data=st.data())
def test_conv_2d_on_int16_with_int32_bias_rounds_in_32_bits(data, draw_from, operator_spec, check):
    draw = draw_from(data)
    depth, channels = draw.integer(1, 600), draw.integer(1, 7)
    source = draw.activation((1, 2, 2, depth), "int16")
    weights = draw.weights((channels, 1, 1, depth), "int16", 0, True)
    bias = draw.bias(source, weights, channels, "int32")
    output = draw.activation((1, 2, 2, channels), "int16", -7, 2)
    options = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    spec = operator_spec("CONV_2D", (source, weights, bias), (output,), "Conv2D", options)
    check(spec, draw.samples(spec))


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_depthwise_conv_2d(data, dtype, draw_from, operator_spec, check):
    draw = draw_from(data)
    batches, height, width, depth = shape = draw.shape(2, 9, 9, 6)
    multiplier, filter_height, filter_width = draw.shape(3, 4, 4)
    options, size = draw_window(draw, height, width, filter_height, filter_width)
    channels = depth * multiplier
    source = draw.activation(shape, dtype)
    weights = draw.weights((1, filter_height, filter_width, channels), dtype, 3, True)
    bias = draw.bias(source, weights, channels)
    output = draw.activation((batches, *size, channels), dtype, -7, 2)
    options |= {"DepthMultiplier": multiplier, "FusedActivationFunction": draw.choice(FUSED)}
    inputs = (source, weights, bias)
    spec = operator_spec("DEPTHWISE_CONV_2D", inputs, (output,), "DepthwiseConv2D", options)
    check(spec, draw.samples(spec), ulp=0)


@pytest.mark.parametrize("per_channel", [False, True], ids=["per_tensor", "per_channel"])
@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_fully_connected(data, dtype, per_channel, draw_from, operator_spec, check):
    draw = draw_from(data)
    batches, depth, channels = draw.shape(3, 300, 9)
    source = draw.activation((batches, depth), dtype)
    weights = draw.weights((channels, depth), dtype, 0, per_channel)
    bias = draw.choice([draw.bias(source, weights, channels), None])
    output = draw.activation((batches, channels), dtype, -7, 2)
    options = {"FusedActivationFunction": draw.choice(FUSED)}
    inputs = (source, weights, bias)
    spec = operator_spec("FULLY_CONNECTED", inputs, (output,), "FullyConnected", options)
    check(spec, draw.samples(spec), ulp=0)


@pytest.mark.parametrize("has_bias", [True, False])
def test_fully_connected_takes_its_factor_in_double_precision(
    has_bias, operator_spec, tensor_spec, check
):
    """The sums are some that a factor taken in float32 would round to another byte."""
    depth, span = 1 << 14, 255
    scales = [float(np.float32(scale)) for scale in (0.0113, 0.0000999, 5.1)]
    exact = scales[0] * scales[1] / scales[2]
    rounded = float(np.float32(scales[0]) * np.float32(scales[1])) / scales[2]
    ties = [round((k + 0.5) / exact / span) for k in range(-115, 115)]
    near = [span * (tie + step) for tie in ties for step in (-1, 0, 1)]
    deciding = [s for s in near if scaled(s, exact) != scaled(s, rounded)]
    assert len(deciding) > 4
    # Every input is 127, that is 255 above the zero point.
    totals = np.array([0 if has_bias else s // span for s in deciding])
    weights = totals[:, None] // depth + (np.arange(depth) < totals[:, None] % depth)
    channels = len(deciding)
    bias = tensor_spec(
        (channels,), "int32", [scales[0] * scales[1]], data=np.array(deciding, np.int32)
    )
    inputs = (
        tensor_spec((1, depth), "int8", scales[0], -128),
        tensor_spec((channels, depth), "int8", [scales[1]], data=weights.astype(np.int8)),
        bias if has_bias else None,
    )
    output = tensor_spec((1, channels), "int8", scales[2], 0)
    spec = operator_spec("FULLY_CONNECTED", inputs, (output,), "FullyConnected", {})
    check(spec, [[np.full((1, depth), 127, np.int8)]], ulp=0)


def scaled(value, factor):
    return fixed_point.multiply(value, quantize_multiplier(factor))


@pytest.mark.parametrize("op", ["MAX_POOL_2D", "AVERAGE_POOL_2D"])
@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_pool_2d(data, dtype, op, draw_from, operator_spec, tensor_spec, check):
    draw = draw_from(data)
    batches, height, width, depth = shape = draw.shape(2, 9, 9, 6)
    filter_height, filter_width = draw.shape(4, 4)
    options, size = draw_window(draw, height, width, filter_height, filter_width, dilate=False)
    options |= {"FilterHeight": filter_height, "FilterWidth": filter_width}
    options["FusedActivationFunction"] = draw.choice(FUSED)
    source = draw.activation(shape, dtype)
    output = tensor_spec((batches, *size, depth), dtype, source.scale, source.zero_point)
    spec = operator_spec(op, (source,), (output,), "Pool2D", options)
    check(spec, draw.samples(spec), ulp=0)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_transpose_conv(data, dtype, draw_from, operator_spec, tensor_spec, check):
    draw = draw_from(data)
    # Drawn backwards: the convolution's input is this operator's output.
    batches, height, width, channels = result = draw.shape(2, 9, 9, 5)
    depth, filter_height, filter_width = draw.shape(5, 4, 4)
    options, size = draw_window(draw, height, width, filter_height, filter_width, dilate=False)
    source = draw.activation((batches, *size, depth), dtype)
    shape = (channels, filter_height, filter_width, depth)
    weights = draw.weights(shape, dtype, 0, draw.choice([True, False]))
    bias = draw.choice([draw.bias(source, weights, channels), None])
    output = draw.activation(result, dtype, -7, 2)
    options["FusedActivationFunction"] = draw.choice(FUSED)
    inputs = (tensor_spec((4,), "int32", data=np.array(result)), weights, source, bias)
    spec = operator_spec("TRANSPOSE_CONV", inputs, (output,), "TransposeConv", options)
    check(spec, draw.samples(spec), ulp=0)
