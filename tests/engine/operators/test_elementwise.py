"""Element-wise operators, SOFTMAX and MEAN give TensorFlow Lite Micro's bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st


DTYPES = ["float32", "int8", "int16"]
FUSED = [0, 1, 3]  # NONE, RELU, RELU6

# Scale and zero point that these operators' outputs must have.
PROBABILITY = {"float32": (None, 0), "int8": (1 / 256, -128), "int16": (1 / 32768, 0)}
SYMMETRIC = {"float32": (None, 0), "int8": (1 / 128, 0), "int16": (1 / 32768, 0)}

# Where a libm other than TFLM's is at work, 1e-6 of the output's range is promised.
PROBABILITY_BOUND = 1e-6
TANH_BOUND = 2e-6


@pytest.mark.parametrize("op", ["ADD", "SUB", "MUL"])
@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_two_inputs_with_broadcasting(data, dtype, op, draw_from, operator_spec, check):
    draw = draw_from(data)
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
    spec = operator_spec(op, inputs, (output,), op.capitalize(), options)
    check(spec, draw.samples(spec), ulp=0)


@pytest.mark.parametrize("op", ["ADD", "MUL"])
@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_a_constant_operand(data, dtype, op, draw_from, operator_spec, tensor_spec, check):
    draw = draw_from(data)
    shape = draw.shape(2, 3, 4, 5)
    variable, constant = draw.activation(shape, dtype), draw.activation(shape[3:], dtype)
    constant = tensor_spec(
        constant.shape,
        dtype,
        constant.scale,
        constant.zero_point,
        data=draw.values(constant.shape, dtype),
    )
    output = draw.activation(shape, dtype)
    spec = operator_spec(op, (variable, constant), (output,), op.capitalize(), {})
    check(spec, draw.samples(spec), ulp=0)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_mean_over_height_and_width(data, dtype, draw_from, operator_spec, tensor_spec, check):
    draw = draw_from(data)
    batches, _, _, depth = shape = draw.shape(2, 12, 12, 6)
    source = draw.activation(shape, dtype)
    keep = draw.choice([True, False])
    output = draw.activation((batches, 1, 1, depth) if keep else (batches, depth), dtype)
    axes = tensor_spec((2,), "int32", data=np.array(draw.choice([[1, 2], [2, 1], [-3, -2]])))
    spec = operator_spec("MEAN", (source, axes), (output,), "Reducer", {"KeepDims": keep})
    check(spec, draw.samples(spec), ulp=0)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_softmax(data, dtype, draw_from, operator_spec, tensor_spec, check):
    draw = draw_from(data)
    shape = draw.shape(4, 60)
    low, high = {"float32": (-9, 0), "int8": (-12, 1), "int16": (-17, -7)}[dtype]
    source = draw.activation(shape, dtype, low, high)
    output = tensor_spec(shape, dtype, *PROBABILITY[dtype])
    options = {"Beta": draw.choice([1.0, 0.5, 2.0])}
    spec = operator_spec("SOFTMAX", (source,), (output,), "Softmax", options)
    check(spec, draw.samples(spec), bound=PROBABILITY_BOUND)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_softmax_of_many_short_rows(dtype, operator_spec, tensor_spec, check):
    shape = (4000, 3)
    source = tensor_spec(shape, dtype, {"int8": 0.03, "int16": 0.0001}[dtype])
    output = tensor_spec(shape, dtype, *PROBABILITY[dtype])
    spec = operator_spec("SOFTMAX", (source,), (output,), "Softmax", {"Beta": 1.0})
    limits = np.iinfo(dtype)
    values = np.random.default_rng(1).integers(limits.min, limits.max + 1, shape)
    check(spec, [[values.astype(dtype)]])


@pytest.mark.parametrize("op", ["LOGISTIC", "TANH"])
@given(data=st.data())
def test_float_sigmoids(data, op, draw_from, operator_spec, tensor_spec, check):
    draw = draw_from(data)
    tensor = tensor_spec(draw.shape(3, 50), "float32")
    spec = operator_spec(op, (tensor,), (tensor,))
    bound = PROBABILITY_BOUND if op == "LOGISTIC" else TANH_BOUND
    check(spec, draw.samples(spec), bound=bound)


@pytest.mark.parametrize("op", ["LOGISTIC", "TANH"])
@given(data=st.data())
def test_int8_sigmoids_for_every_input(data, op, draw_from, operator_spec, tensor_spec, check):
    draw = draw_from(data)
    every = np.arange(-128, 128, dtype=np.int8)
    source = draw.activation(every.shape, "int8", -10, 2)
    output = (PROBABILITY if op == "LOGISTIC" else SYMMETRIC)["int8"]
    spec = operator_spec(op, (source,), (tensor_spec(every.shape, "int8", *output),))
    check(spec, [[every]])


@pytest.mark.parametrize("op", ["LOGISTIC", "TANH"])
@given(data=st.data())
def test_int16_sigmoids_for_every_input(data, op, draw_from, operator_spec, tensor_spec, check):
    draw = draw_from(data)
    every = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
    scale = draw.choice([2.0**-13, 2.0**-12, 2.0**-11, draw.scale(-17, -2)])
    source = tensor_spec(every.shape, "int16", scale)
    output = tensor_spec(every.shape, "int16", *SYMMETRIC["int16"])
    spec = operator_spec(op, (source,), (output,))
    check(spec, [[every]])


@pytest.mark.parametrize("op", ["RELU", "RELU6"])
@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_relu(data, dtype, op, draw_from, operator_spec, check):
    draw = draw_from(data)
    shape = draw.shape(3, 50)
    source, output = draw.activation(shape, dtype), draw.activation(shape, dtype)
    spec = operator_spec(op, (source,), (output,))
    check(spec, draw.samples(spec), ulp=0)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_leaky_relu(data, dtype, draw_from, operator_spec, check):
    draw = draw_from(data)
    shape = draw.shape(3, 50)
    source, output = draw.activation(shape, dtype), draw.activation(shape, dtype)
    options = {"Alpha": draw.choice([0.0, 0.01, 0.1, 0.3, 1.5])}
    spec = operator_spec("LEAKY_RELU", (source,), (output,), "LeakyRelu", options)
    check(spec, draw.samples(spec), ulp=0)


@pytest.mark.parametrize("source_dtype", ["int8", "int16"])
@pytest.mark.parametrize("output_dtype", ["int8", "int16"])
@given(data=st.data())
def test_quantize_between_integers(
    data, source_dtype, output_dtype, draw_from, operator_spec, check
):
    draw = draw_from(data)
    shape = draw.shape(3, 50)
    source, output = draw.activation(shape, source_dtype), draw.activation(shape, output_dtype)
    spec = operator_spec("QUANTIZE", (source,), (output,), "Quantize", {})
    check(spec, draw.samples(spec))


@pytest.mark.parametrize("bits", range(1, 7))
def test_requantization_rounds_ties_as_tflm_for_every_input(
    bits, operator_spec, tensor_spec, check
):
    every = np.arange(-128, 128, dtype=np.int8)
    source = tensor_spec(every.shape, "int8", 2.0**-9)
    output = tensor_spec(every.shape, "int8", 2.0 ** (bits - 9))
    spec = operator_spec("QUANTIZE", (source,), (output,), "Quantize", {})
    check(spec, [[every]])


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@given(data=st.data())
def test_quantize_from_float_rounds_ties_away_from_zero(
    data, dtype, draw_from, operator_spec, tensor_spec, check
):
    draw = draw_from(data)
    output = draw.activation((300,), dtype)
    steps = np.arange(-150, 150, dtype=np.float32) + np.float32(0.5)
    ties = steps * np.float32(output.scale)
    beside = np.nextafter(ties, np.float32(draw.choice([-1e9, 1e9])))
    anywhere = draw.random().uniform(-70_000, 70_000, 300).astype(np.float32) * output.scale
    spec = operator_spec(
        "QUANTIZE", (tensor_spec(output.shape, "float32"),), (output,), "Quantize", {}
    )
    check(spec, [[ties], [beside], [anywhere.astype(np.float32)]])


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@given(data=st.data())
def test_dequantize(data, dtype, draw_from, operator_spec, tensor_spec, check):
    draw = draw_from(data)
    source = draw.activation(draw.shape(3, 50), dtype)
    output = tensor_spec(source.shape, "float32")
    spec = operator_spec("DEQUANTIZE", (source,), (output,), "Dequantize", {})
    check(spec, draw.samples(spec), ulp=0)


@pytest.mark.parametrize("op", ["ADD", "SUB"])
@given(data=st.data())
def test_int16_sums_of_many_elements(data, op, draw_from, operator_spec, check):
    # One result in ten thousand tells factors taken in float32 from those taken in double.
    draw = draw_from(data)
    inputs = tuple(draw.activation((1, 10_000), "int16") for _ in range(2))
    output = draw.activation((1, 10_000), "int16")
    spec = operator_spec(op, inputs, (output,), op.capitalize(), {})
    check(spec, draw.samples(spec))
