"""Layers that reduce along axes, and products of matrices."""

from __future__ import annotations

import dataclasses

import numpy as np
from drawn_layers.draw import Draw
from drawn_layers.draw import Layer
from drawn_layers.spec import OperatorSpec
from drawn_layers.spec import TensorSpec


SAME, VALID = 0, 1


def _axes(values: list[int]) -> TensorSpec:
    return TensorSpec((len(values),), "int32", data=np.array(values))


def reduce(draw: Draw, dtype: str, *, op: str, same_scale: bool = False) -> Layer:
    """Draw a reduction over any axes, from the front or the back."""
    shape = draw.shape(3, 4, 4, 5)[draw.integer(0, 2) :]
    rank = len(shape)
    axes = sorted(draw.permutation(rank)[: draw.integer(1, rank)])
    keep = draw.choice([True, False])
    kept = [
        1 if axis in axes else size for axis, size in enumerate(shape) if keep or axis not in axes
    ]
    source = draw.activation(shape, dtype)
    output = draw.activation(tuple(kept), dtype, -7, 4)
    if same_scale:
        output = dataclasses.replace(source, shape=tuple(kept))
    listed = [draw.choice([axis, axis - rank]) for axis in axes]
    inputs = (source, _axes(listed))
    return draw.layer(OperatorSpec(op, inputs, (output,), "Reducer", {"KeepDims": keep}))


def arg(draw: Draw, dtype: str, *, op: str) -> Layer:
    """Draw an extreme that is there more than once in half of the samples."""
    shape = draw.shape(3, 4, 5)
    axis = draw.integer(0, 2)
    output = TensorSpec(tuple(np.delete(shape, axis).tolist()), "int32")
    inputs = (draw.activation(shape, dtype), _axes([draw.choice([axis, axis - 3])]))
    table = "ArgMax" if op == "ARG_MAX" else "ArgMin"
    spec = OperatorSpec(op, inputs, (output,), table, {"OutputType": 2})
    return draw.layer(spec)


def cumsum(draw: Draw, dtype: str) -> Layer:
    shape = draw.shape(3, 4, 5)
    axis = draw.integer(-3, 2)
    source, output = draw.activation(shape, dtype), draw.activation(shape, dtype, -7, 2)
    options = {"Exclusive": draw.choice([True, False]), "Reverse": draw.choice([True, False])}
    inputs = (source, _axes([axis]))
    return draw.layer(OperatorSpec("CUMSUM", inputs, (output,), "Cumsum", options))


def l2_pool(draw: Draw, dtype: str) -> Layer:
    batches, height, width, depth = draw.shape(2, 8, 8, 4)
    filters = draw.integer(1, height), draw.integer(1, width)
    strides = draw.shape(2, 2)
    padding = draw.choice([SAME, VALID])
    size = [
        -(-length // stride) if padding == SAME else (length - reach) // stride + 1
        for length, reach, stride in zip((height, width), filters, strides, strict=True)
    ]
    options = {
        "Padding": padding,
        "StrideH": strides[0],
        "StrideW": strides[1],
        "FilterHeight": filters[0],
        "FilterWidth": filters[1],
        "FusedActivationFunction": draw.choice([0, 1, 3]),
    }
    source = TensorSpec((batches, height, width, depth), dtype)
    output = TensorSpec((batches, *size, depth), dtype)
    return draw.layer(OperatorSpec("L2_POOL_2D", (source,), (output,), "Pool2D", options))


def batch_matmul(draw: Draw, dtype: str, *, constant: bool = False) -> Layer:
    """Draw batches that are broadcast and matrices that are transposed."""
    rows, columns, depth = draw.shape(5, 6, 20)
    batches = draw.shape(2, 3)[draw.integer(0, 2) :]
    left = tuple(draw.choice([size, 1]) for size in batches)
    right = tuple(draw.choice([size, 1]) for size in batches)
    lead = tuple(max(sizes) for sizes in zip(left, right, strict=True))
    adj_x, adj_y = draw.choice([True, False]), draw.choice([True, False])
    first = draw.activation((*left, *((depth, rows) if adj_x else (rows, depth))), dtype)
    shape = (*right, *((columns, depth) if adj_y else (depth, columns)))
    second = draw.activation(shape, dtype)
    if constant:
        second = dataclasses.replace(second, data=draw.values(shape, dtype))
    output = draw.activation((*lead, rows, columns), dtype, -5, 4)
    options = {"AdjX": adj_x, "AdjY": adj_y}
    spec = OperatorSpec("BATCH_MATMUL", (first, second), (output,), "BatchMatMul", options)
    return draw.layer(spec)
