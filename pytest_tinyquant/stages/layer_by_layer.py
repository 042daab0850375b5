"""Runs a model operator by operator, to find where an error begins."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import cast

from pytest_tinyquant.baselines.align import align_ops
from pytest_tinyquant.baselines.cause import Cause
from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.halts.trace import OperatorTrace
from pytest_tinyquant.boards.halts.trace import Traceable
from pytest_tinyquant.errors import InvalidOutputError
from pytest_tinyquant.measure.divergence import Divergence
from pytest_tinyquant.measure.divergence import other_model
from pytest_tinyquant.measure.divergence import same_model
from pytest_tinyquant.measure.divergence import worst_sample
from pytest_tinyquant.measure.measurement import OpCount
from pytest_tinyquant.metrics.text import shape_text
from pytest_tinyquant.models.quantize import bytes_per_sample
from pytest_tinyquant.models.quantize import decode
from pytest_tinyquant.models.tflite_reader import read_graph


if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_tinyquant.boards.host.host import HostDevice
    from pytest_tinyquant.engine import Plan
    from pytest_tinyquant.engine import PlanOp
    from pytest_tinyquant.measure.observation import Built
    from pytest_tinyquant.models.graph import Graph
    from pytest_tinyquant.models.graph import Operator
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.stages.steps import Steps
    from pytest_tinyquant.system.cache import Cache


@dataclass(frozen=True)
class FirstDifference:
    """Where two runs part: at an operator, for one check sample."""

    operator: str
    divergence: Divergence
    sample: int

    def cause(self, reference: str) -> Cause:
        """Return the finding; ``reference`` is what the run is compared with."""
        what = (
            f"first output that differs from {reference}, {self.divergence.text()} "
            f"(check sample {self.sample})"
        )
        return Cause("first difference", self.operator, about=what)


class LayerByLayer:
    """A case whose image can be watched while it runs."""

    def __init__(self, steps: Steps, case: Built) -> None:
        from pytest_tinyquant.engine.plan import plan as make_plan

        self._steps = steps
        self._case = case
        self.graph: Graph = case.graph
        self.plan: Plan = case.plan or make_plan(
            case.graph,
            name=case.name,
            kernels=case.board.kernels,
            spare_bytes=case.board.spare_arena_bytes,
        )

    def first_difference(self) -> FirstDifference | None:
        """Return where the image leaves TensorFlow Lite Micro; None if it gives its outputs.

        :raises TinyQuantError: TensorFlow Lite Micro or the board cannot run it.
        """
        case, image = self._case, self._steps.host_image(self._case)
        name = f"layers {case.name}"
        with self._steps.open(self._steps.host_board(), image, name=name) as reference:
            expected = reference.run().outputs
            with self._steps.open(case.board, case.image, name=name) as device:
                actual = device.run().outputs
                dtype = self.graph.tensors[self.graph.outputs[0]].dtype
                sample = worst_sample(expected, actual, dtype)
                if sample is None or not isinstance(device, Traceable):
                    return None
                if place := sample % image.steps:
                    raise InvalidOutputError(
                        f"{case.name}: the outputs part at step {place} of a sequence (check sample"
                        f" {sample}), and a trace begins with an empty memory"
                    )
                traces = device.trace(image.samples[sample], self._writes())
            tensors = cast("HostDevice", reference).tensors(sample)
        return self._compare(tensors, traces, sample)

    def deepest_operator(self) -> tuple[str, int] | None:
        """Return the operator that needs the most stack, and how much; None if unknown."""
        case = self._case
        sample = self._steps.samples(case)[0]
        with self._steps.open(case.board, case.image, name=f"stack {case.name}") as device:
            if not isinstance(device, Traceable) or not self.plan.ops:
                return None
            traces = device.trace(sample, self._writes())
        deepest = max(range(len(traces)), key=lambda index: traces[index].stack_bytes)
        return operator_text(self.plan.ops[deepest]), traces[deepest].stack_bytes

    def _writes(self) -> list[list[tuple[int, int]]]:
        return [
            [
                (self.plan.placements[tensor].offset, self.graph.tensors[tensor].bytes)
                for tensor in op.call.writes
            ]
            for op in self.plan.ops
        ]

    def _compare(
        self, tensors: Mapping[int, NDArray[Any]], traces: tuple[OperatorTrace, ...], sample: int
    ) -> FirstDifference | None:
        for op, trace in zip(self.plan.ops, traces, strict=True):
            for index, actual in zip(op.call.writes, trace.outputs, strict=True):
                if index not in tensors:
                    continue
                found = same_model(self.graph.tensors[index], tensors[index], actual)
                if found is not None:
                    return FirstDifference(operator_text(op), found, sample)
        return None


def compare_models(steps: Steps, model: Model, old: Path, new: Path) -> FirstDifference | None:
    """Run two converted files of ``model`` in TensorFlow Lite Micro; return where they part.

    :raises TinyQuantError: TensorFlow Lite Micro cannot run one of them.
    """
    graphs = [read_graph(f.read_bytes(), where=f"{model.name} {f}") for f in (old, new)]
    with contextlib.ExitStack() as opened:
        devices = [
            opened.enter_context(_host(steps, model, graph, file))
            for graph, file in zip(graphs, (old, new), strict=True)
        ]
        sample = _worst([device.run().outputs for device in devices], graphs)
        tensors = [device.tensors(sample) for device in devices]
    operators = [{op.label: op for op in graph.operators} for graph in graphs]
    rows = [[_row(graph, op) for op in graph.operators] for graph in graphs]
    for change in align_ops(rows[0], rows[1]):
        if change.new is None or change.old is None:
            continue
        before, after = operators[0][change.old.label], operators[1][change.new.label]
        for a, b in zip(before.outputs, after.outputs, strict=False):
            old_tensor, new_tensor = graphs[0].tensors[a], graphs[1].tensors[b]
            found = other_model(old_tensor, tensors[0][a], new_tensor, tensors[1][b])
            if found is not None:
                return FirstDifference(
                    f"{after.label} {shape_text(new_tensor.shape)}", found, sample
                )
    return None


@contextlib.contextmanager
def _host(steps: Steps, model: Model, graph: Graph, tflite: Path) -> Iterator[HostDevice]:
    samples = steps.samples_of(model, graph)
    image = HostImage(tflite, samples, model.steps(len(samples)))
    with steps.open(steps.host_board(), image, name=f"layers {tflite.parent.name}") as device:
        yield cast("HostDevice", device)


def _worst(outputs: list[tuple[bytes, ...]], graphs: list[Graph]) -> int:
    """Return the sample whose first outputs differ most between two models."""
    decoded = []
    for raw, graph in zip(outputs, graphs, strict=True):
        tensor = graph.tensors[graph.outputs[0]]
        size = bytes_per_sample(tensor)
        values = decode([sample[:size] for sample in raw], tensor)
        decoded.append([row.tobytes() for row in values])
    return worst_sample(decoded[0], decoded[1], "float64") or 0


def find_converted(cache: Cache, sha256: str) -> Path | None:
    """Return a converted model in the cache by its digest; None if it is not there."""
    for sidecar in sorted((cache.root / "converted").glob("*/*/model.json")):
        try:
            known = json.loads(sidecar.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if known.get("sha256") == sha256:
            entry = cache.find("converted", sidecar.parent.name)
            if entry is not None:
                return entry / "model.tflite"
    return None


def operator_text(op: PlanOp) -> str:
    """Return label, output shape and kernel of an operator."""
    return f"{op.label} {shape_text(op.output_shape)}".rstrip() + f"  {op.kernel}"


def _row(graph: Graph, op: Operator) -> OpCount:
    return OpCount(op.label, op.op, graph.output_shape(op), 0)
