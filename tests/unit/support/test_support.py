"""What each runtime runs, decided from the file, and TFLM's own opinion of the same."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from controlled_models import streaming
from model_builder import ModelBuilder

from pytest_tinyquant.engine.lowering import LOWERINGS
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.errors import VacuousSchemeError
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.support.check import check_not_vacuous
from pytest_tinyquant.support.check import check_sequence
from pytest_tinyquant.support.check import check_support
from pytest_tinyquant.support.custom import ENGINE
from pytest_tinyquant.support.runtimes import RUNTIMES
from pytest_tinyquant.support.tables import TINYQUANT


def _supported(model: bytes, runtime: str) -> bool:
    try:
        check_support(read_graph(model), RUNTIMES[runtime])
    except UnsupportedModelError:
        return False
    return True


@pytest.mark.parametrize("runtime", ["tflm", "tinyquant"])
def test_integer_and_float_models_are_supported(
    runtime: str, int8_cnn: bytes, float_cnn: bytes
) -> None:
    assert _supported(int8_cnn, runtime)
    assert _supported(float_cnn, runtime)


def _float16(builder: Any) -> bytes:
    half = builder.tensor((2, 3), "float16", data=np.ones((2, 3)))
    weights, source, output = (builder.tensor(s) for s in ((2, 3), (1, 3), (1, 2)))
    builder.operator("DEQUANTIZE", [half], [weights])
    builder.operator("FULLY_CONNECTED", [source, weights], [output])
    return bytes(builder.build([source], [output]))


def test_the_message_names_operator_types_and_source(builder: Any) -> None:
    with pytest.raises(UnsupportedModelError) as caught:
        check_support(read_graph(_float16(builder)), RUNTIMES["tflm"])
    assert str(caught.value) == (
        "TensorFlow Lite Micro cannot run dequantize[0]: DEQUANTIZE accepts int8, "
        "int16, uint8 input; this one is float16 (according to its kernels' own checks, measured "
        "with the tflite-micro package). Convert the model with another scheme, or choose a board "
        "with another runtime."
    )
    assert (caught.value.op, caught.value.dtype) == ("DEQUANTIZE", "float16")


@pytest.mark.parametrize("runtime", ["tflm", "tinyquant"])
@pytest.mark.parametrize("op", ["FULLY_CONNECTED", "CONV_2D"])
def test_hybrid_layers_are_not_supported(builder: Any, runtime: str, op: str) -> None:
    shapes = {"FULLY_CONNECTED": ((1, 3), (2, 3), (1, 2))}
    conv = ((1, 1, 1, 3), (2, 1, 1, 3), (1, 1, 1, 2))
    source_shape, weights_shape, output_shape = shapes.get(op, conv)
    source, output = builder.tensor(source_shape), builder.tensor(output_shape)
    weights = builder.tensor(weights_shape, "int8", scale=0.1, data=np.ones(weights_shape))
    ones = dict.fromkeys(("stride_w", "stride_h", "dilation_w_factor", "dilation_h_factor"), 1)
    builder.operator(op, [source, weights], [output], **(ones if op == "CONV_2D" else {}))
    with pytest.raises(UnsupportedModelError) as caught:
        check_support(read_graph(builder.build([source], [output])), RUNTIMES[runtime])
    assert (caught.value.op, caught.value.dtype) == (op, "float32 x int8")


def test_an_operator_the_runtime_lacks(builder: Any) -> None:
    a, b = builder.tensor((1, 4)), builder.tensor((1, 4))
    builder.operator("COMPLEX_ABS", [a], [b])
    model = builder.build([a], [b])
    for runtime, title in (("tflm", "TensorFlow Lite Micro"), ("tinyquant", "tinyquant's engine")):
        message = rf"{title} lacks complex_abs\[0\]: it has no operator COMPLEX_ABS"
        with pytest.raises(UnsupportedModelError, match=message):
            check_support(read_graph(model), RUNTIMES[runtime])


def test_a_refusal_says_what_to_build_instead(builder: Any) -> None:
    """Keras' UpSampling2D becomes TILE, which TensorFlow Lite Micro lacks."""
    a, b = builder.tensor((1, 4)), builder.tensor((1, 8))
    builder.operator("TILE", [a, builder.tensor((2,), "int32", data=[1, 2])], [b])
    with pytest.raises(UnsupportedModelError, match=r"take keras\.layers\.Resizing"):
        check_support(read_graph(builder.build([a], [b])), RUNTIMES["tflm"])


def test_the_engine_is_asked_for_what_no_table_says(builder: Any) -> None:
    source, output = (builder.tensor(s, "int8", scale=0.1) for s in ((1, 3), (1, 2)))
    weights = builder.tensor((2, 3), "int8", scale=0.1, zero_point=1, data=np.ones((2, 3)))
    builder.operator("FULLY_CONNECTED", [source, weights], [output])
    model = builder.build([source], [output])
    with pytest.raises(UnsupportedModelError, match="zero point other than 0"):
        check_support(read_graph(model), RUNTIMES["tinyquant"])


@pytest.mark.parametrize("steps", [0, 4])
def test_a_sequence_is_for_models_that_remember(
    steps: int, builder: Any, float_cnn: bytes, int8_cnn: bytes
) -> None:
    for model in (float_cnn, int8_cnn):
        check_sequence(read_graph(model), 1)
        with pytest.raises(ConfigurationError, match=r"'sequence'.*Remove the key"):
            check_sequence(read_graph(model), steps)
    source, output = (builder.tensor((1, 4), "int16") for _ in range(2))
    builder.custom("SignalDelay", [source], [output], delay_length=2)
    check_sequence(read_graph(builder.build([source], [output])), steps)
    for remembering in (streaming(np.zeros((1, 3, 3))), _svdf()):
        check_sequence(read_graph(remembering), steps)


def _svdf() -> bytes:
    builder = ModelBuilder()
    shapes = {"source": (1, 3), "features": (2, 3), "times": (2, 2), "output": (1, 2)}
    source, features, times, output = (
        builder.tensor(shape, data=np.ones(shape) if name in ("features", "times") else None)
        for name, shape in shapes.items()
    )
    state = builder.tensor((1, 4), variable=True)
    inputs = [source, features, times, -1, state]
    builder.operator("SVDF", inputs, [output], rank=1)
    return builder.build([source], [output])


def test_the_engines_table_lists_what_it_lowers() -> None:
    assert sorted([*TINYQUANT, *ENGINE]) == sorted(LOWERINGS)


def test_a_scheme_that_changes_nothing_is_vacuous(
    builder: Any, float_cnn: bytes, int8_cnn: bytes
) -> None:
    # The float model has an int32 shape constant, which does not count.
    with pytest.raises(VacuousSchemeError, match="scheme 'dynamic' quantized nothing"):
        check_not_vacuous(read_graph(float_cnn), SCHEMES["dynamic"])
    check_not_vacuous(read_graph(float_cnn), SCHEMES["basic"])
    check_not_vacuous(read_graph(int8_cnn), SCHEMES["int8"])
    check_not_vacuous(read_graph(_float16(builder)), SCHEMES["float16"])


def test_a_scheme_of_integers_leaves_no_operator_in_float(builder: Any, int8_cnn: bytes) -> None:
    source, output = (builder.tensor((1, 4), "int8", scale=0.1) for _ in range(2))
    real, result = (builder.tensor((1, 4)) for _ in range(2))
    builder.operator("DEQUANTIZE", [source], [real])
    builder.operator("TANH", [real], [result])
    builder.operator("QUANTIZE", [result], [output])
    graph = read_graph(builder.build([source], [output]))
    with pytest.raises(VacuousSchemeError) as caught:
        check_not_vacuous(graph, SCHEMES["int8-only"])
    assert str(caught.value).startswith(
        "scheme 'int8-only' left 3 of 3 operators in float32: dequantize[0], tanh[1], quantize[2]. "
    )
    assert "or take 'int8', which allows them" in str(caught.value)
    check_not_vacuous(graph, SCHEMES["int8"])
    check_not_vacuous(read_graph(int8_cnn), SCHEMES["int8-only"])


_DTYPES = ("float32", "int8", "int16", "uint8", "int32", "int64", "float16", "bool")
_UNARY = ("LOGISTIC", "TANH", "RELU", "RELU6", "LEAKY_RELU", "SOFTMAX", "RESHAPE", "DEQUANTIZE")


def _one_operator(builder: Any, op: str, dtype: str) -> bytes:
    """A model of one operator with the quantization its outputs must have."""
    quantized = dtype in {"int8", "int16", "uint8"}
    scale = {"scale": 0.1} if quantized else {}
    fixed = {
        ("SOFTMAX", "int8"): (1 / 256, -128),
        ("SOFTMAX", "int16"): (1 / 32768, 0),
        ("LOGISTIC", "int8"): (1 / 256, -128),
        ("LOGISTIC", "int16"): (1 / 32768, 0),
        ("TANH", "int8"): (1 / 128, 0),
        ("TANH", "int16"): (1 / 32768, 0),
    }.get((op, dtype))
    out = {"scale": fixed[0], "zero_point": fixed[1]} if fixed else scale
    source = builder.tensor((1, 4), dtype, **scale)
    output_dtype = "float32" if op == "DEQUANTIZE" else dtype
    output = builder.tensor((1, 4), output_dtype, **out)
    inputs = [source]
    if op in {"ADD", "SUB", "MUL"}:
        inputs.append(builder.tensor((1, 4), dtype, **scale))
    options = {"SOFTMAX": {"beta": 1.0}, "LEAKY_RELU": {"alpha": 0.1}}.get(op, {})
    builder.operator(op, inputs, [output], **options)
    return bytes(builder.build(inputs, [output]))


def _runs_on_tflm(model: bytes, status_of: Callable[[int], int]) -> bool:
    """Let the real TFLM allocate and invoke a model, in a child process since it may abort."""
    from tflite_micro.python.tflite_micro import runtime

    child = os.fork()
    if child == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            runtime.Interpreter.from_bytes(model, arena_size=1 << 16).invoke()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return status_of(child) == 0


@pytest.mark.parametrize("op", [*_UNARY, "ADD", "SUB", "MUL"])
@pytest.mark.parametrize("dtype", _DTYPES)
def test_tflm_agrees_with_its_table(
    builder: Any, status_of: Callable[[int], int], op: str, dtype: str
) -> None:
    model = _one_operator(builder, op, dtype)
    assert _supported(model, "tflm") == _runs_on_tflm(model, status_of)
