"""Operators that move data from or to places that a table or another input names."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.axes import axis_of
from pytest_tinyquant.engine.lowering.axes import dense_strides
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.context import check_shape
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import BITS
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


_MAP_DIMS = 4
_MAX_PLACES = 1 << 16
_UPDATE_DIMS = 5
_ND_DIMS = 5

# How far beyond the edge MIRROR_PAD begins: SYMMETRIC repeats it, REFLECT does not.
_MIRROR_OFFSET = {"REFLECT": 1, "SYMMETRIC": 0}


def check_places(operator: Operator, lowering: Lowering) -> None:
    """Refuse a table of places that is larger than any device."""
    output = lowering.output(operator)
    if sum(output.shape) > _MAX_PLACES:
        reason = f"its table of {sum(output.shape)} places is too large"
        raise lowering.unsupported(operator, output.dtype, reason)


def map_copy(
    lowering: Lowering,
    source: Tensor,
    output: Tensor,
    maps: Sequence[Sequence[int]],
    run: int,
) -> KernelCall:
    """Return the call that copies runs of `run` elements from the sums of the `maps`' entries."""
    size = BITS[source.dtype] // 8
    padded = [[0]] * (_MAP_DIMS - len(maps)) + [list(places) for places in maps]
    table = [place * size for places in padded for place in places]
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        "maps": lowering.blob.add_array(table, "int32"),
        "dims": tuple(len(places) for places in padded),
        "bytes": run * size,
    }
    return KernelCall(
        "tq_map_copy", "tq_map_copy_params", fields, lowering.reads(source), (output.index,)
    )


def mirror_pad(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower MIRROR_PAD on up to four axes."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    _same_type(operator, lowering, source, output)
    check_places(operator, lowering)
    pads = lowering.integers(operator, lowering.source(operator, 1), "padding")
    rank = len(source.shape)
    if pads.shape != (rank, 2) or (pads < 0).any() or not 1 <= rank <= _MAP_DIMS:
        raise ModelError(f"its padding is {pads.tolist()} for {rank} axes")
    offset = _MIRROR_OFFSET[operator.options["mode"]]
    sizes = zip(source.shape, pads.tolist(), strict=True)
    check_shape(output, tuple(size + sum(pad) for size, pad in sizes))
    maps = []
    for size, (before, after), stride in zip(
        source.shape, pads.tolist(), dense_strides(source.shape), strict=True
    ):
        if max(before, after) > size - offset:
            raise ModelError(f"it mirrors {max(before, after)} of {size}")
        places = [
            *range(before - 1 + offset, offset - 1, -1),
            *range(size),
            *range(size - 1 - offset, size - 1 - offset - after, -1),
        ]
        maps.append([place * stride for place in places])
    return map_copy(lowering, source, output, maps, 1)


def resize_nearest_neighbor(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower RESIZE_NEAREST_NEIGHBOR; which input each output takes is a table."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    _same_type(operator, lowering, source, output)
    check_places(operator, lowering)
    height, width = output_size(operator, lowering)
    batches, input_height, input_width, depth = source.shape
    row = input_width * depth
    maps = [
        [batch * input_height * row for batch in range(batches)],
        [y * row for y in _nearest(operator, input_height, height)],
        [x * depth for x in _nearest(operator, input_width, width)],
    ]
    return map_copy(lowering, source, output, maps, depth)


def _nearest(operator: Operator, size: int, output_size: int) -> list[int]:
    """Return the input position of every output position, computed in float32."""
    align, half = operator.options["align_corners"], operator.options["half_pixel_centers"]
    scale = np.float32(size) / np.float32(output_size)
    if align and output_size > 1:
        scale = np.float32(size - 1) / np.float32(output_size - 1)
    places = []
    for position in range(output_size):
        at = float((np.float32(position) + np.float32(0.5 if half else 0.0)) * scale)
        nearest = q.round_half_away(at) if align else math.floor(at)
        places.append(max(0, min(nearest, size - 1)))
    return places


def output_size(operator: Operator, lowering: Lowering) -> tuple[int, int]:
    """Return height and width that a resize is to give, after a look at the tensors' shapes."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    wanted = lowering.integers(operator, lowering.source(operator, 1), "size").reshape(-1).tolist()
    if len(source.shape) != 4 or len(wanted) != 2 or min(wanted) < 1:
        raise ModelError(f"it resizes {list(source.shape)} to {wanted}")
    check_shape(output, (source.shape[0], *wanted, source.shape[3]))
    return wanted[0], wanted[1]


def gather(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower GATHER along an axis, with leading batches that both inputs have."""
    source, indices = lowering.source(operator, 0), lowering.source(operator, 1)
    output = lowering.output(operator)
    _same_type(operator, lowering, source, output)
    rank = len(source.shape)
    axis = axis_of(operator.options["axis"], rank)
    batches = operator.options["batch_dims"]
    if batches < 0:
        batches += len(indices.shape)
    if not 0 <= batches <= min(axis, len(indices.shape)):
        raise ModelError(f"it has {batches} batch dimensions before axis {axis}")
    if source.shape[:batches] != indices.shape[:batches]:
        raise ModelError(f"batches {list(source.shape)} and {list(indices.shape)} do not fit")
    kept = indices.shape[batches:]
    check_shape(output, (*source.shape[:axis], *kept, *source.shape[axis + 1 :]))
    return _gather(
        operator, lowering, source, indices,
        batches=math.prod(source.shape[:batches]),
        outer=math.prod(source.shape[batches:axis]),
        size=source.shape[axis],
        count=math.prod(kept),
        inner=math.prod(source.shape[axis + 1 :]),
    )  # fmt: skip


def embedding_lookup(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower EMBEDDING_LOOKUP: rows of a table; int8 rows may become float32."""
    indices, table = lowering.source(operator, 0), lowering.source(operator, 1)
    output = lowering.output(operator)
    if len(indices.shape) != 1 or len(table.shape) < 2:
        raise ModelError(f"it looks up {list(indices.shape)} in {list(table.shape)}")
    check_shape(output, (*indices.shape, *table.shape[1:]))
    depth = math.prod(table.shape[1:])
    if table.dtype == "int8" and output.dtype == "float32":
        if q.zero_point(table):
            raise lowering.unsupported(operator, "int8", "its table has a zero point other than 0")
        fields: dict[str, Value] = {
            "input": lowering.address(table),
            "indices": _indices(operator, lowering, indices),
            "output": lowering.address(output),
            "size": table.shape[0],
            "count": indices.elements,
            "depth": depth,
            "scale": q.scale(table),
        }
        kernel = "tq_embedding_lookup_s8_f32"
        return KernelCall(
            kernel, f"{kernel}_params", fields, lowering.reads(table, indices), (output.index,)
        )
    _same_type(operator, lowering, table, output)
    return _gather(
        operator, lowering, table, indices,
        batches=1, outer=1, size=table.shape[0], count=indices.elements, inner=depth,
    )  # fmt: skip


def _gather(
    operator: Operator,
    lowering: Lowering,
    source: Tensor,
    indices: Tensor,
    *,
    batches: int,
    outer: int,
    size: int,
    count: int,
    inner: int,
) -> KernelCall:
    output = lowering.output(operator)
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "indices": _indices(operator, lowering, indices),
        "output": lowering.address(output),
        "batches": batches,
        "outer": outer,
        "size": size,
        "count": count,
        "bytes": inner * BITS[source.dtype] // 8,
    }
    reads = lowering.reads(source, indices)
    return KernelCall("tq_gather", "tq_gather_params", fields, reads, (output.index,))


def gather_nd(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower GATHER_ND: every row of indices names an element or a slice."""
    source, indices = lowering.source(operator, 0), lowering.source(operator, 1)
    output = lowering.output(operator)
    _same_type(operator, lowering, source, output)
    depth = indices.shape[-1] if indices.shape else 0
    if not 1 <= depth <= min(len(source.shape), _ND_DIMS):
        raise ModelError(f"it has {depth} indices into {list(source.shape)}")
    check_shape(output, (*indices.shape[:-1], *source.shape[depth:]))
    size = BITS[source.dtype] // 8
    strides = [stride * size for stride in dense_strides(source.shape)[:depth]]
    fill = (0,) * (_ND_DIMS - depth)
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "indices": _indices(operator, lowering, indices),
        "output": lowering.address(output),
        "count": math.prod(indices.shape[:-1]),
        "depth": depth,
        "bytes": math.prod(source.shape[depth:]) * size,
        "sizes": (*source.shape[:depth], *fill),
        "stride": (*strides, *fill),
    }
    reads = lowering.reads(source, indices)
    return KernelCall("tq_gather_nd", "tq_gather_nd_params", fields, reads, (output.index,))


def update_slice(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower DYNAMIC_UPDATE_SLICE on up to five axes."""
    source, update = lowering.source(operator, 0), lowering.source(operator, 1)
    indices, output = lowering.source(operator, 2), lowering.output(operator)
    _same_type(operator, lowering, source, output)
    rank = len(source.shape)
    fits = len(update.shape) == rank and all(
        small <= large for small, large in zip(update.shape, source.shape, strict=True)
    )
    if not fits or indices.elements != rank or update.dtype != source.dtype:
        raise ModelError(f"it puts {list(update.shape)} into {list(source.shape)}")
    check_shape(output, source.shape)
    if rank > _UPDATE_DIMS:
        raise lowering.unsupported(operator, source.dtype, f"it has {rank} axes, at most 5")
    lead = (1,) * (_UPDATE_DIMS - rank)
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "update": lowering.address(update),
        "indices": _indices(operator, lowering, indices),
        "output": lowering.address(output),
        "rank": rank,
        "dims": (*lead, *source.shape),
        "update_dims": (*lead, *update.shape),
        "bytes": BITS[source.dtype] // 8,
    }
    return KernelCall(
        "tq_update_slice",
        "tq_update_slice_params",
        fields,
        lowering.reads(source, update, indices),
        (output.index,),
        lowering.in_place(output, source),
    )


def _indices(operator: Operator, lowering: Lowering, indices: Tensor) -> Value:
    """Return where int32 indices lie; constant int64 ones are stored as int32."""
    if indices.dtype == "int32":
        return lowering.address(indices)
    if indices.dtype == "int64" and indices.index in lowering.constants:
        values = lowering.integers(operator, indices, "indices")
        return lowering.blob.add_array(np.clip(values, -(1 << 31), (1 << 31) - 1), "int32")
    raise lowering.unsupported(operator, indices.dtype, "its indices must be int32")


def _same_type(operator: Operator, lowering: Lowering, source: Tensor, output: Tensor) -> None:
    if source.dtype != output.dtype or not BITS[source.dtype] // 8:
        dtypes = f"{source.dtype} x {output.dtype}"
        raise lowering.unsupported(operator, dtypes, "it has no kernel for these types")
