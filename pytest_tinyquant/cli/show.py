"""What ``tinyquant show`` prints: a converted model as the runtimes see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pytest_tinyquant.engine.plan import plan as make_plan
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.errors import VacuousSchemeError
from pytest_tinyquant.firmware.libraries import planned_kernels
from pytest_tinyquant.models.formats import is_model_path
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.onnx_file import is_quantized
from pytest_tinyquant.models.tflite_file import scheme_of_tflite
from pytest_tinyquant.models.tflite_metadata import described
from pytest_tinyquant.models.tflite_metadata import read_metadata
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.models.weights import gzip_bytes
from pytest_tinyquant.models.weights import weight_facts
from pytest_tinyquant.project.selection import choose
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.recipe import WEIGHTED
from pytest_tinyquant.schemes.recipe import treatments
from pytest_tinyquant.schemes.scheme import Scheme
from pytest_tinyquant.support.check import check_not_vacuous
from pytest_tinyquant.support.check import check_read_as_written
from pytest_tinyquant.support.check import check_support
from pytest_tinyquant.support.runtimes import RUNTIMES
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.plain_console import plain_console


if TYPE_CHECKING:
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.project.project import Project


def show_model(
    project: Project,
    name: str,
    scheme_name: str,
    board: str | None = None,
    *,
    layers: bool = False,
) -> int:
    """Print a model's operators, the support verdicts and its plans; 1 if the engine refuses it.

    There is a plan for the kernels of `board`; without one, for those of every board.

    :param layers: print which layer costs the accuracy in place of the plans.
    """
    model = _find(project, name)
    kernels = _kernels(project, board)
    if model.kind == "tflite":
        scheme_name = scheme_of_tflite(model.path)
    if model.kind == "onnx" and is_quantized(model.path):
        scheme_name = "int8"
    (scheme_name,) = choose([scheme_name], project.schemes, what="scheme", where="--scheme")
    scheme = project.schemes[scheme_name]
    cache = Cache(project.cache_root)
    converted = convert(model, scheme, cache)
    where = f"{model.name}-{scheme_name}"
    graph = read_graph(converted.read(), where=where)
    console = plain_console()
    size = converted.path.stat().st_size
    console.print(f"{where}: {size:,} bytes, {len(graph.operators)} operators", highlight=False)
    for line in described(read_metadata(converted.read(), graph)):
        console.print(line, highlight=False, markup=False)
    console.print(_operators(graph))
    if layers:
        from pytest_tinyquant.cli.show_layers import print_layers

        print_layers(console, model, project.schemes["basic"], scheme, cache)
        return 0
    if scheme.rules:
        console.print(_rules(model, scheme, cache))
    if scheme.steps:
        console.print(_traces(graph))
        compressed = gzip_bytes(converted.read())
        console.print(f"compressed by gzip: {compressed:,} bytes", highlight=False)
    for verdict in _verdicts(graph, scheme):
        console.print(verdict, highlight=False, markup=False)
    return max(_print_plan(console, graph, boards, cache) for boards in kernels)


def _kernels(project: Project, board: str | None) -> list[list[Board]]:
    """Return the boards that have kernels and spare memory, what decides a plan, in common."""
    names = [name for name, b in project.boards.items() if RUNTIMES[b.runtime].is_compiled]
    if board is not None:
        names = [*choose([board], names, what="board", where="--board")]
    found: dict[tuple[str, str, int], list[Board]] = {}
    for name in names:
        row = project.boards[name]
        decides = row.kernels, row.kernel_set, row.spare_arena_bytes
        found.setdefault(decides, []).append(row)
    return list(found.values())


def _find(project: Project, name: str) -> Model:
    """Return the one model of that name or path."""
    if is_model_path(name):
        from pathlib import Path

        path = Path(name).resolve()
        return next(model for model in project.models.values() if model.path.resolve() == path)
    (found,) = choose([name], project.models, what="model", where="tinyquant show")
    return project.models[found]


def _operators(graph: Graph) -> Table:
    """Return the operators with the types of what they read and write."""
    table = Table("#", "operator", "input types", "weights", "output", "type")
    for operator in graph.operators:
        inputs = [graph.tensors[index].dtype for index in operator.inputs if index >= 0]
        outputs = [graph.tensors[index] for index in operator.outputs]
        table.add_row(
            str(operator.index),
            operator.kind,
            ", ".join(inputs),
            _weights(graph, operator),
            ", ".join("x".join(map(str, tensor.shape)) for tensor in outputs),
            ", ".join(tensor.dtype for tensor in outputs),
        )
    return table


def _traces(graph: Graph) -> Table:
    """Return zeros and different values of the weights of each layer."""
    table = Table("operator", "weights", "zeros", "different values", "in one output at most")
    for fact in weight_facts(graph):
        table.add_row(
            escape(fact.label),
            "x".join(map(str, fact.shape)),
            f"{fact.sparsity:.1%}",
            str(fact.unique),
            str(fact.unique_per_output),
        )
    return table


def _weights(graph: Graph, operator: Operator) -> str:
    """Return how a layer's weights are stored, such as ``int8, 16 scales``."""
    place = WEIGHTED.get(operator.op)
    if place is None or graph.tensors[operator.inputs[place]].data is None:
        return ""
    tensor = graph.tensors[operator.inputs[place]]
    if tensor.quantization is None:
        return tensor.dtype
    count = len(tensor.quantization.scales)
    return f"{tensor.dtype}, {count} scale{'s' if count > 1 else ''}"


def _rules(model: Model, scheme: Scheme, cache: Cache) -> Table:
    """Return which rule of the scheme decided about each operator of the float model."""
    basic = read_graph(convert(model, scheme.before_rules(), cache).read(), where=model.name)
    table = Table("operator", "layer", "is given", "by")
    for part in treatments(
        basic, scheme, dense_per_channel=model.dense_per_channel, where=model.name
    ):
        layer = basic.tensors[part.operator.outputs[0]].name.partition(";")[0]
        decided = part.rule.where if part.rule else "no rule"
        table.add_row(*map(escape, (part.operator.label, layer, part.text, decided)))
    return table


def _verdicts(graph: Graph, scheme: Scheme) -> list[str]:
    """Return what the checks before any build say."""
    verdicts = []
    try:
        check_not_vacuous(graph, scheme)
    except VacuousSchemeError as error:
        verdicts.append(str(error))
    for name, runtime in RUNTIMES.items():
        try:
            check_support(graph, runtime)
            check_read_as_written(graph, runtime)
            outlook = runtime.outlook(graph)
        except UnsupportedModelError as error:
            verdicts.append(f"runtime {name}: not supported: {error}")
        else:
            verdicts.append(f"runtime {name}: {outlook}")
    return verdicts


def _print_plan(console: Console, graph: Graph, boards: Sequence[Board], cache: Cache) -> int:
    """Print what the engine makes of the model with the kernels that `boards` have in common."""
    board = boards[0]
    try:
        kernels, replaced = planned_kernels(board, cache)
        plan = make_plan(
            graph, kernels=kernels, replaced=replaced, spare_bytes=board.spare_arena_bytes
        )
    except TinyQuantError as error:
        console.print(f"no plan: {error}", highlight=False, markup=False)
        return 1
    table = Table("operator", "kernel", "output", "multiply-adds")
    for op in plan.ops:
        shape = "x".join(map(str, op.output_shape))
        table.add_row(op.label.replace("[", "\\["), op.kernel, shape, f"{op.macs:,}")
    if board.has_own_kernels:
        own = f", {', '.join(sorted(replaced))} from {board.kernels}" if replaced else ""
        kernels = f"{kernels}{own}"
    names = ", ".join(board.name for board in boards)
    console.print(f"kernels {kernels} ({names})", highlight=False, markup=False)
    console.print(table)
    console.print(
        f"arena {plan.arena_bytes:,} bytes (largest set of tensors alive at once: "
        f"{plan.lower_bound_bytes:,}), weights {len(plan.weights):,} bytes",
        highlight=False,
    )
    return 0
