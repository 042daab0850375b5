"""Operators that only move data: RESHAPE, PAD, TRANSPOSE, slices, joins and splits."""

from __future__ import annotations

import math

from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.kernel_call import Alias
from pytest_tinyquant.engine.kernel_call import Array
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.arithmetic import arithmetic_suffix
from pytest_tinyquant.engine.lowering.axes import dense_strides
from pytest_tinyquant.engine.lowering.context import SUFFIXES
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.context import check_shape
from pytest_tinyquant.engine.lowering.slices import slice_ranges
from pytest_tinyquant.engine.lowering.strided import copy_call
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


_PAD_DIMS = 4

# Element sizes of the copying kernels; a suffix tells nothing but the width.
_COPY_SUFFIXES = SUFFIXES | {"int32": "f32", "uint8": "s8", "bool": "s8"}


def reshape(operator: Operator, lowering: Lowering) -> Alias:
    """Lower RESHAPE, SQUEEZE and EXPAND_DIMS: the same bytes under another shape."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    if source.elements != output.elements or source.dtype != output.dtype:
        raise ModelError(
            f"it turns {source.dtype} {list(source.shape)} into {output.dtype} {list(output.shape)}"
        )
    return Alias(source.index, output.index)


def pad(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower PAD and PADV2 on up to four axes."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    suffix = arithmetic_suffix(operator, lowering, source, output)
    rank = len(source.shape)
    pads = lowering.integers(operator, lowering.source(operator, 1), "padding")
    if pads.shape != (rank, 2) or (pads < 0).any():
        raise ModelError(f"its padding is {pads.tolist()} for {rank} axes")
    before, after = pads[:, 0].tolist(), pads[:, 1].tolist()
    if rank > _PAD_DIMS:
        raise lowering.unsupported(operator, source.dtype, f"it has {rank} axes, at most 4 work")
    check_shape(output, tuple(map(sum, zip(source.shape, before, after, strict=True))))
    value = lowering.optional(operator, 2)
    pad_value: int | float = 0.0 if suffix == "f32" else 0
    if suffix in {"s8", "s16"}:
        pad_value = q.zero_point(output)
    if value is not None:
        if value.elements != 1 or value.dtype != source.dtype:
            raise ModelError(f"it pads with {value.dtype} {list(value.shape)}")
        pad_value = lowering.values(operator, value, "value").reshape(-1)[0].item()
    lead = (0,) * (_PAD_DIMS - rank)
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        "input_dims": (1,) * (_PAD_DIMS - rank) + source.shape,
        "pad_before": (*lead, *before),
        "pad_after": (*lead, *after),
        "pad_value": pad_value,
    }
    return KernelCall(
        f"tq_pad_{suffix}", f"tq_pad_{suffix}_params", fields,
        lowering.reads(source), (output.index,),
    )  # fmt: skip


def transpose(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a permutation of axes."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    permutation = lowering.integers(operator, lowering.source(operator, 1), "permutation")
    order = [int(axis) for axis in permutation.reshape(-1)]
    if sorted(order) != list(range(len(source.shape))):
        raise ModelError(f"its permutation is {order} for {len(source.shape)} axes")
    check_shape(output, tuple(source.shape[axis] for axis in order))
    steps = dense_strides(source.shape)
    return _strided_copy(operator, lowering, 0, output.shape, tuple(steps[axis] for axis in order))


def strided_slice(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a slice with strides and masks."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    begin, end, strides = (
        lowering.integers(operator, lowering.source(operator, i), name).reshape(-1).tolist()
        for i, name in ((1, "begin"), (2, "end"), (3, "strides"))
    )
    options = operator.options
    if options["ellipsis_mask"] or options["new_axis_mask"] or options["offset"]:
        raise lowering.unsupported(operator, source.dtype, "it has an ellipsis or a new axis")
    ranges = slice_ranges(
        source.shape, begin=begin, end=end, strides=strides,
        begin_mask=options["begin_mask"], end_mask=options["end_mask"],
        shrink_axis_mask=options["shrink_axis_mask"],
    )  # fmt: skip
    kept = [r for axis, r in enumerate(ranges) if not options["shrink_axis_mask"] >> axis & 1]
    check_shape(output, tuple(len(r) for r in kept))
    steps = dense_strides(source.shape)
    offset = sum(r.start * step for r, step in zip(ranges, steps, strict=True))
    return _strided_copy(
        operator,
        lowering,
        offset,
        tuple(len(r) for r in ranges),
        tuple(r.step * step for r, step in zip(ranges, steps, strict=True)),
    )


def _strided_copy(
    operator: Operator,
    lowering: Lowering,
    offset: int,
    dims: tuple[int, ...],
    strides: tuple[int, ...],
) -> KernelCall:
    source = lowering.source(operator, 0)
    suffix = _copy_suffix(operator, lowering, source, lowering.output(operator))
    return copy_call(operator, lowering, source, dims, strides, suffix=suffix, offset=offset)


def _copy_suffix(operator: Operator, lowering: Lowering, source: Tensor, output: Tensor) -> str:
    if source.dtype != output.dtype or source.dtype not in _COPY_SUFFIXES:
        raise lowering.unsupported(
            operator, f"{source.dtype} x {output.dtype}", "it has no kernel for these types"
        )
    return _COPY_SUFFIXES[source.dtype]


def _axis(operator: Operator, axis: int, rank: int) -> int:
    resolved = axis + rank if axis < 0 else axis
    if not 0 <= resolved < rank:
        raise ModelError(f"its axis is {axis} for {rank} axes")
    return resolved


def concatenation(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower CONCATENATION; all parts have the output's scale, as in TensorFlow Lite Micro."""
    sources = [lowering.source(operator, i) for i in range(len(operator.inputs))]
    output = lowering.output(operator)
    axis = _axis(operator, operator.options["axis"], len(output.shape))
    if operator.options["fused_activation_function"] != "NONE":
        raise lowering.unsupported(operator, output.dtype, "it has a fused activation")
    for part in sources:
        if len(part.shape) != len(output.shape):
            raise ModelError(f"a part has shape {list(part.shape)}, the result {output.shape}")
    joined = sum(part.shape[axis] for part in sources)
    for part in sources:
        check_shape(output, (*part.shape[:axis], joined, *part.shape[axis + 1 :]))
    return _join(operator, lowering, sources, axis)


def pack(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower PACK: equal parts along a new axis."""
    sources = [lowering.source(operator, i) for i in range(len(operator.inputs))]
    output = lowering.output(operator)
    axis = _axis(operator, operator.options["axis"], len(output.shape))
    for part in sources:
        check_shape(output, (*part.shape[:axis], len(sources), *part.shape[axis:]))
    return _join(operator, lowering, sources, axis)


def _join(operator: Operator, lowering: Lowering, sources: list[Tensor], axis: int) -> KernelCall:
    output = lowering.output(operator)
    rows = math.prod(output.shape[:axis])
    for part in sources:
        if part.dtype != "int64" or output.dtype != "int64":
            _copy_suffix(operator, lowering, part, output)
        if (
            part.quantization is not None
            and output.quantization is not None
            and (q.scale(part), q.zero_point(part)) != (q.scale(output), q.zero_point(output))
        ):
            raise lowering.unsupported(operator, output.dtype, "its parts differ in scale")
    parts = Array(
        "tq_concatenation_part",
        tuple({"input": lowering.address(p), "bytes": p.bytes // rows} for p in sources),
    )
    fields: dict[str, Value] = {
        "parts": parts,
        "output": lowering.address(output),
        "part_count": len(sources),
        "rows": rows,
    }
    return KernelCall(
        "tq_concatenation", "tq_concatenation_params", fields,
        lowering.reads(*sources), (output.index,),
    )  # fmt: skip


def split(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SPLIT: equal parts along an axis."""
    source = lowering.source(operator, 1)
    listed = lowering.integers(operator, lowering.source(operator, 0), "axis").reshape(-1).tolist()
    if len(listed) != 1:
        raise ModelError(f"its axis is {listed}")
    axis = _axis(operator, listed[0], len(source.shape))
    size = source.shape[axis] // max(1, len(operator.outputs))
    shape = (*source.shape[:axis], size, *source.shape[axis + 1 :])
    return _part(operator, lowering, source, axis, shape)


def split_v(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SPLIT_V: parts of listed sizes along an axis; one of them may be -1, the rest."""
    source = lowering.source(operator, 0)
    sizes, listed = (
        lowering.integers(operator, lowering.source(operator, i), what).reshape(-1).tolist()
        for i, what in ((1, "sizes"), (2, "axis"))
    )
    if len(listed) != 1 or len(sizes) != len(operator.outputs):
        raise ModelError(f"its axis is {listed}, its sizes are {sizes}")
    axis = _axis(operator, listed[0], len(source.shape))
    rest = source.shape[axis] - sum(size for size in sizes if size != -1)
    shapes = [
        (*source.shape[:axis], rest if size == -1 else size, *source.shape[axis + 1 :])
        for size in sizes
    ]
    return _parts(operator, lowering, source, axis, shapes)


def unpack(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower UNPACK: the slices along an axis, which disappears."""
    source = lowering.source(operator, 0)
    axis = _axis(operator, operator.options["axis"], len(source.shape))
    shape = (*source.shape[:axis], *source.shape[axis + 1 :])
    return _part(operator, lowering, source, axis, shape)


def _part(
    operator: Operator, lowering: Lowering, source: Tensor, axis: int, shape: tuple[int, ...]
) -> KernelCall:
    return _parts(operator, lowering, source, axis, [shape] * len(operator.outputs))


def _parts(
    operator: Operator,
    lowering: Lowering,
    source: Tensor,
    axis: int,
    shapes: list[tuple[int, ...]],
) -> KernelCall:
    outputs = [lowering.tensor(index) for index in operator.outputs]
    rows = math.prod(source.shape[:axis])
    for part, shape in zip(outputs, shapes, strict=True):
        _copy_suffix(operator, lowering, source, part)
        check_shape(part, shape)
    if sum(part.bytes for part in outputs) != source.bytes or not rows:
        raise ModelError(f"its {len(outputs)} parts are not the whole of {list(source.shape)}")
    parts = Array(
        "tq_split_part",
        tuple({"output": lowering.address(p), "bytes": p.bytes // rows} for p in outputs),
    )
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "parts": parts,
        "part_count": len(outputs),
        "rows": rows,
    }
    return KernelCall(
        "tq_split", "tq_split_params", fields, lowering.reads(source), operator.outputs
    )
