"""Layers that only move data."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from drawn_layers.draw import Draw
from drawn_layers.draw import Layer
from drawn_layers.spec import OperatorSpec
from drawn_layers.spec import TensorSpec


def _indices(values: Sequence[int] | Sequence[Sequence[int]]) -> TensorSpec:
    """Return a constant int32 tensor."""
    array = np.asarray(values, dtype=np.int32)
    return TensorSpec(array.shape, "int32", data=array)


def _like(source: TensorSpec, shape: Sequence[int]) -> TensorSpec:
    """Return a tensor of another shape with the type and quantization of `source`."""
    return TensorSpec(tuple(shape), source.dtype, source.scale, source.zero_point)


def pad(draw: Draw, dtype: str) -> Layer:
    """Draw a PAD, which fills with the zero point."""
    source = draw.activation(draw.shape(2, 4, 4, 3), dtype)
    pads = [[draw.integer(0, 2), draw.integer(0, 2)] for _ in source.shape]
    shape = [sum(p) + size for p, size in zip(pads, source.shape, strict=True)]
    inputs = (source, _indices(pads))
    return draw.layer(OperatorSpec("PAD", inputs, (_like(source, shape),), "Pad", {}))


def padv2(draw: Draw, dtype: str) -> Layer:
    """Draw a PADV2, which fills with a number of the input's scale."""
    spec = pad(draw, dtype).spec
    source = spec.inputs[0]
    assert source is not None
    value = TensorSpec((1,), dtype, source.scale, source.zero_point)
    value = dataclasses.replace(value, data=draw.values((1,), dtype))
    return draw.layer(OperatorSpec("PADV2", (*spec.inputs, value), spec.outputs, "PadV2", {}))


def transpose(draw: Draw, dtype: str) -> Layer:
    shape = draw.shape(*[4] * draw.integer(2, 4))
    order = draw.permutation(len(shape))
    source = draw.activation(shape, dtype)
    output = _like(source, [shape[axis] for axis in order])
    inputs = (source, _indices(order))
    return draw.layer(OperatorSpec("TRANSPOSE", inputs, (output,), "Transpose", {}))


def strided_slice(draw: Draw, dtype: str) -> Layer:
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
    inputs = (source, *(_indices(values) for values in (begin, end, strides)))
    output = _like(source, kept)
    return draw.layer(OperatorSpec("STRIDED_SLICE", inputs, (output,), "StridedSlice", {}))


def concatenation(draw: Draw, dtype: str) -> Layer:
    shape = draw.shape(*[4] * draw.integer(1, 4))
    axis = draw.integer(0, len(shape) - 1)
    first = draw.activation(shape, dtype)
    sizes = [shape[axis], *(draw.integer(1, 4) for _ in range(draw.integer(0, 2)))]
    inputs = tuple(_like(first, (*shape[:axis], size, *shape[axis + 1 :])) for size in sizes)
    output = _like(first, (*shape[:axis], sum(sizes), *shape[axis + 1 :]))
    options = {"Axis": draw.choice([axis, axis - len(shape)])}
    return draw.layer(OperatorSpec("CONCATENATION", inputs, (output,), "Concatenation", options))


def split(draw: Draw, dtype: str) -> Layer:
    part_shape = draw.shape(*[4] * draw.integer(1, 4))
    axis = draw.integer(0, len(part_shape) - 1)
    count = draw.integer(1, 3)
    whole = [*part_shape]
    whole[axis] *= count
    source = draw.activation(tuple(whole), dtype)
    outputs = tuple(_like(source, part_shape) for _ in range(count))
    inputs = (_indices([axis]), source)
    return draw.layer(OperatorSpec("SPLIT", inputs, outputs, "Split", {"NumSplits": count}))


def pack(draw: Draw, dtype: str) -> Layer:
    part, whole, count, axis = _stack(draw, dtype)
    options = {"ValuesCount": count, "Axis": axis}
    return draw.layer(OperatorSpec("PACK", (part,) * count, (whole,), "Pack", options))


def unpack(draw: Draw, dtype: str) -> Layer:
    part, whole, count, axis = _stack(draw, dtype)
    options = {"Num": count, "Axis": axis}
    return draw.layer(OperatorSpec("UNPACK", (whole,), (part,) * count, "Unpack", options))


def _stack(draw: Draw, dtype: str) -> tuple[TensorSpec, TensorSpec, int, int]:
    """Return a part, `count` of them stacked along a new axis, the count and the axis."""
    shape = draw.shape(*[4] * draw.integer(1, 3))
    axis = draw.integer(0, len(shape))
    count = draw.integer(1, 3)
    part = draw.activation(shape, dtype)
    return part, _like(part, (*shape[:axis], count, *shape[axis:])), count, axis


def reshape(draw: Draw, dtype: str) -> Layer:
    height, width = draw.shape(9, 9)
    source = draw.activation((height, width), dtype)
    inputs = (source, _indices([width, height]))
    output = _like(source, (width, height))
    return draw.layer(
        OperatorSpec("RESHAPE", inputs, (output,), "Reshape", {"NewShape": [width, height]})
    )


def squeeze(draw: Draw, dtype: str) -> Layer:
    height, width = draw.shape(9, 9)
    source = draw.activation((1, height, 1, width), dtype)
    output = _like(source, (height, width))
    options = {"SqueezeDims": draw.choice([[0, 2], [-4, -2]])}
    return draw.layer(OperatorSpec("SQUEEZE", (source,), (output,), "Squeeze", options))


def expand_dims(draw: Draw, dtype: str) -> Layer:
    shape = draw.shape(5, 9)
    axis = draw.integer(0, 2)
    source = draw.activation(shape, dtype)
    output = _like(source, (*shape[:axis], 1, *shape[axis:]))
    inputs = (source, _indices([axis]))
    return draw.layer(OperatorSpec("EXPAND_DIMS", inputs, (output,), "ExpandDims", {}))
