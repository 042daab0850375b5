"""Layers that move data by strides, tables and indices."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from drawn_layers.draw import Draw
from drawn_layers.draw import Layer
from drawn_layers.spec import OperatorSpec
from drawn_layers.spec import TensorSpec


def indices(values: Sequence[int] | Sequence[Sequence[int]] | np.ndarray) -> TensorSpec:
    """Return a constant int32 tensor."""
    array = np.asarray(values, dtype=np.int32)
    return TensorSpec(array.shape, "int32", data=array)


def _like(source: TensorSpec, shape: Sequence[int]) -> TensorSpec:
    return dataclasses.replace(source, shape=tuple(shape), data=None)


def split_v(draw: Draw, dtype: str) -> Layer:
    """Draw parts of any sizes; in half of the layers one size is left open."""
    shape = list(draw.shape(*[4] * draw.integer(1, 4)))
    axis = draw.integer(0, len(shape) - 1)
    sizes = [draw.integer(1, 4) for _ in range(draw.integer(1, 3))]
    shape[axis] = sum(sizes)
    source = draw.activation(tuple(shape), dtype)
    outputs = tuple(_like(source, [*shape[:axis], n, *shape[axis + 1 :]]) for n in sizes)
    listed = list(sizes)
    if draw.integer(0, 1):
        listed[draw.integer(0, len(sizes) - 1)] = -1
    inputs = (source, indices(listed), indices(draw.choice([axis, axis - len(shape)])))
    return draw.layer(OperatorSpec("SPLIT_V", inputs, outputs, "SplitV", {"NumSplits": len(sizes)}))


def slice_(draw: Draw, dtype: str) -> Layer:
    shape = draw.shape(*[5] * draw.integer(1, 5))
    begin = [draw.integer(0, size - 1) for size in shape]
    sizes = [draw.integer(1, size - first) for size, first in zip(shape, begin, strict=True)]
    listed = list(sizes)
    axis = draw.integer(0, len(shape) - 1)
    if begin[axis] + sizes[axis] == shape[axis]:
        listed[axis] = -1
    source = draw.activation(shape, dtype)
    inputs = (source, indices(begin), indices(listed))
    return draw.layer(OperatorSpec("SLICE", inputs, (_like(source, sizes),), "Slice", {}))


def reverse(draw: Draw, dtype: str) -> Layer:
    """Draw one axis or neighbouring ones, which is what TensorFlow Lite Micro takes."""
    shape = draw.shape(*[4] * draw.integer(1, 4))
    first = draw.integer(0, len(shape) - 1)
    last = draw.integer(first, len(shape) - 1)
    source = draw.activation(shape, dtype)
    inputs = (source, indices([*range(first, last + 1)]))
    return draw.layer(OperatorSpec("REVERSE_V2", inputs, (source,), "ReverseV2", {}))


def broadcast_to(draw: Draw, dtype: str) -> Layer:
    shape = draw.shape(*[4] * draw.integer(1, 5))
    kept = [draw.choice([size, 1]) for size in shape][draw.integer(0, len(shape) - 1) :]
    source = draw.activation(tuple(kept), dtype)
    inputs = (source, indices(shape))
    output = _like(source, shape)
    return draw.layer(OperatorSpec("BROADCAST_TO", inputs, (output,), "BroadcastTo", {}))


def fill(draw: Draw, dtype: str) -> Layer:
    shape = draw.shape(3, 4)
    value = draw.activation((), dtype)
    inputs = (indices(shape), value)
    return draw.layer(OperatorSpec("FILL", inputs, (_like(value, shape),), "Fill", {}))


def zeros_like(draw: Draw, dtype: str) -> Layer:
    source = draw.activation(draw.shape(3, 9), dtype)
    return draw.layer(OperatorSpec("ZEROS_LIKE", (source,), (source,), "ZerosLike", {}))


def shape(draw: Draw, dtype: str) -> Layer:
    source = draw.activation(draw.shape(*[4] * draw.integer(1, 4)), dtype)
    output = TensorSpec((len(source.shape),), "int32")
    return draw.layer(OperatorSpec("SHAPE", (source,), (output,), "Shape", {"OutType": 2}))


def depth_to_space(draw: Draw, dtype: str) -> Layer:
    batches, height, width, depth = draw.shape(2, 4, 4, 3)
    block = draw.integer(1, 3)
    source = draw.activation((batches, height, width, depth * block * block), dtype)
    output = _like(source, (batches, height * block, width * block, depth))
    options = {"BlockSize": block}
    spec = OperatorSpec("DEPTH_TO_SPACE", (source,), (output,), "DepthToSpace", options)
    return draw.layer(spec)


def space_to_depth(draw: Draw, dtype: str) -> Layer:
    batches, height, width, depth = draw.shape(2, 4, 4, 3)
    block = draw.integer(1, 3)
    source = draw.activation((batches, height * block, width * block, depth), dtype)
    output = _like(source, (batches, height, width, depth * block * block))
    options = {"BlockSize": block}
    spec = OperatorSpec("SPACE_TO_DEPTH", (source,), (output,), "SpaceToDepth", options)
    return draw.layer(spec)


def _blocks(draw: Draw) -> tuple[list[int], list[int], list[list[int]], list[int]]:
    """Return sizes of blocks, how many there are, the edges beyond them, and what lies within."""
    axes = draw.integer(1, 2)
    blocks = [draw.integer(1, 3) for _ in range(axes)]
    counts = [draw.integer(1, 4) for _ in range(axes)]
    edges = []
    for block, count in zip(blocks, counts, strict=True):
        before = draw.integer(0, block * count - 1)
        edges.append([before, draw.integer(0, block * count - 1 - before)])
    inner = [b * n - sum(e) for b, n, e in zip(blocks, counts, edges, strict=True)]
    return blocks, counts, edges, inner


def space_to_batch(draw: Draw, dtype: str) -> Layer:
    """Draw it without padding, which TensorFlow Lite Micro fills with what memory holds."""
    blocks, counts, _, _ = _blocks(draw)
    pads = [[0, 0] for _ in blocks]
    sizes = [block * count for block, count in zip(blocks, counts, strict=True)]
    batches, depth = draw.shape(2, 3)
    source = draw.activation((batches, *sizes, depth), dtype)
    output = _like(source, (batches * int(np.prod(blocks)), *counts, depth))
    inputs = (source, indices(blocks), indices(pads))
    return draw.layer(OperatorSpec("SPACE_TO_BATCH_ND", inputs, (output,), "SpaceToBatchND", {}))


def batch_to_space(draw: Draw, dtype: str) -> Layer:
    blocks, counts, crops, sizes = _blocks(draw)
    batches, depth = draw.shape(2, 3)
    source = draw.activation((batches * int(np.prod(blocks)), *counts, depth), dtype)
    output = _like(source, (batches, *sizes, depth))
    inputs = (source, indices(blocks), indices(crops))
    return draw.layer(OperatorSpec("BATCH_TO_SPACE_ND", inputs, (output,), "BatchToSpaceND", {}))


def mirror_pad(draw: Draw, dtype: str) -> Layer:
    shape_ = draw.shape(*[4] * draw.integer(1, 4))
    mode = draw.integer(0, 1)
    room = [size - 1 + mode for size in shape_]
    pads = [[draw.integer(0, most), draw.integer(0, most)] for most in room]
    source = draw.activation(shape_, dtype)
    output = _like(source, [sum(p) + size for p, size in zip(pads, shape_, strict=True)])
    inputs = (source, indices(pads))
    return draw.layer(OperatorSpec("MIRROR_PAD", inputs, (output,), "MirrorPad", {"Mode": mode}))


def resize(draw: Draw, dtype: str, *, op: str) -> Layer:
    batches, height, width, depth = draw.shape(2, 7, 7, 3)
    size = draw.shape(12, 12)
    align, half = draw.choice([(False, False), (True, False), (False, True)])
    source = draw.activation((batches, height, width, depth), dtype)
    output = _like(source, (batches, *size, depth))
    table = "ResizeBilinear" if op == "RESIZE_BILINEAR" else "ResizeNearestNeighbor"
    options = {"AlignCorners": align, "HalfPixelCenters": half}
    return draw.layer(OperatorSpec(op, (source, indices(size)), (output,), table, options))


def gather(draw: Draw, dtype: str, *, constant: bool = False) -> Layer:
    """Draw indices of any rank, with leading batches that both inputs have."""
    shape_ = draw.shape(*[4] * draw.integer(1, 4))
    batches = draw.integer(0, min(1, len(shape_) - 1))
    axis = draw.integer(batches, len(shape_) - 1)
    kept = draw.shape(*[3] * draw.integer(0 if batches == 0 else 1, 2))
    source = draw.activation(shape_, dtype)
    where = TensorSpec((*shape_[:batches], *kept), "int32")
    output = _like(source, (*shape_[:axis], *kept, *shape_[axis + 1 :]))
    values = draw.random().integers(0, shape_[axis], where.shape).astype("int32")
    if constant:
        where = dataclasses.replace(where, data=values)
    options = {"Axis": axis, "BatchDims": batches}
    layer = draw.layer(OperatorSpec("GATHER", (source, where), (output,), "Gather", options))
    return _with_indices(layer, lambda _: [values] if not constant else [])


def _with_indices(layer: Layer, values: object) -> Layer:
    """Return the layer with what `values` gives in place of the samples' last inputs."""
    samples = []
    for sample in layer.samples:
        drawn = values(sample)  # type: ignore[operator]
        samples.append([*sample[: len(sample) - len(drawn)], *drawn])
    return dataclasses.replace(layer, samples=samples)


def gather_nd(draw: Draw, dtype: str) -> Layer:
    shape_ = draw.shape(*[4] * draw.integer(1, 4))
    depth = draw.integer(1, len(shape_))
    lead = draw.shape(*[3] * draw.integer(0, 2))
    source = draw.activation(shape_, dtype)
    where = TensorSpec((*lead, depth), "int32")
    output = _like(source, (*lead, *shape_[depth:]))
    random = draw.random()
    values = random.integers(0, shape_[:depth], where.shape).astype("int32")
    layer = draw.layer(OperatorSpec("GATHER_ND", (source, where), (output,), "GatherNd", {}))
    return _with_indices(layer, lambda _: [values])


def embedding_lookup(draw: Draw, dtype: str, *, to: str = "") -> Layer:
    rows, depth, count = draw.shape(9, 6, 5)
    table = draw.activation((rows, depth), dtype)
    table = dataclasses.replace(table, data=draw.values(table.shape, dtype))
    output = _like(table, (count, depth))
    if to:
        table = dataclasses.replace(table, zero_point=0)
        output = TensorSpec((count, depth), to)
    where = TensorSpec((count,), "int32")
    layer = draw.layer(OperatorSpec("EMBEDDING_LOOKUP", (where, table), (output,)))
    values = draw.random().integers(0, rows, count).astype("int32")
    return _with_indices(layer, lambda _: [values])


def update_slice(draw: Draw, dtype: str) -> Layer:
    """Draw places that are partly outside, from where they are moved inside."""
    shape_ = draw.shape(*[4] * draw.integer(1, 4))
    source = draw.activation(shape_, dtype)
    update = _like(source, [draw.integer(1, size) for size in shape_])
    where = TensorSpec((len(shape_),), "int32")
    inputs = (source, update, where)
    layer = draw.layer(
        OperatorSpec("DYNAMIC_UPDATE_SLICE", inputs, (source,), "DynamicUpdateSlice", {})
    )
    values = draw.random().integers(-2, 6, len(shape_)).astype("int32")
    return _with_indices(layer, lambda _: [values])


def broadcast_args(draw: Draw, dtype: str) -> Layer:
    shape_ = draw.shape(*[4] * draw.integer(1, 4))
    sizes = [
        np.array([draw.choice([n, 1]) for n in shape_][draw.integer(0, len(shape_) - 1) :], "int32")
        for _ in range(2)
    ]
    inputs = tuple(TensorSpec(values.shape, dtype) for values in sizes)
    output = TensorSpec((max(len(values) for values in sizes),), dtype)
    layer = draw.layer(OperatorSpec("BROADCAST_ARGS", inputs, (output,)))
    return _with_indices(layer, lambda _: sizes)
