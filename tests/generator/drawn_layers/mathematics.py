"""Layers of one input, element by element: mathematics, casts, and conversions of scale."""

from __future__ import annotations

import numpy as np
from drawn_layers.draw import LIMITS
from drawn_layers.draw import Draw
from drawn_layers.draw import Layer
from drawn_layers.spec import OperatorSpec
from drawn_layers.spec import TensorSpec


# Units in the last place where a libm other than TFLM's may be at work; where there is none, 0.
ULP = {"COS": 4, "ELU": 4, "EXP": 4, "LOG": 4, "SIN": 4}

# What SIN and COS are asked: of larger numbers the C libraries give other bits.
_ARGUMENT = 100.0


def unary(draw: Draw, dtype: str, *, op: str) -> Layer:
    """Draw any floats, but every int8 and every int16 there is."""
    if dtype == "float32":
        return _of_floats(draw, op)
    every = np.arange(LIMITS[dtype][0], LIMITS[dtype][1] + 1).astype(dtype)
    source = draw.activation(every.shape, dtype, -9, 3)
    output = draw.activation(every.shape, dtype, -9, 3)
    if op == "RSQRT":
        every = np.maximum(every, source.zero_point).astype(dtype)
    return Layer(OperatorSpec(op, (source,), (output,)), [[every]])


def _of_floats(draw: Draw, op: str) -> Layer:
    tensor = TensorSpec(draw.shape(3, 50), "float32")
    layer = draw.layer(OperatorSpec(op, (tensor,), (tensor,)), ulp=ULP.get(op, 0))
    samples = [[_within(op, value) for value in sample] for sample in layer.samples]
    return Layer(layer.spec, samples, layer.ulp)


def _within(op: str, values: np.ndarray) -> np.ndarray:
    within = values
    if op in {"LOG", "RSQRT", "SQRT"}:
        within = np.abs(values)
    if op in {"SIN", "COS"}:
        within = np.clip(values, -_ARGUMENT, _ARGUMENT)
    return within


def hard_swish(draw: Draw, dtype: str) -> Layer:
    """Draw every int8, with the ratios of scales that the kernel takes."""
    if dtype == "float32":
        return _of_floats(draw, "HARD_SWISH")
    every = np.arange(-128, 128).astype("int8")
    source = draw.activation(every.shape, dtype, -9, 3)
    scale = source.one_scale / 2.0 ** draw.integer(-3, 5) * draw.scale(0, 1) / 2
    output = TensorSpec(every.shape, dtype, scale, draw.zero_point(dtype))
    return Layer(OperatorSpec("HARD_SWISH", (source,), (output,)), [[every]])


def logical_not(draw: Draw, dtype: str) -> Layer:
    tensor = TensorSpec(draw.shape(3, 50), dtype)
    return draw.layer(OperatorSpec("LOGICAL_NOT", (tensor,), (tensor,)))


def cast(draw: Draw, dtype: str, *, to: str) -> Layer:
    """Draw a CAST; floats are what the integer type has."""
    shape = draw.shape(3, 50)
    source, output = draw.activation(shape, dtype), draw.activation(shape, to)
    spec = OperatorSpec("CAST", (source,), (output,), "Cast", {})
    layer = draw.layer(spec)
    if dtype != "float32" or to in {"float32", "bool"}:
        return layer
    low, high = LIMITS[to]
    return Layer(spec, [[np.clip(value, low, high)] for (value,) in layer.samples])


def log_softmax(draw: Draw, dtype: str) -> Layer:
    shape = draw.shape(4, 60)
    source = draw.activation(shape, dtype, -12, 1)
    output = TensorSpec(shape, dtype, *{"float32": (None, 0), "int8": (1 / 16, 127)}[dtype])
    spec = OperatorSpec("LOG_SOFTMAX", (source,), (output,), "LogSoftmax", {})
    return draw.layer(spec, ulp=4)


def l2_normalization(draw: Draw, dtype: str) -> Layer:
    shape = draw.shape(3, 4, 30)
    source = draw.activation(shape, dtype)
    output = TensorSpec(shape, dtype, *{"float32": (None, 0), "int8": (1 / 128, 0)}[dtype])
    return draw.layer(OperatorSpec("L2_NORMALIZATION", (source,), (output,), "L2Norm", {}))
