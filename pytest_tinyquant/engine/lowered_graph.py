"""Lower a whole graph: the operators that are needed, each as a kernel call or another name."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.lowering import SETS
from pytest_tinyquant.engine.lowering import LoweringFunction
from pytest_tinyquant.engine.lowering import lowerings
from pytest_tinyquant.engine.lowering.bodies import acts
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.folding import fold
from pytest_tinyquant.engine.lowering.output_copy import copy_to_output
from pytest_tinyquant.engine.quantization import ACTIVATIONS
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import BITS
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Subgraph


# How many of their inputs carry data, for operators whose other ones only tell a shape that is in
# the file.
_DATA_INPUTS = {
    "RESHAPE": 1,
    "SQUEEZE": 1,
    "EXPAND_DIMS": 1,
    "BROADCAST_TO": 1,
    "SHAPE": 0,
    "ZEROS_LIKE": 0,
}

# Operators that may have variable tensors as inputs; the first has an activation of its own.
_LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
_STATEFUL = frozenset({_LSTM, "SVDF"})


def lower_graph(
    graph: Graph, kernels: str = "reference", replaced: Collection[str] = frozenset()
) -> tuple[Lowering, list[tuple[Operator, KernelCall]], dict[int, int]]:
    """Lower every operator; return the kernel calls and the root of every aliased tensor."""
    _check_interface(graph)
    functions = lowerings(kernels, replaced)

    def lower(
        lowering: Lowering, operators: Sequence[Operator], outputs: Sequence[int]
    ) -> list[tuple[Operator, KernelCall]]:
        part = Subgraph(tuple(lowering.tensors), tuple(operators), (), tuple(outputs))
        return _lower(lowering, _needed(part, graph.bodies), functions)

    lowering = Lowering(graph, lower)
    calls = lowering.lower_operators(graph.operators, graph.outputs)
    for index in graph.outputs:
        if index in lowering.constants:
            calls.append(copy_to_output(lowering, index, len(graph.operators)))
    calls = [
        # Nobody knows in what order a user's kernel reads and writes.
        (operator, replace(call, trails={}))
        if kernels not in SETS or call.kernel in replaced
        else (operator, call)
        for operator, call in calls
    ]
    return lowering, calls, lowering.roots


def count_parameters(lowering: Lowering, calls: Iterable[tuple[Operator, KernelCall]]) -> int:
    """Return how many weights and biases the operators have that multiply and accumulate."""
    parameters = {
        index
        for operator, call in calls
        if call.macs
        for index in operator.inputs[1:]
        if index in lowering.constants
    }
    return sum(lowering.tensor(index).elements for index in parameters)


def needed_operators(graph: Graph) -> list[Operator]:
    """Return the operators whose results reach an output, in execution order.

    Those that set variables are needed too.
    """
    return _needed(graph, graph.bodies)


def executed_operators(graph: Graph) -> list[tuple[Subgraph, Operator]]:
    """Return the operators of all subgraphs that are needed, with the subgraph of each."""
    return [(part, operator) for part in graph.parts() for operator in _needed(part, graph.bodies)]


def _needed(part: Subgraph, bodies: Sequence[Subgraph]) -> list[Operator]:
    needed = set(part.outputs)
    kept = []
    for operator in reversed(part.operators):
        if needed.isdisjoint(operator.outputs) and not acts(part, operator, bodies):
            continue
        kept.append(operator)
        inputs = operator.inputs[: _DATA_INPUTS.get(operator.op)]
        needed.update(inputs)
    return kept[::-1]


def _check_interface(graph: Graph) -> None:
    for what, indices in (("input", graph.inputs), ("output", graph.outputs)):
        if len(set(indices)) != len(indices):
            raise ModelError(f"an {what} is listed twice; export the model again.")
        for index in indices:
            tensor = graph.tensors[index]
            if not tensor.elements:
                raise ModelError(f"{what} {tensor.name!r} has no elements; export the model again.")
            if tensor.is_variable:
                raise ModelError(
                    f"{what} {tensor.name!r} is a variable tensor, which the model keeps for "
                    "itself; export the model again."
                )
            if not BITS[tensor.dtype]:
                raise ModelError(
                    f"{what} {tensor.name!r} is of type {tensor.dtype}; convert the model with "
                    "float32 or integer inputs and outputs."
                )


def _lower(
    lowering: Lowering, operators: Sequence[Operator], functions: Mapping[str, LoweringFunction]
) -> list[tuple[Operator, KernelCall]]:
    """Return the kernel calls with their operators."""
    calls: list[tuple[Operator, KernelCall]] = []
    for operator in operators:
        try:
            if fold(operator, lowering):
                continue
            _check_operator(operator, lowering, functions)
            lowered = functions[operator.kind](operator, lowering)
        except ModelError as error:
            raise ModelError(
                f"{operator.label} cannot be planned: {error}. Convert the model again."
            ) from None
        if isinstance(lowered, KernelCall):
            if any(lowering.tensor(index).elements == 0 for index in lowered.reads):
                raise lowering.unsupported(operator, "", "one of its inputs has no elements")
            calls.append((operator, lowered))
        elif lowered is not None:
            lowering.alias(lowered.source, lowered.output)
    return calls


def _check_operator(
    operator: Operator, lowering: Lowering, functions: Mapping[str, LoweringFunction]
) -> None:
    """Refuse what no lowering function could handle."""
    outputs = [lowering.tensor(index) for index in operator.outputs]
    dtype = outputs[0].dtype if outputs else ""
    if operator.kind not in functions:
        raise lowering.unsupported(operator, dtype, "the engine has no such operator")
    activation = operator.options.get("fused_activation_function", "NONE")
    if activation not in ACTIVATIONS and operator.op != _LSTM:
        raise lowering.unsupported(operator, dtype, f"its fused activation is {activation}")
    if any(tensor.elements == 0 for tensor in outputs):
        raise lowering.unsupported(operator, dtype, "its output has no elements")
    inputs = [lowering.tensor(index) for index in operator.inputs if index >= 0]
    if operator.op not in _STATEFUL and any(tensor.is_variable for tensor in inputs):
        raise lowering.unsupported(operator, dtype, "it reads a variable tensor")
