"""The axes of an operator: which it names, and how a tensor is walked over along them."""

from __future__ import annotations

import math

from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


_REDUCTION_DIMS = 3


def axis_of(axis: int, rank: int) -> int:
    """Return an axis counted from the front."""
    resolved = axis + rank if axis < 0 else axis
    if not 0 <= resolved < rank:
        raise ModelError(f"its axis is {axis} for {rank} axes")
    return resolved


def axes_input(operator: Operator, lowering: Lowering, position: int, rank: int) -> list[int]:
    """Return the axes, sorted and each once, that a constant input lists."""
    tensor = lowering.source(operator, position)
    listed = lowering.integers(operator, tensor, "axes").reshape(-1).tolist()
    return sorted({axis_of(axis, rank) for axis in listed})


def dense_strides(shape: tuple[int, ...]) -> list[int]:
    """Return the distance of neighbours along each axis, in elements."""
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def reduction(
    operator: Operator, lowering: Lowering, source: Tensor, axes: list[int]
) -> dict[str, Value]:
    """Return `tq_reduction`: neighbouring axes that are both kept or both reduced are merged.

    :raises UnsupportedModelError: more than three groups of either kind remain.
    """
    groups: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
    last: bool | None = None
    for axis, (size, stride) in enumerate(
        zip(source.shape, dense_strides(source.shape), strict=True)
    ):
        if size == 1:
            continue
        reduced = axis in axes
        if reduced is last:
            merged, _ = groups[reduced].pop()
            groups[reduced].append((merged * size, stride))
        else:
            groups[reduced].append((size, stride))
        last = reduced
    fields: dict[str, Value] = {}
    for name, group in (("kept", groups[False]), ("reduced", groups[True])):
        if len(group) > _REDUCTION_DIMS:
            reason = f"it reduces over the axes {axes} of {len(source.shape)}"
            raise lowering.unsupported(operator, source.dtype, reason)
        padded = [(1, 0)] * (_REDUCTION_DIMS - len(group)) + group
        fields[name] = tuple(size for size, _ in padded)
        fields[f"{name}_stride"] = tuple(stride for _, stride in padded)
    return fields


def along(shape: tuple[int, ...], axis: int) -> dict[str, Value]:
    """Return the fields `outer`, `size` and `inner` of an axis."""
    return {
        "outer": math.prod(shape[:axis]),
        "size": shape[axis],
        "inner": math.prod(shape[axis + 1 :]),
    }


def merged_axes(
    shape: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return a walk over `shape` with `strides` as one over as few axes as it needs."""
    walk: list[tuple[int, int]] = []
    for size, stride in zip(shape, strides, strict=True):
        if size == 1:
            continue
        if walk and walk[-1][1] == stride * size:
            walk[-1] = (walk[-1][0] * size, stride)
        else:
            walk.append((size, stride))
    return tuple(size for size, _ in walk), tuple(stride for _, stride in walk)
