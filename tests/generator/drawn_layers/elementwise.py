"""Layers that compute each output from one element, or one row, of their inputs."""

from __future__ import annotations

import dataclasses

import numpy as np
from drawn_layers.draw import Draw
from drawn_layers.draw import Layer
from drawn_layers.spec import OperatorSpec
from drawn_layers.spec import TensorSpec


FUSED = [0, 1, 3]  # NONE, RELU, RELU6

# Scale and zero point that these operators' outputs must have.
PROBABILITY = {"float32": (None, 0), "int8": (1 / 256, -128), "int16": (1 / 32768, 0)}
SYMMETRIC = {"float32": (None, 0), "int8": (1 / 128, 0), "int16": (1 / 32768, 0)}

# Where a libm other than TFLM's is at work, 1e-6 of the output's range is promised.
PROBABILITY_BOUND = 1e-6
TANH_BOUND = 2e-6


def two_inputs(draw: Draw, dtype: str, *, op: str) -> Layer:
    """Draw two operands, either of which may be broadcast over any axis."""
    shape = draw.shape(2, 3, 4, 5)
    kept = draw.choice(["both", "first", "second", "neither"])
    shapes = [
        tuple(size if kept in {"both", name} or draw.integer(0, 1) else 1 for size in shape)
        for name in ("first", "second")
    ]
    result = tuple(max(sizes) for sizes in zip(*shapes, strict=True))
    inputs = tuple(draw.activation(shape, dtype) for shape in shapes)
    output = draw.activation(result, dtype)
    options = {"FusedActivationFunction": draw.choice(FUSED)}
    return draw.layer(OperatorSpec(op, inputs, (output,), op.capitalize(), options))


def constant_operand(draw: Draw, dtype: str, *, op: str) -> Layer:
    shape = draw.shape(2, 3, 4, 5)
    variable, constant = draw.activation(shape, dtype), draw.activation(shape[3:], dtype)
    constant = dataclasses.replace(constant, data=draw.values(constant.shape, dtype))
    output = draw.activation(shape, dtype)
    return draw.layer(OperatorSpec(op, (variable, constant), (output,), op.capitalize(), {}))


def many_elements(draw: Draw, dtype: str, *, op: str) -> Layer:
    """Draw sums of which one in ten thousand tells factors in float32 from those in double."""
    inputs = tuple(draw.activation((1, 10_000), dtype) for _ in range(2))
    output = draw.activation((1, 10_000), dtype)
    return draw.layer(OperatorSpec(op, inputs, (output,), op.capitalize(), {}))


def softmax(draw: Draw, dtype: str) -> Layer:
    shape = draw.shape(4, 60)
    low, high = {"float32": (-9, 0), "int8": (-12, 1), "int16": (-17, -7)}[dtype]
    source = draw.activation(shape, dtype, low, high)
    output = TensorSpec(shape, dtype, *PROBABILITY[dtype])
    options = {"Beta": draw.choice([1.0, 0.5, 2.0])}
    spec = OperatorSpec("SOFTMAX", (source,), (output,), "Softmax", options)
    return draw.layer(spec, bound=PROBABILITY_BOUND)


def sigmoid(draw: Draw, dtype: str, *, op: str) -> Layer:
    """Draw LOGISTIC or TANH: any floats, but every int8 and every int16 there is."""
    if dtype == "float32":
        tensor = TensorSpec(draw.shape(3, 50), dtype)
        bound = PROBABILITY_BOUND if op == "LOGISTIC" else TANH_BOUND
        return draw.layer(OperatorSpec(op, (tensor,), (tensor,)), bound=bound)
    limits = np.iinfo(dtype)
    every = np.arange(limits.min, limits.max + 1).astype(dtype)
    if dtype == "int8":
        source = draw.activation(every.shape, dtype, -10, 2)
    else:
        scale = draw.choice([2.0 ** draw.integer(-13, -11), *[draw.scale(-17, -2)] * 3])
        source = TensorSpec(every.shape, dtype, scale)
    output = (PROBABILITY if op == "LOGISTIC" else SYMMETRIC)[dtype]
    spec = OperatorSpec(op, (source,), (TensorSpec(every.shape, dtype, *output),))
    return Layer(spec, [[every]])


def relu(draw: Draw, dtype: str, *, op: str) -> Layer:
    shape = draw.shape(3, 50)
    source, output = draw.activation(shape, dtype), draw.activation(shape, dtype)
    return draw.layer(OperatorSpec(op, (source,), (output,)))


def leaky_relu(draw: Draw, dtype: str) -> Layer:
    shape = draw.shape(3, 50)
    source, output = draw.activation(shape, dtype), draw.activation(shape, dtype)
    options = {"Alpha": draw.choice([0.0, 0.01, 0.1, 0.3, 1.5])}
    return draw.layer(OperatorSpec("LEAKY_RELU", (source,), (output,), "LeakyRelu", options))


def requantize(draw: Draw, dtype: str, *, to: str) -> Layer:
    shape = draw.shape(3, 50)
    source, output = (
        TensorSpec(shape, kind, draw.scale(-9, 0), draw.zero_point(kind)) for kind in (dtype, to)
    )
    return draw.layer(OperatorSpec("QUANTIZE", (source,), (output,), "Quantize", {}))


def quantize(draw: Draw, dtype: str) -> Layer:
    """Draw floats half way between two integers, next to it, and anywhere."""
    output = draw.activation((300,), dtype)
    source = TensorSpec(output.shape, "float32")
    # Where the output is float, only the types of the layer are of use.
    scale = 1.0 if output.scale is None else output.one_scale
    steps: np.ndarray = np.arange(-150, 150, dtype=np.float32) + np.float32(0.5)
    ties = steps * np.float32(scale)
    beside = [np.nextafter(ties, np.float32(toward)) for toward in (-1e9, 1e9)]
    samples = [[ties], *([near] for near in beside)]
    while len(samples) < max(3, draw.input_sets):
        anywhere = draw.random().uniform(-70_000, 70_000, 300) * scale
        samples.append([anywhere.astype(np.float32)])
    return Layer(OperatorSpec("QUANTIZE", (source,), (output,), "Quantize", {}), samples)


def dequantize(draw: Draw, dtype: str) -> Layer:
    source = draw.activation(draw.shape(3, 50), dtype)
    output = TensorSpec(source.shape, "float32")
    return draw.layer(OperatorSpec("DEQUANTIZE", (source,), (output,), "Dequantize", {}))
