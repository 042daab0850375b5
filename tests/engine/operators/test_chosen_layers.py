"""Layers that are unlikely to be drawn give TensorFlow Lite Micro's bytes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from drawn_layers.draw import Layer
from drawn_layers.elementwise import PROBABILITY
from drawn_layers.spec import OperatorSpec
from drawn_layers.spec import TensorSpec

from pytest_tinyquant.engine import fixed_point
from pytest_tinyquant.engine.quantization import quantize_multiplier


@pytest.mark.parametrize("has_bias", [True, False])
def test_fully_connected_takes_its_factor_in_double_precision(
    has_bias: bool,
    operator_spec: type[OperatorSpec],
    tensor_spec: type[TensorSpec],
    check: Callable[[Layer], None],
) -> None:
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
    check(Layer(spec, [[np.full((1, depth), 127, np.int8)]]))


def scaled(value: int, factor: float) -> int:
    return fixed_point.multiply(value, quantize_multiplier(factor))


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_softmax_of_many_short_rows(
    dtype: str,
    operator_spec: type[OperatorSpec],
    tensor_spec: type[TensorSpec],
    check: Callable[[Layer], None],
) -> None:
    shape = (4000, 3)
    source = tensor_spec(shape, dtype, {"int8": 0.03, "int16": 0.0001}[dtype])
    output = tensor_spec(shape, dtype, *PROBABILITY[dtype])
    spec = operator_spec("SOFTMAX", (source,), (output,), "Softmax", {"Beta": 1.0})
    limits = np.iinfo(dtype)
    values = np.random.default_rng(1).integers(limits.min, limits.max + 1, shape)
    check(Layer(spec, [[values.astype(dtype)]]))


@pytest.mark.parametrize("bits", range(1, 7))
def test_requantization_rounds_ties_as_tflm_for_every_input(
    bits: int,
    operator_spec: type[OperatorSpec],
    tensor_spec: type[TensorSpec],
    check: Callable[[Layer], None],
) -> None:
    every = np.arange(-128, 128, dtype=np.int8)
    source = tensor_spec(every.shape, "int8", 2.0**-9)
    output = tensor_spec(every.shape, "int8", 2.0 ** (bits - 9))
    spec = operator_spec("QUANTIZE", (source,), (output,), "Quantize", {})
    check(Layer(spec, [[every]]))


# Taken in float32, both factors would be others.
@pytest.mark.parametrize("scales", [(0.23642925918102264, 0.05189617723226547), (0.0113, 0.0051)])
def test_leaky_relu_takes_its_factors_in_double_precision(
    scales: tuple[float, float],
    operator_spec: type[OperatorSpec],
    tensor_spec: type[TensorSpec],
    check: Callable[[Layer], None],
) -> None:
    every = np.arange(-32768, 32768).astype(np.int16)
    source, output = (tensor_spec(every.shape, "int16", scale) for scale in scales)
    spec = operator_spec("LEAKY_RELU", (source,), (output,), "LeakyRelu", {"Alpha": 0.3})
    check(Layer(spec, [[every]]))


def test_lstm_takes_the_factors_of_its_gates_in_double_precision(
    operator_spec: type[OperatorSpec], tensor_spec: type[TensorSpec], check: Callable[[Layer], None]
) -> None:
    """One unit that sees every fifth number; the factors' 16 bits would be others in float32."""
    every = np.arange(-32768, 32768, 5).astype(np.int16).reshape(-1, 1, 1)
    batches = len(every)
    source = tensor_spec(every.shape, "int16", 0.0003123449860140681)
    weights = [
        tensor_spec((1, 1), "int8", scale, data=np.array([[127]]))
        for scale in (
            0.009870395995676517,
            0.0073862578719854355,
            0.008944947272539139,
            0.010621041990816593,
        )
    ]
    recurrent = [tensor_spec((1, 1), "int8", 0.01, data=np.array([[1]]))] * 4
    biases = [
        tensor_spec((1,), "int64", source.one_scale * gate.one_scale, data=np.array([0]))
        for gate in weights
    ]
    hidden = tensor_spec((batches, 1), "int16", 2.0**-15, state=True)
    cell = tensor_spec((batches, 1), "int16", 2.0**-12, state=True)
    inputs = (
        source, *weights, *recurrent, None, None, None, *biases, None, None,
        hidden, cell, None, None, None, None,
    )  # fmt: skip
    output = tensor_spec(every.shape, "int16", 2.0**-15)
    options = {"FusedActivationFunction": 4}
    table = "UnidirectionalSequenceLSTM"
    spec = operator_spec("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (output,), table, options)
    check(Layer(spec, [[every]]))
