"""The support tables say of every combination of types what TensorFlow Lite Micro does with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from drawn_layers.spec import OperatorSpec
from drawn_layers.spec import TensorSpec

from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.support.check import check_support
from pytest_tinyquant.support.runtimes import RUNTIMES


if TYPE_CHECKING:
    from tests.engine.conftest import Tflm
    from tests.engine.conftest import TflmError


SVDF = [
    ("float32", "float32", "float32", "float32", "float32"),
    ("float32", "float32", "float32", None, "float32"),
    ("float32", "int8", "int8", "int32", "int8"),
    ("int8", "int8", "int8", "int32", "int8"),
    ("int8", "int8", "int8", None, "int8"),
    ("int8", "int8", "int8", "int32", "int16"),
    ("int8", "int8", "int16", "int32", "int16"),
    ("int8", "int8", "int16", "int32", "int8"),
    ("int16", "int8", "int16", "int32", "int16"),
]
TRANSPOSE_CONV = [
    ("float32", "float32", "float32"),
    ("float32", "float32", None),
    ("float32", "int8", "float32"),
    ("int8", "int8", "int32"),
    ("int8", "int8", None),
    ("int16", "int8", "int64"),
    ("int16", "int8", "int32"),
    ("int16", "int8", "int16"),
    ("int16", "int8", None),
]


@pytest.fixture
def tensor(tensor_spec: type[TensorSpec]) -> Callable[..., TensorSpec | None]:
    """Return tensor(shape, dtype, scale): quantized unless it is float32, zeros if constant."""

    def make(
        shape: tuple[int, ...],
        dtype: str | None,
        scale: float,
        *,
        constant: bool = False,
        state: bool = False,
    ) -> TensorSpec | None:
        if dtype is None:
            return None
        quantized = None if dtype == "float32" else scale
        data = np.zeros(shape) if constant else None
        return tensor_spec(shape, dtype, quantized, data=data, state=state)

    return make


def agree(spec: OperatorSpec, tflm_error: type[TflmError], tflm: Tflm) -> None:
    sample = [np.zeros(t.shape, t.dtype) for t in spec.variable_inputs]
    try:
        tflm.run(spec.model(), [sample])
        runs = True
    except tflm_error:
        runs = False
    graph = read_graph(spec.model())
    accepted = {}
    for name, runtime in RUNTIMES.items():
        try:
            check_support(graph, runtime)
            accepted[name] = True
        except UnsupportedModelError:
            accepted[name] = False
    assert accepted["tflm"] == runs
    # The engine claims nothing that could not be compared.
    assert runs or not accepted["tinyquant"]


@pytest.mark.parametrize("types", SVDF, ids=str)
def test_svdf(
    types: tuple[str | None, ...],
    tensor: Callable[..., TensorSpec | None],
    operator_spec: type[OperatorSpec],
    tflm_error: type[TflmError],
    tflm: Tflm,
) -> None:
    source, features, times, bias, state = types
    inputs = (
        tensor((1, 3), source, 0.1),
        tensor((4, 3), features, 0.02, constant=True),
        tensor((4, 2), times, 0.02, constant=True),
        tensor((2,), bias, 0.0004, constant=True),
        tensor((1, 8), state, 0.02, state=True),
    )
    output = tensor((1, 2), source, 0.2)
    assert output is not None
    agree(operator_spec("SVDF", inputs, (output,), "SVDF", {"Rank": 2}), tflm_error, tflm)


@pytest.mark.parametrize("types", TRANSPOSE_CONV, ids=str)
def test_transpose_conv(
    types: tuple[str | None, ...],
    tensor: Callable[..., TensorSpec | None],
    tensor_spec: type[TensorSpec],
    operator_spec: type[OperatorSpec],
    tflm_error: type[TflmError],
    tflm: Tflm,
) -> None:
    source, weights, bias = types
    inputs = (
        tensor_spec((4,), "int32", data=np.array([1, 4, 4, 2])),
        tensor((2, 2, 2, 2), weights, 0.02, constant=True),
        tensor((1, 2, 2, 2), source, 0.1),
        tensor((2,), bias, 0.002, constant=True),
    )
    options = {"StrideH": 2, "StrideW": 2}
    output = tensor((1, 4, 4, 2), source, 0.2)
    assert output is not None
    spec = operator_spec("TRANSPOSE_CONV", inputs, (output,), "TransposeConv", options)
    agree(spec, tflm_error, tflm)


@pytest.mark.parametrize("source", ["float32", "int8", "int16"])
@pytest.mark.parametrize("cell", ["float32", "int8", "int16"])
def test_lstm(
    source: str,
    cell: str,
    tensor: Callable[..., TensorSpec | None],
    operator_spec: type[OperatorSpec],
    tflm_error: type[TflmError],
    tflm: Tflm,
) -> None:
    kind = "float32" if source == "float32" else "int8"
    bias = {"float32": "float32", "int8": "int32", "int16": "int64"}[source]

    def weights(columns: int) -> TensorSpec | None:
        return tensor((2, columns), kind, 0.01, constant=True)

    inputs = (
        tensor((1, 4, 3), source, 0.1),
        *(weights(3) for _ in range(4)),
        *(weights(2) for _ in range(4)),
        *[None] * 3,
        *(tensor((2,), bias, 0.001, constant=True) for _ in range(4)),
        *[None] * 2,
        tensor((1, 2), source, 2.0**-7, state=True),
        tensor((1, 2), cell, 2.0**-12, state=True),
        *[None] * 4,
    )
    output = tensor((1, 4, 2), source, 2.0**-7)
    table, options = "UnidirectionalSequenceLSTM", {"FusedActivationFunction": 4}
    assert output is not None
    spec = operator_spec("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (output,), table, options)
    agree(spec, tflm_error, tflm)
