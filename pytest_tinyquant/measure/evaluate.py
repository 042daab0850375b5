"""Put together everything that one run of a combination measured."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.boards.clock import check_clock
from pytest_tinyquant.boards.device import ReportedImage
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.measure.error import confusion
from pytest_tinyquant.measure.error import output_sha256
from pytest_tinyquant.measure.latency import count_ops
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.measure.measurement import OpCount
from pytest_tinyquant.measure.model_structure import structure_of
from pytest_tinyquant.measure.model_structure import structure_of_plan
from pytest_tinyquant.measure.ram import peak_tensors
from pytest_tinyquant.measure.reported import facts_of
from pytest_tinyquant.measure.reported import reported
from pytest_tinyquant.metrics.built_in import ERROR
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.metric import weakest_class
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.spec import MetricSpec
from pytest_tinyquant.support.runtimes import RUNTIMES


if TYPE_CHECKING:
    from pytest_tinyquant.boards.device import RunRecord
    from pytest_tinyquant.measure.observation import Observation
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.schemes.convert import ConvertedModel


#: What the host reports as toolchain: its runtime comes built from the package index.
PREBUILT: Final = "prebuilt"


def evaluate(observation: Observation) -> Measurement:
    """Return the metrics that a run's board has, and what explains them.

    :raises InvalidOutputError: if the outputs cannot be judged.
    :raises ConsoleError: if the device left out what its board can measure.
    :raises ClockError: if its cycles are not those of the image.
    :raises ConfigurationError: if the board cannot have one of its metrics.
    """
    converted, board, record = observation.converted, observation.board, observation.record
    known = METRICS.on(board.target)
    elsewhere = [metric for metric in board.metrics if metric not in known]
    beyond = [metric for metric in elsewhere if not METRICS[metric].metered]
    if beyond:
        raise ConfigurationError(
            f"board '{board.name}' cannot measure {', '.join(beyond)}; on "
            f"target '{board.target}' there are {', '.join(known)}. Correct its metrics in "
            "boards.toml"
        )
    # The outputs are looked at in any case: what else was measured of wrong ones means nothing.
    metrics = {ERROR.name: _measured(ERROR, observation)}
    extra = _of_firmware(observation) if board.runs_firmware else _of_host(observation)
    unjudged = extra.setdefault("unjudged", {})
    unjudged |= {
        name: f"needs a real board with a power meter, and this one is on target '{board.target}'"
        for name in elsewhere
    }
    for name in board.metrics:
        if name not in metrics and name not in unjudged:
            metrics[name] = _measured(METRICS[name], observation)
    return Measurement(
        model=converted.model,
        scheme=converted.scheme,
        board=board.name,
        target=board.target.value,
        identity={**_identity(converted, board), **extra.pop("identity")},
        metrics={name: metrics[name] for name in board.metrics if name in metrics},
        output_sha256=output_sha256(record.outputs),
        log=record.log,
        retries=record.retries,
        gates={ERROR.name: observation.task.gating} if observation.task.gating else {},
        confusion=confusion(observation),
        class_names=observation.class_names,
        drawn_data=observation.drawn_data,
        clock_hz=_clock_hz(record, board) or extra.pop("clock_hz", None),
        **extra,
    )


def _clock_hz(record: RunRecord, board: Board) -> int | None:
    """Return the core's clock: as the firmware proved it, else as the board's owner says."""
    if record.clock is not None:
        return record.clock.hz
    return board.clock_hz or None if record.counter_unit == "cycles" and record.repeats else None


def _measured(spec: MetricSpec, observation: Observation) -> dict[str, Metric]:
    """Return a metric's numbers, after checking that they are what its description says.

    :raises ConfigurationError: they are not.
    """
    parts = dict(reported(spec, observation) or spec.measuring()(observation))
    unknown = [part for part in parts if spec.part(part) is None]
    gating = [parts[part] for part in spec.gating if part in parts]
    declared = spec.classes[observation.board.target]
    if unknown or not gating or weakest_class(declared, *gating) != declared:
        found = ", ".join(f"{part} ({m.number_class})" for part, m in parts.items()) or "nothing"
        raise ConfigurationError(
            f"metric '{spec.name}' is described with the parts "
            f"{', '.join(spec.part_names)}, {declared} on {observation.board.target}; measured was "
            f"{found}. Correct its MetricSpec, or its function"
        )
    return parts


def _identity(converted: ConvertedModel, board: Board) -> dict[str, str]:
    """Return what ran, as far as it is known before the image."""
    return {
        "model_sha256": converted.source_sha256,
        "tflite_sha256": converted.sha256,
        "converter": converted.converter,
        "runtime": board.runtime,
        "runtime_version": board.tflm.version if board.tflm else RUNTIMES[board.runtime].version(),
        "kernels": _kernels(board),
    }


def _kernels(board: Board) -> str:
    """Return names only: where they lie differs from machine to machine."""
    if board.tflm:
        return PurePath(board.tflm.library).name
    rest = f" and {board.kernel_set}" if board.kernel_set else ""
    return PurePath(board.kernels).name + rest


def _of_host(observation: Observation) -> dict[str, Any]:
    image = observation.image
    structure = structure_of(observation.graph)
    if isinstance(image, ReportedImage):
        identity = {"flags": image.settings}
        return {
            "identity": identity,
            "structure": structure,
            "clock_hz": image.clock_hz,
            **facts_of(image),
        }
    return {"identity": {"flags": ""}, "toolchain": PREBUILT, "structure": structure}


def _of_firmware(observation: Observation) -> dict[str, Any]:
    graph, image = observation.graph, observation.image
    record = observation.record
    if record.clock is not None:
        check_clock(record.clock, flags=image.flags)
    facts = {
        "identity": {"flags": image.flags, "image": image.sha256},
        "toolchain": image.toolchain,
        "symbols": image.symbols,
        "variables": image.variables,
    }
    plan = observation.plan
    if plan is None:
        operators = [
            OpCount(operator.label, operator.op, graph.output_shape(operator), 0)
            for operator in graph.operators
        ]
        return {
            **facts,
            "ops": count_ops(record, operators),
            "structure": structure_of(graph),
        }
    return {
        **facts,
        "ops": count_ops(record, plan.ops),
        "arena_tensors": peak_tensors(plan),
        "structure": structure_of_plan(plan),
    }
