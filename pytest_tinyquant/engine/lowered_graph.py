"""Lower a whole graph: the operators that are needed, each as a kernel call or another name."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping

from pytest_tinyquant.engine.kernel_call import Alias
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.lowering import LoweringFunction
from pytest_tinyquant.engine.lowering import lowerings
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.output_copy import copy_to_output
from pytest_tinyquant.engine.quantization import ACTIVATIONS
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Operator


# Operators whose result's shape is in the file: only their first input carries data.
_SHAPE_ONLY = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS"})

# Operators that may have variable tensors as inputs; the first has an activation of its own.
_LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
_STATEFUL = frozenset({_LSTM, "SVDF"})


def lower_graph(
    graph: Graph, where: str, kernels: str = "reference"
) -> tuple[Lowering, list[tuple[Operator, KernelCall]], dict[int, int]]:
    """Lower every operator; return the kernel calls and the root of every aliased tensor."""
    _check_interface(graph, where)
    lowering = Lowering(graph, where)
    calls, roots = _lower(lowering, lowerings(kernels))
    return lowering, calls, roots


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
    """Return the operators whose results reach an output, in execution order."""
    needed = set(graph.outputs)
    kept = []
    for operator in reversed(graph.operators):
        if needed.isdisjoint(operator.outputs):
            continue
        kept.append(operator)
        inputs = operator.inputs[:1] if operator.op in _SHAPE_ONLY else operator.inputs
        needed.update(inputs)
    return kept[::-1]


def _check_interface(graph: Graph, where: str) -> None:
    for what, indices in (("input", graph.inputs), ("output", graph.outputs)):
        if len(set(indices)) != len(indices):
            raise ModelError(f"{where}: an {what} is listed twice; export the model again.")
        for index in indices:
            tensor = graph.tensors[index]
            if not tensor.elements:
                raise ModelError(f"{where}: {what} {tensor.name!r} has no elements.")
            if tensor.is_variable:
                raise ModelError(f"{where}: {what} {tensor.name!r} is a variable tensor.")


def _lower(
    lowering: Lowering, functions: Mapping[str, LoweringFunction]
) -> tuple[list[tuple[Operator, KernelCall]], dict[int, int]]:
    """Return the kernel calls with their operators, and the root of every aliased tensor."""
    calls: list[tuple[Operator, KernelCall]] = []
    roots: dict[int, int] = {}
    for operator in needed_operators(lowering.graph):
        _check_operator(operator, lowering, functions)
        try:
            lowered = functions[operator.op](operator, lowering)
        except ModelError as error:
            raise ModelError(
                f"{lowering.where}: {operator.label} cannot be planned: {error}. "
                "Convert the model again."
            ) from None
        if isinstance(lowered, KernelCall):
            if any(lowering.tensor(index).elements == 0 for index in lowered.reads):
                raise lowering.unsupported(operator, "", "one of its inputs has no elements")
            calls.append((operator, lowered))
        else:
            _alias(lowering, lowered, roots)
    for index in lowering.graph.outputs:
        if index in lowering.constants:
            calls.append(copy_to_output(lowering, index, len(lowering.graph.operators)))
    return calls, roots


def _check_operator(
    operator: Operator, lowering: Lowering, functions: Mapping[str, LoweringFunction]
) -> None:
    """Refuse what no lowering function could handle."""
    outputs = [lowering.tensor(index) for index in operator.outputs]
    dtype = outputs[0].dtype
    if operator.op not in functions:
        raise lowering.unsupported(operator, dtype, "the engine has no such operator")
    activation = operator.options.get("fused_activation_function", "NONE")
    if activation not in ACTIVATIONS and operator.op != _LSTM:
        raise lowering.unsupported(operator, dtype, f"its fused activation is {activation}")
    if any(tensor.elements == 0 for tensor in outputs):
        raise lowering.unsupported(operator, dtype, "its output has no elements")
    inputs = [lowering.tensor(index) for index in operator.inputs if index >= 0]
    if operator.op not in _STATEFUL and any(tensor.is_variable for tensor in inputs):
        raise lowering.unsupported(operator, dtype, "it reads a variable tensor")


def _alias(lowering: Lowering, alias: Alias, roots: dict[int, int]) -> None:
    if alias.source in lowering.constants:
        lowering.constants[alias.output] = lowering.constants[alias.source]
    else:
        roots[alias.output] = roots.get(alias.source, alias.source)
