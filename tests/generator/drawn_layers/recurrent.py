"""Layers with state: each of their samples depends on what the ones before left behind."""

from __future__ import annotations

from typing import Any

import numpy as np
from drawn_layers.draw import Draw
from drawn_layers.draw import Layer
from drawn_layers.spec import OperatorSpec
from drawn_layers.spec import TensorSpec


NONE, RELU, RELU6, TANH = 0, 1, 3, 4

# Of a hidden state in [-1, 1], for another libm than TFLM's; errors feed back.
FLOAT_LSTM_BOUND = 1e-5


def _quantized(
    shape: tuple[int, ...], dtype: str, scale: Any, zero_point: int = 0, *, state: bool = False
) -> TensorSpec:
    """Return a tensor; float32 has neither scale nor zero point."""
    if dtype == "float32":
        return TensorSpec(shape, dtype, state=state)
    return TensorSpec(shape, dtype, scale, zero_point, state=state)


def _small_weights(draw: Draw, shape: tuple[int, ...], dtype: str, scale: float) -> TensorSpec:
    """Return weights as layers have them; float weights in proportion to their number."""
    if dtype == "float32":
        data = draw.random().normal(0, 1 / np.sqrt(shape[-1]), shape).astype(dtype)
        return TensorSpec(shape, dtype, data=data)
    data = np.maximum(draw.values(shape, dtype), -127 if dtype == "int8" else -32767)
    return TensorSpec(shape, dtype, scale, data=data)


def svdf(draw: Draw, dtype: str, *, time_dtype: str = "") -> Layer:
    """Draw an SVDF whose time weights and state are `time_dtype`."""
    time_dtype = time_dtype or dtype
    batches, depth, units, rank, memory = draw.shape(3, 8, 5, 3, 6)
    filters = units * rank
    source = draw.activation((batches, depth), dtype)
    features = _small_weights(draw, (filters, depth), dtype, draw.scale(-9, -3))
    times = _small_weights(draw, (filters, memory), time_dtype, draw.scale(-15, -3))
    state_scale, state_zero = draw.scale(-9, 0), draw.zero_point(time_dtype)
    shape = (batches, filters * memory)
    state = _quantized(shape, time_dtype, state_scale, state_zero, state=True)
    bias_values = draw.random().integers(-3000, 3000, units)
    bias_scale = None
    if dtype != "float32":
        bias_scale = float(np.float32(state_scale) * np.float32(times.one_scale))
    bias_dtype = "float32" if dtype == "float32" else "int32"
    bias = TensorSpec((units,), bias_dtype, bias_scale, data=bias_values.astype(bias_dtype))
    output = draw.activation((batches, units), dtype, -7, 2)
    activation = draw.choice([NONE, RELU, RELU6]) if dtype == "float32" else NONE
    options = {"Rank": rank, "FusedActivationFunction": activation}
    inputs = (source, features, times, bias, state)
    return draw.layer(OperatorSpec("SVDF", inputs, (output,), "SVDF", options))


def lstm(draw: Draw, dtype: str) -> Layer:
    batches, steps, depth, units = draw.shape(3, 5, 6, 5)
    time_major = draw.choice([False, True])
    lead = (steps, batches) if time_major else (batches, steps)
    source = draw.activation((*lead, depth), dtype, -9, -4)
    # Hidden state in (-1, 1), cell state a power of two.
    hidden_scale, hidden_zero = {
        "float32": (None, 0),
        "int8": (draw.scale(-8, -6), draw.zero_point("int8")),
        "int16": (draw.scale(-16, -14), 0),
    }[dtype]
    hidden = _quantized((batches, units), dtype, hidden_scale, hidden_zero, state=True)
    cell_dtype = "float32" if dtype == "float32" else "int16"
    cell = _quantized((batches, units), cell_dtype, 2.0 ** draw.integer(-15, -9), state=True)
    weight_dtype = "float32" if dtype == "float32" else "int8"
    weights, recurrent = (
        [_small_weights(draw, (units, columns), weight_dtype, draw.scale(-9, -6)) for _ in range(4)]
        for columns in (depth, units)
    )
    biases = [_gate_bias(draw, source, tensor, units) for tensor in weights]
    output = _quantized((*lead, units), dtype, hidden_scale, hidden_zero)
    inputs = (
        source, *weights, *recurrent, None, None, None, *biases, None, None,
        hidden, cell, None, None, None, None,
    )  # fmt: skip
    options = {
        "FusedActivationFunction": TANH,
        "CellClip": draw.choice([0.0, 0.5, 10.0]),
        "TimeMajor": time_major,
    }
    table = "UnidirectionalSequenceLSTM"
    spec = OperatorSpec("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (output,), table, options)
    return draw.layer(spec, bound=FLOAT_LSTM_BOUND)


def _gate_bias(draw: Draw, source: TensorSpec, weights: TensorSpec, units: int) -> TensorSpec:
    values = draw.random().integers(-3000, 3000, units)
    if source.dtype == "float32":
        return TensorSpec((units,), "float32", data=(values / 3000).astype("float32"))
    kind = {"int8": "int32", "int16": "int64"}[source.dtype]
    return TensorSpec(
        (units,), kind, source.one_scale * weights.one_scale, data=values.astype(kind)
    )
