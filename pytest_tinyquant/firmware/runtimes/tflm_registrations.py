"""Which kernels of TensorFlow Lite Micro a model is given: the smallest that run all of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.errors import UnsupportedModelError


if TYPE_CHECKING:
    from pytest_tinyquant.firmware.runtimes.tflm_headers import Headers
    from pytest_tinyquant.models.graph import Graph
    from pytest_tinyquant.models.graph import Operator
    from pytest_tinyquant.models.graph import Subgraph

#: The types of constants that the kernels for one type of activations take. Weights of int4 are
#: taken for int8 by some of them, without a word.
_CONSTANTS: Final = {
    "int8": {"int8", "int32"},
    "int16": {"int8", "int16", "int32", "int64"},
}


def kinds_of(graph: Graph) -> list[str]:
    """Return the model's operators, each once; custom ones by their names."""
    return sorted({_kind(operator) for part in graph.parts() for operator in part.operators})


def registrations(graph: Graph, headers: Headers, *, where: str) -> list[str]:
    """Return the resolver's calls for the model, in the order of :func:`kinds_of`.

    :raises UnsupportedModelError: the headers offer nothing for an operator.
    """
    return [_call(graph, kind, headers, where) for kind in kinds_of(graph)]


def find_calls(graph: Graph) -> list[str]:
    """Return the arguments that make the resolver find each of the model's operators again."""
    custom = {op.custom for part in graph.parts() for op in part.operators if op.custom}
    return [
        f'"{kind}"' if kind in custom else f"tflite::BuiltinOperator_{kind}"
        for kind in kinds_of(graph)
    ]


def _kind(operator: Operator) -> str:
    return operator.kind


def _call(graph: Graph, kind: str, headers: Headers, where: str) -> str:
    method = headers.methods.get(kind)
    if method is None:
        raise UnsupportedModelError(
            f"{where}: the MicroMutableOpResolver of tflm.include has no method for {kind}; build "
            "the library from a newer clone, or take a model without this operator",
            op=kind,
            reason="the resolver's header does not declare it",
        )
    variant = _variant(graph, kind) if method.takes_registration else ""
    name = f"Register_{kind}_{variant}"
    argument = f"tflite::{name}()" if variant and name in headers.registrations else ""
    return f"{method.name}({argument})"


def _variant(graph: Graph, kind: str) -> str:
    """Return the type, as registrations name it, that all operators of a kind compute in."""
    uses = [(part, op) for part in graph.parts() for op in part.operators if _kind(op) == kind]
    for dtype, constants in _CONSTANTS.items():
        if all(_computes_in(part, op, dtype, constants) for part, op in uses):
            return dtype.upper()
    return ""


def _computes_in(part: Subgraph, operator: Operator, dtype: str, constants: set[str]) -> bool:
    tensors = [part.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0]
    stored = {tensor.dtype for tensor in tensors if tensor.data is not None}
    return _all_are(dtype, (t.dtype for t in tensors if t.data is None)) and stored <= constants


def _all_are(dtype: str, found: Iterable[str]) -> bool:
    return set(found) == {dtype}
