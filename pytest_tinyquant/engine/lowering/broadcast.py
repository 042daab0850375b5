"""Broadcasting: how operands of different shapes are walked over."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.context import check_shape
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


_MAX_DIMS = 4


def broadcast(
    operator: Operator, lowering: Lowering, first: Tensor, second: Tensor, output: Tensor
) -> dict[str, Value]:
    """Return `tq_broadcast`: axes that broadcast alike are merged, at most four remain."""
    dims, (stride1, stride2) = strides_of(operator, lowering, (first, second), output, _MAX_DIMS)
    return {"dims": dims, "stride1": stride1, "stride2": stride2}


def strides_of(
    operator: Operator,
    lowering: Lowering,
    operands: Sequence[Tensor],
    output: Tensor,
    max_dims: int,
) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """Return the output's merged axes, padded to `max_dims`, and every operand's strides.

    :raises ModelError: the operands do not broadcast to the output's shape.
    :raises UnsupportedModelError: more than `max_dims` axes remain.
    """
    rank = max(len(operand.shape) for operand in operands)
    shapes = [(1,) * (rank - len(operand.shape)) + operand.shape for operand in operands]
    sizes = list(zip(*shapes, strict=True))
    if any(len({size for size in axis if size != 1}) > 1 for axis in sizes):
        listed = " and ".join(str(list(operand.shape)) for operand in operands)
        raise ModelError(f"shapes {listed} do not broadcast")
    check_shape(output, tuple(_extent(axis) for axis in sizes))
    merged: list[tuple[int, ...]] = []
    for axis in sizes:
        if all(size == 1 for size in axis):
            continue
        if merged and _kept(merged[-1]) == _kept(axis):
            merged[-1] = tuple(a * b for a, b in zip(merged[-1], axis, strict=True))
        else:
            merged.append(axis)
    if len(merged) > max_dims:
        raise lowering.unsupported(operator, output.dtype, "it broadcasts over too many axes")
    merged = [(1,) * len(operands)] * (max_dims - len(merged)) + merged
    dims = tuple(_extent(axis) for axis in merged)
    return dims, [_strides(operand) for operand in zip(*merged, strict=True)]


def _extent(axis: tuple[int, ...]) -> int:
    return next((size for size in axis if size != 1), 1)


def _kept(axis: tuple[int, ...]) -> tuple[bool, ...]:
    """Tell which operands are not broadcast along an axis (or several, merged)."""
    return tuple(size != 1 for size in axis)


def _strides(sizes: Sequence[int]) -> tuple[int, ...]:
    """Return the distance between neighbours along each axis; 0 where the size is 1."""
    strides = [0] * len(sizes)
    step = 1
    for axis in reversed(range(len(sizes))):
        if sizes[axis] > 1:
            strides[axis] = step
        step *= sizes[axis]
    return tuple(strides)
