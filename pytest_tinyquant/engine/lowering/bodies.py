"""The subgraphs that operators of control flow run, each time with tensors of their own."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Subgraph
from pytest_tinyquant.models.graph import Tensor


# Subgraphs that run subgraphs, one in the other.
_MAX_DEPTH = 8


@dataclass(frozen=True)
class Body:
    """A lowered subgraph: its kernel calls, and the tensors that hold its results."""

    calls: tuple[KernelCall, ...]
    outputs: tuple[Tensor, ...]


def instantiate(lowering: Lowering, number: int, inputs: Sequence[int]) -> Body:
    """Lower subgraph `number` of the file with `inputs` in place of its own.

    :raises ModelError: there is no such subgraph, or its inputs are others.
    """
    if not 1 <= number <= len(lowering.graph.bodies):
        raise ModelError(f"it names subgraph {number} of {len(lowering.graph.bodies) + 1}")
    part = lowering.graph.bodies[number - 1]
    if len(part.inputs) != len(inputs):
        raise ModelError(f"subgraph {number} has {len(part.inputs)} inputs, not {len(inputs)}")
    if any(index < 0 for index in inputs):
        raise ModelError(f"an input of subgraph {number} is missing")
    if lowering.depth >= _MAX_DEPTH:
        raise ModelError(f"more than {_MAX_DEPTH} subgraphs run each other")
    first = len(lowering.tensors)
    for tensor in part.tensors:
        lowering.add(dataclasses.replace(tensor, index=first + tensor.index))
    for own, given in zip(part.inputs, inputs, strict=True):
        _bind(lowering, lowering.tensor(given), lowering.tensor(first + own))
    operators = [_moved(operator, first) for operator in part.operators]
    outputs = tuple(lowering.tensor(first + index) for index in part.outputs)
    lowering.depth += 1
    calls = lowering.lower_operators(operators, [tensor.index for tensor in outputs])
    lowering.depth -= 1
    return Body(tuple(call for _, call in calls), outputs)


def acts(part: Subgraph, operator: Operator, bodies: Sequence[Subgraph]) -> bool:
    """Tell whether an operator does something besides giving results."""
    if operator.op in {"ASSIGN_VARIABLE", "CALL_ONCE"}:
        return True
    return operator.op in {"IF", "WHILE"} and any(
        inner.op in {"ASSIGN_VARIABLE", "CALL_ONCE"}
        for other in (part, *bodies)
        for inner in other.operators
    )


def _bind(lowering: Lowering, given: Tensor, own: Tensor) -> None:
    """Make an input of a subgraph another name for the tensor that it is given."""
    if given.index in lowering.handles:
        lowering.handles[own.index] = lowering.handles[given.index]
    elif (given.bytes, given.dtype) != (own.bytes, own.dtype):
        raise ModelError(
            f"its subgraph takes {own.dtype} {list(own.shape)}, "
            f"not {given.dtype} {list(given.shape)}"
        )
    else:
        lowering.alias(given.index, own.index)


def _moved(operator: Operator, first: int) -> Operator:
    def moved(indices: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(index if index < 0 else first + index for index in indices)

    return dataclasses.replace(
        operator, inputs=moved(operator.inputs), outputs=moved(operator.outputs)
    )
