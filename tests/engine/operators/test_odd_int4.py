"""int4 weights whose number is odd, of a row or of all: TensorFlow Lite Micro's bytes.

The weights of a tensor follow each other without gaps, two to a byte, so every second row of an odd
length starts in the upper half of a byte; the last byte of an odd number holds one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from drawn_layers.draw import Layer
from drawn_layers.spec import OperatorSpec
from drawn_layers.spec import TensorSpec


#: Operator, channels and size of its input, outputs. The last two have an odd number of weights.
CASES = (
    ("FULLY_CONNECTED", 7, 1, 4),
    ("CONV_2D", 3, 5, 4),
    ("DEPTHWISE_CONV_2D", 5, 4, 5),
    ("FULLY_CONNECTED", 1, 1, 1),
    ("FULLY_CONNECTED", 9, 1, 5),
    ("CONV_2D", 1, 4, 1),
    ("CONV_2D", 5, 5, 3),
    ("DEPTHWISE_CONV_2D", 3, 5, 3),
)


@pytest.mark.parametrize(("op", "channels", "size", "outputs"), CASES)
def test_an_odd_number_of_int4_weights(
    op: str,
    channels: int,
    size: int,
    outputs: int,
    operator_spec: type[OperatorSpec],
    tensor_spec: type[TensorSpec],
    check: Callable[[Layer], None],
) -> None:
    rng = np.random.default_rng(channels)
    shape = {
        "FULLY_CONNECTED": (outputs, channels),
        "CONV_2D": (outputs, 3, 3, channels),
        "DEPTHWISE_CONV_2D": (1, 3, 3, outputs),
    }[op]
    dense = op == "FULLY_CONNECTED"
    assert (shape[-1] if op != "CONV_2D" else 9 * channels) % 2 == 1
    sides = () if dense else (size, size)
    scales = [0.125] if dense else [float(s) for s in rng.uniform(0.05, 0.2, outputs)]
    axis = 3 if op == "DEPTHWISE_CONV_2D" else 0
    values = rng.permutation(np.arange(np.prod(shape)) % 16 - 8).reshape(shape)
    weights = tensor_spec(shape, "int4", scales, axis=axis, data=values)
    drawn = rng.integers(-500, 500, outputs).astype(np.int32)
    bias = tensor_spec((outputs,), "int32", [0.05 * scale for scale in scales], data=drawn)
    source = tensor_spec((1, *sides, channels), "int8", 0.05, -3)
    output = tensor_spec((1, *sides, outputs), "int8", 0.1, 2)
    window = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    table, options = {
        "FULLY_CONNECTED": ("FullyConnected", {}),
        "CONV_2D": ("Conv2D", window),
        "DEPTHWISE_CONV_2D": ("DepthwiseConv2D", {**window, "DepthMultiplier": 1}),
    }[op]
    spec = operator_spec(op, (source, weights, bias), (output,), table, options)
    samples = [[rng.integers(-128, 128, source.shape).astype(np.int8)] for _ in range(4)]
    check(Layer(spec, samples))
