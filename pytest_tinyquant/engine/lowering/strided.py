"""Operators that copy with strides: SLICE, REVERSE_V2, BROADCAST_TO, FILL, spaces and depths."""

from __future__ import annotations

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.axes import axes_input
from pytest_tinyquant.engine.lowering.axes import dense_strides
from pytest_tinyquant.engine.lowering.axes import merged_axes
from pytest_tinyquant.engine.lowering.context import SUFFIXES
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.context import check_shape
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


_MAX_DIMS = 5

# Kernel suffix and number of elements that stand for one: a suffix tells nothing but the width.
_WIDTHS = {
    **{dtype: (suffix, 1) for dtype, suffix in SUFFIXES.items()},
    "int32": ("f32", 1),
    "uint8": ("s8", 1),
    "bool": ("s8", 1),
    "int64": ("f32", 2),
}


def strided_copy(
    operator: Operator,
    lowering: Lowering,
    source: Tensor,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    *,
    offset: int = 0,
) -> KernelCall:
    """Return the call that copies what a walk over `shape` with `strides` finds, in elements.

    :raises UnsupportedModelError: five axes are not enough, or the type has no kernel.
    """
    output = lowering.output(operator)
    if source.dtype != output.dtype or source.dtype not in _WIDTHS:
        dtypes = f"{source.dtype} x {output.dtype}"
        raise lowering.unsupported(operator, dtypes, "it has no kernel for these types")
    suffix, parts = _WIDTHS[source.dtype]
    if parts > 1:
        shape, strides = (*shape, parts), (*(stride * parts for stride in strides), 1)
    dims, steps = merged_axes(shape, strides)
    return copy_call(operator, lowering, source, dims, steps, suffix=suffix, offset=offset * parts)


def copy_call(
    operator: Operator,
    lowering: Lowering,
    source: Tensor,
    dims: tuple[int, ...],
    strides: tuple[int, ...],
    *,
    suffix: str,
    offset: int,
) -> KernelCall:
    """Return the call of a copy that walks over `dims` with `strides`, in the kernel's elements.

    :raises UnsupportedModelError: five axes are not enough.
    """
    output = lowering.output(operator)
    if len(dims) > _MAX_DIMS:
        raise lowering.unsupported(operator, source.dtype, f"it has {len(dims)} axes, at most 5")
    lead = _MAX_DIMS - len(dims)
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        "offset": offset,
        "dims": (1,) * lead + dims,
        "stride": (0,) * lead + strides,
    }
    return KernelCall(
        f"tq_strided_copy_{suffix}", "tq_strided_copy_params", fields,
        lowering.reads(source), (output.index,),
    )  # fmt: skip


def slice_(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SLICE: a block with a constant place and size; -1 is all that is left."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    begin, sizes = (
        lowering.integers(operator, lowering.source(operator, i), name).reshape(-1).tolist()
        for i, name in ((1, "begin"), (2, "size"))
    )
    if not len(begin) == len(sizes) == len(source.shape):
        raise ModelError(f"it slices {len(begin)} of {len(source.shape)} axes")
    sizes = [
        total - first if size == -1 else size
        for total, first, size in zip(source.shape, begin, sizes, strict=True)
    ]
    for total, first, size in zip(source.shape, begin, sizes, strict=True):
        if first < 0 or size < 1 or first + size > total:
            raise ModelError(f"it takes {size} from {first} of {total}")
    check_shape(output, tuple(sizes))
    strides = dense_strides(source.shape)
    offset = sum(first * stride for first, stride in zip(begin, strides, strict=True))
    return strided_copy(operator, lowering, source, output.shape, tuple(strides), offset=offset)


def reverse(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower REVERSE_V2."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    check_shape(output, source.shape)
    axes = axes_input(operator, lowering, 1, len(source.shape))
    strides = dense_strides(source.shape)
    offset = sum((source.shape[axis] - 1) * strides[axis] for axis in axes)
    steps = tuple(-step if axis in axes else step for axis, step in enumerate(strides))
    return strided_copy(operator, lowering, source, source.shape, steps, offset=offset)


def broadcast_to(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower BROADCAST_TO; the output's shape is in the file."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    lead = len(output.shape) - len(source.shape)
    shape = (1,) * max(lead, 0) + source.shape
    if lead < 0 or any(a not in (1, b) for a, b in zip(shape, output.shape, strict=True)):
        raise ModelError(f"it broadcasts {list(source.shape)} to {list(output.shape)}")
    strides = tuple(
        0 if size == 1 else stride for size, stride in zip(shape, dense_strides(shape), strict=True)
    )
    return strided_copy(operator, lowering, source, output.shape, strides)


def fill(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower FILL: one number everywhere; the output's shape is in the file."""
    value, output = lowering.source(operator, 1), lowering.output(operator)
    if value.elements != 1:
        raise ModelError(f"it fills with {value.elements} numbers")
    return strided_copy(operator, lowering, value, (output.elements,), (0,))


def depth_to_space(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower DEPTH_TO_SPACE: blocks of channels become blocks of pixels."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    batches, height, width, depth = _image(source)
    block = operator.options["block_size"]
    if depth % (block * block):
        raise ModelError(f"its block of {block} does not divide {depth} channels")
    channels = depth // (block * block)
    check_shape(output, (batches, height * block, width * block, channels))
    row = width * depth
    shape = (batches, height, block, width, block, channels)
    strides = (height * row, row, block * channels, depth, channels, 1)
    return strided_copy(operator, lowering, source, shape, strides)


def space_to_depth(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SPACE_TO_DEPTH: blocks of pixels become blocks of channels."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    batches, height, width, depth = _image(source)
    block = operator.options["block_size"]
    if height % block or width % block:
        raise ModelError(f"its block of {block} does not divide {height} x {width}")
    rows, columns = height // block, width // block
    check_shape(output, (batches, rows, columns, depth * block * block))
    row = width * depth
    shape = (batches, rows, columns, block, block, depth)
    strides = (height * row, block * row, block * depth, row, depth, 1)
    return strided_copy(operator, lowering, source, shape, strides)


def _image(source: Tensor) -> tuple[int, int, int, int]:
    if len(source.shape) != 4:
        raise ModelError(f"its input has shape {list(source.shape)} instead of four dimensions")
    batches, height, width, depth = source.shape
    return batches, height, width, depth


def zeros_like(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower ZEROS_LIKE: the number 0 everywhere, whatever the scale."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    check_shape(output, source.shape)
    if output.dtype not in _WIDTHS:
        raise lowering.unsupported(operator, output.dtype, "it has no kernel for this type")
    suffix, parts = _WIDTHS[output.dtype]
    fields: dict[str, Value] = {
        "input": lowering.blob.add(bytes(8)),
        "output": lowering.address(output),
        "offset": 0,
        "dims": (1, 1, 1, 1, output.elements * parts),
        "stride": (0, 0, 0, 0, 0),
    }
    kernel = f"tq_strided_copy_{suffix}"
    return KernelCall(kernel, "tq_strided_copy_params", fields, (), (output.index,))


def broadcast_args(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower BROADCAST_ARGS of shapes that are computed at run time."""
    first, second = lowering.source(operator, 0), lowering.source(operator, 1)
    output = lowering.output(operator)
    if {first.dtype, second.dtype, output.dtype} != {"int32"}:
        raise lowering.unsupported(operator, first.dtype, "it works on int32 only")
    check_shape(output, (max(first.elements, second.elements),))
    fields: dict[str, Value] = {
        "input1": lowering.address(first),
        "input2": lowering.address(second),
        "output": lowering.address(output),
        "count1": first.elements,
        "count2": second.elements,
    }
    reads = lowering.reads(first, second)
    kernel = "tq_broadcast_args"
    return KernelCall(kernel, f"{kernel}_params", fields, reads, (output.index,))
