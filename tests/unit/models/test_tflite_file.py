"""The scheme of a .tflite file, read from its tensors."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_builder import ModelBuilder

from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Quantization
from pytest_tinyquant.models.graph import Tensor
from pytest_tinyquant.models.tflite_file import scheme_of_graph
from pytest_tinyquant.models.tflite_file import scheme_of_tflite
from pytest_tinyquant.models.tflite_reader import read_graph


def graph(*tensors: Tensor) -> Graph:
    """Return a graph whose first tensor is the input and whose last is the output."""
    return Graph(tensors, (), (0,), (len(tensors) - 1,))


def tensor(dtype: str, data: bytes | None = None) -> Tensor:
    scale = None if dtype.startswith("float") else Quantization((0.5,), (0,), 0)
    return Tensor(0, "t", (1, 4), dtype, scale, data)


@pytest.mark.parametrize(
    ("scheme", "dtypes", "weights"),
    [
        ("basic", ["float32", "float32"], "float32"),
        ("dynamic", ["float32", "float32"], "int8"),
        ("float16", ["float32", "float32"], "float16"),
        ("int8", ["float32", "int8", "float32"], "int8"),
        ("int8", ["int8", "int8", "float32"], "int8"),
        ("int8-only", ["int8", "int8"], "int8"),
        ("16x8", ["float32", "int16", "float32"], "int8"),
        ("16x8-only", ["int16", "int16"], "int8"),
    ],
)
def test_the_scheme_of_a_tflite_file_is_read_from_its_tensors(
    scheme: str, dtypes: list[str], weights: str
) -> None:
    first, *rest = (tensor(dtype) for dtype in dtypes)

    assert scheme_of_graph(graph(first, tensor(weights, b"1234"), *rest)) == scheme


def test_a_corrupt_tflite_file_is_a_model_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "broken.tflite"
    path.touch()
    with pytest.raises(ModelError, match=r"broken\.tflite"):
        scheme_of_tflite(path)


def test_what_a_model_remembers_does_not_decide_its_scheme(builder: ModelBuilder) -> None:
    """An int8 LSTM has an int16 cell state."""
    source, result = (builder.tensor((1, 4), "int8", scale=0.1) for _ in range(2))
    builder.tensor((1, 4), "int16", scale=0.1, variable=True)
    builder.operator("TANH", [source], [result])
    assert scheme_of_graph(read_graph(builder.build([source], [result]))) == "int8-only"


def test_integers_outside_and_floats_inside_are_int8(builder: ModelBuilder) -> None:
    source, result = (builder.tensor((1, 4), "int8", scale=0.1) for _ in range(2))
    real, other = (builder.tensor((1, 4)) for _ in range(2))
    builder.operator("DEQUANTIZE", [source], [real])
    builder.operator("TANH", [real], [other])
    builder.operator("QUANTIZE", [other], [result])
    assert scheme_of_graph(read_graph(builder.build([source], [result]))) == "int8"


def test_what_is_only_stored_as_int16_makes_no_16x8_model() -> None:
    """A dense int8 layer whose output is stored as int16 and back."""
    builder = ModelBuilder()
    source, middle, last = (builder.tensor((1, 4), "int8", scale=0.1) for _ in range(3))
    wide = builder.tensor((1, 4), "int16", scale=0.001)
    builder.operator("RELU", [source], [middle])
    builder.operator("QUANTIZE", [middle], [wide])
    builder.operator("QUANTIZE", [wide], [last])
    assert scheme_of_graph(read_graph(builder.build([source], [last]))) == "int8-only"


def test_a_model_that_only_stores_otherwise_is_named_by_what_it_stores() -> None:
    builder = ModelBuilder()
    source = builder.tensor((1, 4), "int8", scale=0.1)
    wide = builder.tensor((1, 4), "int16", scale=0.001)
    builder.operator("QUANTIZE", [source], [wide])
    assert scheme_of_graph(read_graph(builder.build([source], [wide]))) == "16x8-only"
