"""What the operators of TensorFlow Lite Micro's signal library have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


# Far more than a device has; damaged files ask for any number.
_MAX_STATE = 1 << 24


def tensors_of(
    operator: Operator, lowering: Lowering, inputs: Sequence[str], outputs: Sequence[str]
) -> tuple[Tensor, ...]:
    """Return inputs and outputs, whose types must be these.

    :raises UnsupportedModelError: there is no kernel for their types.
    """
    if len(operator.inputs) != len(inputs) or len(operator.outputs) != len(outputs):
        raise ModelError(f"{len(operator.inputs)} inputs and {len(operator.outputs)} outputs")
    tensors = [
        *(lowering.source(operator, position) for position in range(len(inputs))),
        *(lowering.tensor(index) for index in operator.outputs),
    ]
    found, wanted = [tensor.dtype for tensor in tensors], [*inputs, *outputs]
    if found != wanted:
        raise lowering.unsupported(
            operator, " x ".join(found), f"it has a kernel for {' x '.join(wanted)} only"
        )
    return tuple(tensors)


def check_elements(tensor: Tensor, expected: int) -> None:
    """Raise :class:`ModelError` unless a tensor has as many elements as its operator implies."""
    if tensor.elements != expected:
        raise ModelError(
            f"tensor {tensor.name!r} has shape {list(tensor.shape)}, its operator implies "
            f"{expected} elements"
        )


def check_range(what: str, value: int, low: int, high: int) -> int:
    """Return a number that must be in [low, high].

    :raises ModelError: it is not.
    """
    if not low <= value <= high:
        raise ModelError(f"its {what} is {value}, not in [{low}, {high}]")
    return value


def rows_of(tensor: Tensor) -> tuple[int, int]:
    """Return how many rows a tensor has, and their length."""
    if not tensor.shape or not tensor.elements:
        raise ModelError(f"tensor {tensor.name!r} has shape {list(tensor.shape)}")
    return tensor.elements // tensor.shape[-1], tensor.shape[-1]


def constant(operator: Operator, lowering: Lowering, tensor: Tensor) -> np.ndarray[Any, Any]:
    """Return a list of constants."""
    return lowering.values(operator, tensor, repr(tensor.name)).reshape(-1)


def add_state(
    operator: Operator, lowering: Lowering, what: str, dtype: str, elements: int
) -> Tensor:
    """Add memory that keeps its values until the next inference and begins with zeros."""
    if elements > _MAX_STATE:
        raise lowering.unsupported(operator, dtype, f"its {what} has {elements} elements")
    index = len(lowering.tensors)
    shape = (max(1, elements),)
    name = f"{operator.label} {what}"
    return lowering.add(Tensor(index, name, shape, dtype, None, None, is_variable=True))
