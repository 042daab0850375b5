"""Operators with state give TensorFlow Lite Micro's bytes, inference after inference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st


NONE, RELU, RELU6, TANH = 0, 1, 3, 4

# Three inferences: the second and third depend on what the ones before left behind.
INFERENCES = 3

# Of a hidden state in [-1, 1], for another libm than TFLM's; errors feed back.
FLOAT_LSTM_BOUND = 1e-5


def quantized(tensor_spec, shape, dtype, scale, zero_point=0, data=None, state=False):
    """Return a tensor; float32 has neither scale nor zero point."""
    if dtype == "float32":
        return tensor_spec(shape, dtype, data=data, state=state)
    return tensor_spec(shape, dtype, scale, zero_point, 0, data, state)


def small_weights(draw, tensor_spec, shape, dtype, scale):
    """Return weights as layers have them; float weights in proportion to their number."""
    if dtype == "float32":
        data = draw.random().normal(0, 1 / np.sqrt(shape[-1]), shape).astype(dtype)
        return tensor_spec(shape, dtype, data=data)
    data = np.maximum(draw.values(shape, dtype), -127 if dtype == "int8" else -32767)
    return tensor_spec(shape, dtype, scale, data=data)


# SVDF: types of input and output, of feature weights, of time weights and state.
SVDF_TYPES = [("float32",) * 3, ("int8", "int8", "int8"), ("int8", "int8", "int16")]


@pytest.mark.parametrize("types", SVDF_TYPES, ids=["float32", "int8", "int8_state16"])
@given(data=st.data())
def test_svdf(data, types, draw_from, operator_spec, tensor_spec, check):
    draw = draw_from(data)
    dtype, feature_dtype, time_dtype = types
    batches, depth, units, rank, memory = draw.shape(3, 8, 5, 3, 6)
    filters = units * rank
    source = draw.activation((batches, depth), dtype)
    features = small_weights(draw, tensor_spec, (filters, depth), feature_dtype, draw.scale(-9, -3))
    times = small_weights(draw, tensor_spec, (filters, memory), time_dtype, draw.scale(-15, -3))
    state_scale, state_zero = draw.scale(-9, 0), draw.zero_point(time_dtype)
    shape = (batches, filters * memory)
    state = quantized(tensor_spec, shape, time_dtype, state_scale, state_zero, state=True)
    bias_values = draw.random().integers(-3000, 3000, units)
    bias_scale = None if dtype == "float32" else np.float32(state_scale) * np.float32(times.scale)
    bias_dtype = "float32" if dtype == "float32" else "int32"
    bias = tensor_spec((units,), bias_dtype, bias_scale, data=bias_values.astype(bias_dtype))
    output = draw.activation((batches, units), dtype, -7, 2)
    activation = draw.choice([NONE, RELU, RELU6]) if dtype == "float32" else NONE
    options = {"Rank": rank, "FusedActivationFunction": activation}
    inputs = (source, features, times, bias, state)
    spec = operator_spec("SVDF", inputs, (output,), "SVDF", options)
    check(spec, draw.samples(spec, INFERENCES), ulp=0)


@pytest.mark.parametrize("dtype", ["float32", "int8", "int16"])
@given(data=st.data())
def test_lstm(data, dtype, draw_from, operator_spec, tensor_spec, check):
    draw = draw_from(data)
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
    hidden = quantized(tensor_spec, (batches, units), dtype, hidden_scale, hidden_zero, state=True)
    cell_dtype = "float32" if dtype == "float32" else "int16"
    cell_scale = 2.0 ** draw.integer(-15, -9)
    cell = quantized(tensor_spec, (batches, units), cell_dtype, cell_scale, state=True)
    weight_dtype = "float32" if dtype == "float32" else "int8"

    def gate_weights(columns):
        scale = draw.scale(-9, -6)
        return small_weights(draw, tensor_spec, (units, columns), weight_dtype, scale)

    weights = [gate_weights(depth) for _ in range(4)]
    recurrent = [gate_weights(units) for _ in range(4)]
    biases = []
    for tensor in weights:
        values = draw.random().integers(-3000, 3000, units)
        if dtype == "float32":
            biases.append(tensor_spec((units,), dtype, data=(values / 3000).astype(dtype)))
        else:
            kind = {"int8": "int32", "int16": "int64"}[dtype]
            scale = source.scale * tensor.scale
            biases.append(tensor_spec((units,), kind, scale, data=values.astype(kind)))
    output = quantized(tensor_spec, (*lead, units), dtype, hidden_scale, hidden_zero)
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
    spec = operator_spec("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (output,), table, options)
    check(spec, draw.samples(spec, INFERENCES), bound=FLOAT_LSTM_BOUND)
