"""BATCH_MATMUL."""

from __future__ import annotations

from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.axes import dense_strides
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.context import check_shape
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


_RANK = 5


def batch_matmul(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a product of matrices, either of which may be transposed, over broadcast batches."""
    left, right = lowering.source(operator, 0), lowering.source(operator, 1)
    output = lowering.output(operator)
    suffix = lowering.suffix(operator, left, right, output)
    fields, depth = _geometry(operator, left, right, output)
    fields |= {
        "input1": lowering.address(left),
        "input2": lowering.address(right),
        "output": lowering.address(output),
    }
    if suffix != "f32":
        fields |= _factors(operator, lowering, left, right, output)
    kernel = f"tq_batch_matmul_{suffix}"
    return KernelCall(
        kernel,
        f"{kernel}_params",
        fields,
        lowering.reads(left, right),
        (output.index,),
        macs=output.elements * depth,
    )


def _geometry(
    operator: Operator, left: Tensor, right: Tensor, output: Tensor
) -> tuple[dict[str, Value], int]:
    """Return sizes and strides, and the length of the sums."""
    if not all(2 <= len(tensor.shape) <= _RANK for tensor in (left, right)):
        raise ModelError(f"it multiplies {list(left.shape)} by {list(right.shape)}")
    shape1, strides1 = _matrix(left, transposed=operator.options["adj_x"])
    shape2, strides2 = _matrix(right, transposed=operator.options["adj_y"])
    if shape1[-1] != shape2[-2]:
        raise ModelError(f"it multiplies {list(left.shape)} by {list(right.shape)}")
    batches = []
    for a, b in zip(shape1[:-2], shape2[:-2], strict=True):
        if a != b and 1 not in (a, b):
            raise ModelError(f"batches {list(left.shape)} and {list(right.shape)} do not fit")
        batches.append(b if a == 1 else a)
    rank = max(len(left.shape), len(right.shape))
    check_shape(output, (*batches, shape1[-2], shape2[-1])[_RANK - rank :])
    fields: dict[str, Value] = {
        "batches": tuple(batches),
        "batch_stride1": _batch_strides(shape1, strides1),
        "batch_stride2": _batch_strides(shape2, strides2),
        "rows": shape1[-2],
        "columns": shape2[-1],
        "depth": shape1[-1],
        "row_stride1": strides1[-2],
        "depth_stride1": strides1[-1],
        "depth_stride2": strides2[-2],
        "column_stride2": strides2[-1],
    }
    return fields, shape1[-1]


def _matrix(tensor: Tensor, *, transposed: bool) -> tuple[tuple[int, ...], list[int]]:
    """Return shape and strides with five axes, the last two as the product uses them."""
    shape = (1,) * (_RANK - len(tensor.shape)) + tensor.shape
    strides = dense_strides(shape)
    if not transposed:
        return shape, strides
    return (*shape[:-2], shape[-1], shape[-2]), [*strides[:-2], strides[-1], strides[-2]]


def _batch_strides(shape: tuple[int, ...], strides: list[int]) -> tuple[int, ...]:
    return tuple(
        0 if size == 1 else stride for size, stride in zip(shape[:-2], strides[:-2], strict=True)
    )


def _factors(
    operator: Operator, lowering: Lowering, left: Tensor, right: Tensor, output: Tensor
) -> dict[str, Value]:
    factor = q.quantize_multiplier(q.scale(left) * q.scale(right) / q.scale(output))
    if output.dtype == "int16":
        if any(q.zero_point(tensor) for tensor in (left, right, output)):
            raise lowering.unsupported(operator, "int16", "int16 tensors need a zero point of 0")
        narrow = q.narrow_multiplier(factor)
        return {"multiplier": narrow.value, "right_shift": narrow.right_shift}
    return {
        "input1_offset": -q.zero_point(left),
        "input2_offset": -q.zero_point(right),
        "output_offset": q.zero_point(output),
        "multiplier": factor.value,
        "shift": factor.shift,
    }
