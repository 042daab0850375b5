"""Operators that only move data give TensorFlow Lite Micro's bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st


DTYPES = ["float32", "int8", "int16"]


def indices(tensor_spec, values):
    """Return a constant int32 tensor."""
    array = np.asarray(values, dtype=np.int32)
    return tensor_spec(array.shape, "int32", data=array)


def like(tensor_spec, source, shape):
    """Return a tensor of another shape with the type and quantization of `source`."""
    return tensor_spec(tuple(shape), source.dtype, source.scale, source.zero_point)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_pad_fills_with_the_zero_point(data, dtype, draw_from, operator_spec, tensor_spec, check):
    draw = draw_from(data)
    source = draw.activation(draw.shape(2, 4, 4, 3), dtype)
    pads = [[draw.integer(0, 2), draw.integer(0, 2)] for _ in source.shape]
    shape = [sum(p) + size for p, size in zip(pads, source.shape, strict=True)]
    inputs = (source, indices(tensor_spec, pads))
    spec = operator_spec("PAD", inputs, (like(tensor_spec, source, shape),), "Pad", {})
    check(spec, draw.samples(spec), ulp=0)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_transpose(data, dtype, draw_from, operator_spec, tensor_spec, check):
    draw = draw_from(data)
    shape = draw.shape(*[4] * draw.integer(2, 4))
    order = data.draw(st.permutations(range(len(shape))))
    source = draw.activation(shape, dtype)
    output = like(tensor_spec, source, [shape[axis] for axis in order])
    inputs = (source, indices(tensor_spec, order))
    spec = operator_spec("TRANSPOSE", inputs, (output,), "Transpose", {})
    check(spec, draw.samples(spec), ulp=0)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_strided_slice(data, dtype, draw_from, operator_spec, tensor_spec, check):
    draw = draw_from(data)
    shape = draw.shape(*[5] * draw.integer(1, 4))
    begin, end, strides, kept = [], [], [], []
    for size in shape:
        first, last = sorted((draw.integer(0, size - 1), draw.integer(0, size - 1)))
        stride = draw.integer(1, 2)
        begin.append(first)
        end.append(last + 1)
        strides.append(stride)
        kept.append(len(range(first, last + 1, stride)))
    source = draw.activation(shape, dtype)
    inputs = (source, *(indices(tensor_spec, values) for values in (begin, end, strides)))
    output = like(tensor_spec, source, kept)
    spec = operator_spec("STRIDED_SLICE", inputs, (output,), "StridedSlice", {})
    check(spec, draw.samples(spec), ulp=0)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_concatenation(data, dtype, draw_from, operator_spec, tensor_spec, check):
    draw = draw_from(data)
    shape = draw.shape(*[4] * draw.integer(1, 4))
    axis = draw.integer(0, len(shape) - 1)
    first = draw.activation(shape, dtype)
    sizes = [shape[axis], *(draw.integer(1, 4) for _ in range(draw.integer(0, 2)))]
    inputs = tuple(
        like(tensor_spec, first, (*shape[:axis], size, *shape[axis + 1 :])) for size in sizes
    )
    output = like(tensor_spec, first, (*shape[:axis], sum(sizes), *shape[axis + 1 :]))
    options = {"Axis": draw.choice([axis, axis - len(shape)])}
    spec = operator_spec("CONCATENATION", inputs, (output,), "Concatenation", options)
    check(spec, draw.samples(spec), ulp=0)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_split(data, dtype, draw_from, operator_spec, tensor_spec, check):
    draw = draw_from(data)
    part_shape = draw.shape(*[4] * draw.integer(1, 4))
    axis = draw.integer(0, len(part_shape) - 1)
    count = draw.integer(1, 3)
    whole = [*part_shape]
    whole[axis] *= count
    source = draw.activation(tuple(whole), dtype)
    outputs = tuple(like(tensor_spec, source, part_shape) for _ in range(count))
    inputs = (indices(tensor_spec, [axis]), source)
    spec = operator_spec("SPLIT", inputs, outputs, "Split", {"NumSplits": count})
    check(spec, draw.samples(spec), ulp=0)


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@given(data=st.data())
def test_pack_and_unpack(data, dtype, draw_from, operator_spec, tensor_spec, check):
    draw = draw_from(data)
    shape = draw.shape(*[4] * draw.integer(1, 3))
    axis = draw.integer(0, len(shape))
    count = draw.integer(1, 3)
    part = draw.activation(shape, dtype)
    whole = like(tensor_spec, part, (*shape[:axis], count, *shape[axis:]))
    options = {"ValuesCount": count, "Axis": axis}
    pack = operator_spec("PACK", (part,) * count, (whole,), "Pack", options)
    check(pack, draw.samples(pack), ulp=0)
    options = {"Num": count, "Axis": axis}
    unpack = operator_spec("UNPACK", (whole,), (part,) * count, "Unpack", options)
    check(unpack, draw.samples(unpack), ulp=0)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_reshape(data, dtype, draw_from, operator_spec, tensor_spec, check):
    draw = draw_from(data)
    height, width = draw.shape(9, 9)
    source = draw.activation((height, width), dtype)
    inputs = (source, indices(tensor_spec, [width, height]))
    output = like(tensor_spec, source, (width, height))
    spec = operator_spec("RESHAPE", inputs, (output,), "Reshape", {"NewShape": [width, height]})
    check(spec, draw.samples(spec), ulp=0)
