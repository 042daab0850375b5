"""Layers with weights, and pooling: CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED and their kin."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from drawn_layers.draw import Draw
from drawn_layers.draw import Layer
from drawn_layers.spec import OperatorSpec
from drawn_layers.spec import TensorSpec


FUSED = [0, 1, 3]  # NONE, RELU, RELU6
SAME, VALID = 0, 1


def _window(
    draw: Draw, size: tuple[int, int], filters: Sequence[int], *, dilate: bool = True
) -> tuple[dict[str, Any], list[int]]:
    """Return the options of a window and the output's height and width."""
    options, sizes = {"Padding": draw.choice([SAME, VALID])}, []
    for axis, length, filter_length in zip("HW", size, filters, strict=True):
        stride = options[f"Stride{axis}"] = draw.integer(1, 3)
        dilation = draw.choice([1, 1, 1, 2, 3]) if dilate else 1
        if dilate:
            options[f"Dilation{axis}Factor"] = dilation
        reach = (filter_length - 1) * dilation + 1
        if reach > length:
            options["Padding"] = SAME
        sizes.append((length, stride, reach))
    if options["Padding"] == SAME:
        return options, [-(-length // stride) for length, stride, _ in sizes]
    return options, [(length - reach) // stride + 1 for length, stride, reach in sizes]


def _image(draw: Draw, limit: int = 9) -> tuple[int, int, int, int]:
    """Draw the shape of images; kernel sets for some core like multiples of 4 and 8 channels."""
    return *draw.shape(2, limit, limit), draw.choice([draw.integer(1, 6), 4, 8])


def conv_2d(draw: Draw, dtype: str) -> Layer:
    batches, height, width, depth = shape = _image(draw)
    channels, *filters = draw.shape(7, 4, 4)
    options, size = _window(draw, (height, width), filters)
    source = draw.activation(shape, dtype)
    weights = draw.weights((channels, *filters, depth), dtype, 0, True)
    bias = draw.choice([draw.bias(source, weights, channels), None])
    output = draw.activation((batches, *size, channels), dtype, -7, 2)
    options["FusedActivationFunction"] = draw.choice(FUSED)
    return draw.layer(
        OperatorSpec("CONV_2D", (source, weights, bias), (output,), "Conv2D", options)
    )


def conv_2d_with_int32_bias(draw: Draw, dtype: str) -> Layer:
    """Draw the int16 convolution that rounds in 32 bits."""
    depth, channels = draw.integer(1, 600), draw.integer(1, 7)
    source = draw.activation((1, 2, 2, depth), dtype)
    weights = draw.weights((channels, 1, 1, depth), dtype, 0, True)
    bias = draw.bias(source, weights, channels, "int32")
    output = draw.activation((1, 2, 2, channels), dtype, -7, 2)
    options = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    return draw.layer(
        OperatorSpec("CONV_2D", (source, weights, bias), (output,), "Conv2D", options)
    )


def depthwise_conv_2d(draw: Draw, dtype: str) -> Layer:
    batches, height, width, depth = shape = _image(draw)
    multiplier, filters = draw.choice([1, 1, 2, 3]), draw.shape(4, 4)
    options, size = _window(draw, (height, width), filters)
    channels = depth * multiplier
    source = draw.activation(shape, dtype)
    weights = draw.weights((1, *filters, channels), dtype, 3, True)
    bias = draw.bias(source, weights, channels)
    output = draw.activation((batches, *size, channels), dtype, -7, 2)
    options |= {"DepthMultiplier": multiplier, "FusedActivationFunction": draw.choice(FUSED)}
    inputs = (source, weights, bias)
    return draw.layer(
        OperatorSpec("DEPTHWISE_CONV_2D", inputs, (output,), "DepthwiseConv2D", options)
    )


def fully_connected(draw: Draw, dtype: str, *, per_channel: bool = False) -> Layer:
    batches, depth, channels = draw.shape(3, 300, 9)
    source = draw.activation((batches, depth), dtype)
    weights = draw.weights((channels, depth), dtype, 0, per_channel)
    bias = draw.choice([draw.bias(source, weights, channels), None])
    output = draw.activation((batches, channels), dtype, -7, 2)
    options = {"FusedActivationFunction": draw.choice(FUSED)}
    inputs = (source, weights, bias)
    return draw.layer(OperatorSpec("FULLY_CONNECTED", inputs, (output,), "FullyConnected", options))


def int4_weights(draw: Draw, dtype: str, *, op: str) -> Layer:
    """Draw a layer whose weights are stored two to a byte; their number may be odd."""
    layer = {"CONV_2D": conv_2d, "DEPTHWISE_CONV_2D": depthwise_conv_2d}.get(op, fully_connected)
    spec = layer(draw, dtype).spec
    source, weights, *rest = spec.inputs
    assert weights is not None
    values = draw.random().integers(-8, 8, weights.shape)
    weights = dataclasses.replace(weights, dtype="int4", data=values)
    return draw.layer(dataclasses.replace(spec, inputs=(source, weights, *rest)))


def grouped_conv_2d(draw: Draw, dtype: str) -> Layer:
    """Draw a convolution whose filters see a part of the channels each."""
    groups, filters_each, depth_each = draw.integer(2, 4), draw.integer(1, 3), draw.integer(1, 4)
    batches, height, width = draw.shape(2, 7, 7)
    channels, filters = groups * filters_each, draw.shape(3, 3)
    options, size = _window(draw, (height, width), filters)
    source = draw.activation((batches, height, width, groups * depth_each), dtype)
    weights = draw.weights((channels, *filters, depth_each), dtype, 0, True)
    bias = draw.choice([draw.bias(source, weights, channels), None])
    output = draw.activation((batches, *size, channels), dtype, -7, 2)
    options["FusedActivationFunction"] = draw.choice(FUSED)
    inputs = (source, weights, bias)
    return draw.layer(OperatorSpec("CONV_2D", inputs, (output,), "Conv2D", options))


def pool_2d(draw: Draw, dtype: str, *, op: str) -> Layer:
    batches, height, width, depth = shape = _image(draw)
    filters = draw.shape(4, 4)
    options, size = _window(draw, (height, width), filters, dilate=False)
    options |= {"FilterHeight": filters[0], "FilterWidth": filters[1]}
    options["FusedActivationFunction"] = draw.choice(FUSED)
    source = draw.activation(shape, dtype)
    output = TensorSpec((batches, *size, depth), dtype, source.scale, source.zero_point)
    return draw.layer(OperatorSpec(op, (source,), (output,), "Pool2D", options))


def transpose_conv(draw: Draw, dtype: str) -> Layer:
    """Draw it backwards: the convolution's input is this operator's output."""
    batches, height, width, channels = result = draw.shape(2, 9, 9, 5)
    depth, *filters = draw.shape(5, 4, 4)
    options, size = _window(draw, (height, width), filters, dilate=False)
    source = draw.activation((batches, *size, depth), dtype)
    weights = draw.weights((channels, *filters, depth), dtype, 0, draw.choice([True, False]))
    bias = draw.choice([draw.bias(source, weights, channels), None])
    output = draw.activation(result, dtype, -7, 2)
    options["FusedActivationFunction"] = draw.choice(FUSED)
    inputs = (TensorSpec((4,), "int32", data=np.array(result)), weights, source, bias)
    return draw.layer(OperatorSpec("TRANSPOSE_CONV", inputs, (output,), "TransposeConv", options))


def mean(draw: Draw, dtype: str) -> Layer:
    """Draw a mean over height and width."""
    batches, _, _, depth = shape = _image(draw, 12)
    source = draw.activation(shape, dtype)
    keep = draw.choice([True, False])
    output = draw.activation((batches, 1, 1, depth) if keep else (batches, depth), dtype)
    axes = TensorSpec((2,), "int32", data=np.array(draw.choice([[1, 2], [2, 1], [-3, -2]])))
    return draw.layer(
        OperatorSpec("MEAN", (source, axes), (output,), "Reducer", {"KeepDims": keep})
    )
