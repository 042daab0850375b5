"""Operators on whole numbers that are known before the model runs, such as those of shapes."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import numpy as np

from pytest_tinyquant.engine.lowering.axes import axis_of
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.slices import slice_ranges
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator


_Values = np.ndarray[Any, np.dtype[Any]]

# Types of shapes, axes and positions; the constants of other types stay what the file says.
_FOLDED = frozenset({"int32", "int64"})


def fold(operator: Operator, lowering: Lowering) -> bool:
    """Replace an operator by a constant if all its inputs are integers that are known.

    Tell whether it was.
    """
    if operator.op in _FOLDS and _known(operator, lowering):
        inputs = [
            lowering.integers(operator, lowering.source(operator, i), "input")
            for i in range(len(operator.inputs))
        ]
        values = _FOLDS[operator.op](inputs, operator.options)
    else:
        return False
    _replace(operator, lowering, values)
    return True


def shape(operator: Operator, lowering: Lowering) -> None:
    """Lower SHAPE, whose result is always known."""
    _replace(operator, lowering, np.array(lowering.source(operator, 0).shape))


def _replace(operator: Operator, lowering: Lowering, values: _Values) -> None:
    output = lowering.output(operator)
    if values.shape != output.shape or output.dtype not in _FOLDED:
        raise ModelError(f"its output has shape {list(output.shape)}, not {list(values.shape)}")
    lowering.constants[output.index] = values.astype(output.dtype).tobytes()


def _known(operator: Operator, lowering: Lowering) -> bool:
    output = lowering.output(operator)
    return (
        bool(operator.inputs)
        and output.dtype in _FOLDED
        and all(
            index in lowering.constants and lowering.tensor(index).dtype in _FOLDED
            for index in operator.inputs
        )
    )


def _strided_slice(inputs: list[_Values], options: Mapping[str, Any]) -> _Values:
    source = inputs[0]
    if options["ellipsis_mask"] or options["new_axis_mask"] or options["offset"]:
        raise ModelError("it has an ellipsis or a new axis")
    begin, end, strides = (values.reshape(-1).tolist() for values in inputs[1:])
    ranges = slice_ranges(
        source.shape, begin=begin, end=end, strides=strides,
        begin_mask=options["begin_mask"], end_mask=options["end_mask"],
        shrink_axis_mask=options["shrink_axis_mask"],
    )  # fmt: skip
    taken = source[np.ix_(*ranges)]
    dropped = [i for i in range(len(ranges)) if options["shrink_axis_mask"] >> i & 1]
    return taken.squeeze(tuple(dropped))


def _pack(inputs: list[_Values], options: Mapping[str, Any]) -> _Values:
    if len({values.shape for values in inputs}) != 1:
        raise ModelError("its parts differ in shape")
    axis = axis_of(options["axis"], inputs[0].ndim + 1)
    return np.stack(inputs, axis=axis)


def _concatenation(inputs: list[_Values], options: Mapping[str, Any]) -> _Values:
    axis = axis_of(options["axis"], inputs[0].ndim)
    rest = {(*v.shape[:axis], *v.shape[axis + 1 :]) for v in inputs}
    if len(rest) != 1 or len({v.ndim for v in inputs}) != 1:
        raise ModelError("its parts differ in shape")
    return np.concatenate(inputs, axis=axis)


def _gather(inputs: list[_Values], options: Mapping[str, Any]) -> _Values:
    source, indices = inputs
    axis = axis_of(options["axis"], source.ndim)
    if options["batch_dims"] or (indices < 0).any() or (indices >= source.shape[axis]).any():
        raise ModelError(f"it takes {indices.tolist()} of {source.shape[axis]}")
    return np.take(source, indices, axis=axis)


def _cast(inputs: list[_Values], options: Mapping[str, Any]) -> _Values:
    del options
    return inputs[0]


def _broadcast_args(inputs: list[_Values], options: Mapping[str, Any]) -> _Values:
    del options
    try:
        return np.array(np.broadcast_shapes(*(tuple(v.tolist()) for v in inputs)))
    except ValueError as error:
        raise ModelError(str(error)) from None


_FOLDS: Mapping[str, Callable[[list[_Values], Mapping[str, Any]], _Values]] = {
    "BROADCAST_ARGS": _broadcast_args,
    "CAST": _cast,
    "CONCATENATION": _concatenation,
    "GATHER": _gather,
    "PACK": _pack,
    "STRIDED_SLICE": _strided_slice,
}
