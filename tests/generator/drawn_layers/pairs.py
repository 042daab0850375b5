"""Layers of two or three inputs, element by element, with broadcasting."""

from __future__ import annotations

import dataclasses

import numpy as np
from drawn_layers.draw import Draw
from drawn_layers.draw import Layer
from drawn_layers.spec import OperatorSpec
from drawn_layers.spec import TensorSpec


FUSED = [0, 1, 3]  # NONE, RELU, RELU6

# Table of options of the operators that have one.
_TABLES = {
    "ADD": "Add",
    "SUB": "Sub",
    "MUL": "Mul",
    "DIV": "Div",
    "MAXIMUM": "MaximumMinimum",
    "MINIMUM": "MaximumMinimum",
    "SQUARED_DIFFERENCE": "SquaredDifference",
}


def _broadcast_shapes(draw: Draw, count: int) -> tuple[list[tuple[int, ...]], tuple[int, ...]]:
    """Return shapes of operands, any of which may be broadcast over any axis, and the result's."""
    shape = draw.shape(2, 3, 4, 5)[draw.integer(0, 3) :]
    kept = draw.integer(-1, count)
    shapes = [
        tuple(size if kept in {number, count} or draw.integer(0, 1) else 1 for size in shape)
        for number in range(count)
    ]
    return shapes, tuple(max(sizes) for sizes in zip(*shapes, strict=True))


def pair(draw: Draw, dtype: str, *, op: str, to: str = "") -> Layer:
    """Draw two operands of one type; for divisions no number is 0."""
    shapes, result = _broadcast_shapes(draw, 2)
    inputs = tuple(draw.activation(shape, dtype) for shape in shapes)
    output = draw.activation(result, to or dtype, -9, 8)
    options = {}
    if op in {"SUB", "MUL", "DIV"} or (op == "ADD" and dtype != "int32"):
        options["FusedActivationFunction"] = draw.choice(FUSED)
    if op == "DIV" and dtype == "int8":
        output = dataclasses.replace(output, scale=_quotient_scale(draw, *inputs))
    spec = OperatorSpec(op, inputs, (output,), _TABLES.get(op, ""), options)
    layer = draw.layer(spec)
    if op not in {"DIV", "FLOOR_DIV", "FLOOR_MOD"}:
        return layer
    samples = [
        [_without_zero(value, t.zero_point) for value, t in zip(sample, inputs, strict=True)]
        for sample in layer.samples
    ]
    return Layer(spec, samples)


def _quotient_scale(draw: Draw, dividend: TensorSpec, divisor: TensorSpec) -> float:
    """Draw a scale of which no quotient is so small a part that TFLM shifts by 32 bits or more.

    What such a shift gives depends on the processor that TensorFlow Lite Micro runs on.
    """
    ratio = np.float32(dividend.one_scale) / np.float32(divisor.one_scale)
    return float(np.float32(ratio * draw.scale(-12, -6)))


def _without_zero(values: np.ndarray, zero: int) -> np.ndarray:
    """Replace what stands for 0, by which TensorFlow Lite Micro does not divide."""
    other = values.dtype.type(zero + 1 if zero < 100 else zero - 1)
    return np.where(values == zero, other, values)


def comparison(draw: Draw, dtype: str, *, op: str) -> Layer:
    """Draw operands that are equal here and there."""
    shapes, result = _broadcast_shapes(draw, 2)
    inputs = tuple(draw.activation(shape, dtype, -9, -1) for shape in shapes)
    if draw.integer(0, 1):
        inputs = (inputs[0], dataclasses.replace(inputs[0], shape=shapes[1]))
    spec = OperatorSpec(op, inputs, (TensorSpec(result, "bool"),))
    layer = draw.layer(spec)
    if dtype not in {"int32", "int64", "float32"}:
        return layer
    few = [[(value % 3).astype(value.dtype) for value in sample] for sample in layer.samples]
    return Layer(spec, few)


def prelu(draw: Draw, dtype: str) -> Layer:
    """Draw alphas of every channel, of every element, or one."""
    shape = draw.shape(2, 3, 4, 5)
    alpha_shape = draw.choice([(1, 1, shape[3]), shape[3:], shape, (1, 1, 1)])
    source, output = draw.activation(shape, dtype), draw.activation(shape, dtype)
    alpha_type = "float32" if dtype == "float32" else "int8"
    alpha = draw.activation(alpha_shape, alpha_type)
    alpha = dataclasses.replace(alpha, data=draw.values(alpha_shape, alpha_type))
    return draw.layer(OperatorSpec("PRELU", (source, alpha), (output,)))


def select(draw: Draw, dtype: str) -> Layer:
    shapes, result = _broadcast_shapes(draw, 3)
    first = draw.activation(shapes[1], dtype)
    second = dataclasses.replace(first, shape=shapes[2])
    inputs = (TensorSpec(shapes[0], "bool"), first, second)
    output = dataclasses.replace(first, shape=result)
    return draw.layer(OperatorSpec("SELECT_V2", inputs, (output,)))


def add_n(draw: Draw, dtype: str) -> Layer:
    source = draw.activation(draw.shape(3, 50), dtype)
    output = draw.activation(source.shape, dtype)
    inputs = (source,) * draw.integer(2, 4)
    return draw.layer(OperatorSpec("ADD_N", inputs, (output,)))
