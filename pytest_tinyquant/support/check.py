"""Decide from the .tflite file alone whether a runtime can run it."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.errors import VacuousSchemeError
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Subgraph
from pytest_tinyquant.schemes.settings import Scheme
from pytest_tinyquant.support.custom import why_not
from pytest_tinyquant.support.instead import advice
from pytest_tinyquant.support.roles import DEFAULT_ROLES
from pytest_tinyquant.support.roles import ROLES
from pytest_tinyquant.support.runtimes import Runtime
from pytest_tinyquant.support.tables import Combinations


if TYPE_CHECKING:
    from pytest_tinyquant.engine import Plan

# A tensor of one of these types shows that quantization did something.
_QUANTIZED = frozenset({"int4", "int8", "uint8", "int16", "float16"})

# Operators that keep something from one inference to the next without a variable tensor.
_REMEMBERING = frozenset(
    {
        "CALL_ONCE",
        "VAR_HANDLE",
        "SignalDelay",
        "SignalFilterBankSpectralSubtraction",
        "SignalFramer",
        "SignalOverlapAdd",
        "SignalStacker",
    }
)


def check_support(graph: Graph, runtime: Runtime) -> None:
    """Raise :class:`UnsupportedModelError` for the first operator `runtime` cannot run."""
    _check_table(graph, runtime)
    runtime.check(graph)


def plan_supported(
    graph: Graph,
    runtime: Runtime,
    *,
    kernels: str,
    name: str,
    replaced: Collection[str] = frozenset(),
    spare_bytes: int = 0,
) -> Plan | None:
    """Return what `runtime` makes of a graph that it can run; None if it compiles nothing.

    It refuses what :func:`check_support` does, without going through the graph twice.

    :param kernels: the kernel set of the board.
    :param name: what generated code may call the model.
    :param replaced: the kernels that a user's own ones replace.
    :param spare_bytes: by which the arena may grow for speed.
    :raises UnsupportedModelError: for the first operator that it cannot run.
    """
    _check_table(graph, runtime)
    plan = runtime.plan(
        graph, kernels=kernels, name=name, replaced=replaced, spare_bytes=spare_bytes
    )
    if plan is None:
        runtime.check(graph)
    return plan


def _check_table(graph: Graph, runtime: Runtime) -> None:
    """Check every operator against the runtime's table."""
    for part, operator in runtime.executed(graph):
        if operator.custom in runtime.custom:
            continue
        if operator.custom:
            raise UnsupportedModelError(
                f"{runtime.title} lacks {operator.label}, the custom operator {operator.custom}: "
                f"{why_not(operator.custom)}",
                op=operator.custom,
                reason=f"it has no operator {operator.custom}",
            )
        if operator.op not in runtime.operators:
            reason = f"it has no operator {operator.op}"
            raise _unsupported(runtime, operator, "", reason, verb="lacks")
        accepted = runtime.operators[operator.op]
        found = _types(part, operator)
        if accepted and tuple(found.values()) not in accepted:
            reason = f"{operator.op} accepts {_list(accepted, list(found))}; " + (
                f"this one is {_join(tuple(found.values()))}"
            )
            raise _unsupported(
                runtime, operator, _join(tuple(found.values())), reason, verb="cannot run"
            )


def check_read_as_written(graph: Graph, runtime: Runtime) -> None:
    """Check that `runtime`, which runs the model, computes what the file says.

    :raises UnsupportedModelError: it would take it for another model without a word.
    """
    runtime.check_reading(graph)


def check_interface(graph: Graph) -> None:
    """Check that a model is asked something.

    :raises UnsupportedModelError: it has no inputs.
    """
    if not graph.inputs:
        raise UnsupportedModelError(
            "the model has no inputs, so it gives the same output whatever it is asked. "
            "Export it with its input",
            op="MODEL",
            reason="no inputs",
        )


def check_sequence(graph: Graph, steps: int) -> None:
    """Check that a model whose check samples follow each other remembers something.

    :param steps: how many samples make a sequence: 1 if each stands alone, 0 for all of them.
    :raises ConfigurationError: it has nothing that lasts from one sample to the next.
    """
    if steps == 1:
        return
    parts = graph.parts()
    if any(tensor.is_variable for part in parts for tensor in part.tensors):
        return
    if not any(operator.kind in _REMEMBERING for part in parts for operator in part.operators):
        raise ConfigurationError(
            "key 'sequence' is for a model that remembers; this one has no variables, LSTM, SVDF "
            "or frames of sound, so each of its check samples stands alone. Remove the key"
        )


def check_not_vacuous(graph: Graph, scheme: Scheme) -> None:
    """Raise :class:`VacuousSchemeError` when a scheme left float32 what it was to quantize.

    That is every tensor, for any scheme that quantizes; integer tensors that hold shapes, axes and
    indices do not count. For a scheme of integers only it is any operator.
    """
    if not scheme.quantizes:
        return
    if any(t.dtype in _QUANTIZED for t in graph.tensors):
        if scheme.integers_only:
            _check_integers_only(graph, scheme.name)
        return
    raise VacuousSchemeError(
        f"scheme {scheme.name!r} quantized nothing, every tensor is still float32. "
        "The converter leaves small weight tensors alone in dynamic-range quantization (up to "
        "1024 elements), so this would repeat the test of scheme 'basic'. Leave the scheme out "
        "of this model's 'schemes', or list the combination as a known issue."
    )


def _check_integers_only(graph: Graph, scheme_name: str) -> None:
    left = [operator for operator in graph.operators if graph.computes_in_float(operator)]
    if left:
        labels = ", ".join(operator.label for operator in left[:3])
        advice = "give it float32 input and output (io = 'float32'), which allows them"
        if scheme_name.endswith("-only"):
            advice = f"take {scheme_name.removesuffix('-only')!r}, which allows them"
        raise VacuousSchemeError(
            f"scheme {scheme_name!r} left {len(left)} of {len(graph.operators)} operators "
            f"in float32: {labels}{' ...' if len(left) > 3 else ''}. Its figures would be those of "
            "a mixture. Replace the operators by ones that the converter can quantize, or "
            f"{advice}"
        )


def _types(graph: Subgraph, operator: Operator) -> dict[str, str]:
    """Return the types of the tensors that decide which kernel an operator needs, by role."""
    types = {}
    for role, (kind, position) in ROLES.get(operator.op, DEFAULT_ROLES).items():
        indices = operator.inputs if kind == "inputs" else operator.outputs
        present = position < len(indices) and indices[position] >= 0
        types[role] = graph.tensors[indices[position]].dtype if present else "missing"
    return types


def _join(types: Sequence[str]) -> str:
    return " x ".join(types)


def _list(accepted: Combinations, roles: Sequence[str]) -> str:
    return f"{', '.join(_join(types) for types in accepted)} {_join(roles)}"


def _unsupported(
    runtime: Runtime, operator: Operator, dtype: str, reason: str, *, verb: str
) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"{runtime.title} {verb} {operator.label}: {reason} "
        f"(according to {runtime.source}). Convert the model with another scheme, or choose a "
        "board with another runtime."
        f"{advice(operator.op)}",
        op=operator.op,
        dtype=dtype,
        reason=reason,
    )
