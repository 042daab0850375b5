"""Put together everything that one run of a combination measured."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.boards.clock import check_clock
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.measure.error import measure_error
from pytest_tinyquant.measure.error import output_sha256
from pytest_tinyquant.measure.flash import measure_flash
from pytest_tinyquant.measure.latency import count_ops
from pytest_tinyquant.measure.latency import measure_latency
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.measure.measurement import OpCount
from pytest_tinyquant.measure.model_structure import structure_of
from pytest_tinyquant.measure.ram import measure_host_ram
from pytest_tinyquant.measure.ram import measure_ram
from pytest_tinyquant.measure.ram import peak_tensors


if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_tinyquant.boards.device import RunRecord
    from pytest_tinyquant.models.graph import Graph
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.schemes.convert import ConvertedModel


#: What the host reports as toolchain: its runtime comes built from the package index.
PREBUILT: Final = "prebuilt"


def evaluate(
    *,
    converted: ConvertedModel,
    graph: Graph,
    board: Board,
    image: Any,
    record: RunRecord,
    expected: Sequence[NDArray[Any]],
) -> Measurement:
    """Return the metrics that ``board`` has, from what one run yielded.

    :param image: the firmware image that ran; on the host it is not looked at.
    :param expected: the reference's outputs for all check samples, one array per output tensor.
    :raises InvalidOutputError: if the outputs cannot be judged.
    :raises ConsoleError: if the device left out what its board can measure.
    :raises ClockError: if its cycles are not those of the image.
    """
    where = f"{converted.model}-{converted.scheme}-{board.name}"
    outputs = [graph.tensors[index] for index in graph.outputs]
    error = measure_error(record.outputs, expected, outputs, where=where)
    if board.target == "host":
        extra = _evaluate_host(graph, board, record, where)
    else:
        extra = _evaluate_firmware(graph, board, image, record, where)
    metrics = {"error": error, **extra.pop("metrics")}
    beyond = [metric for metric in board.metrics if metric not in metrics]
    if beyond:
        raise ConfigurationError(
            f"{where}: board '{board.name}' cannot measure {', '.join(beyond)}; on "
            f"target '{board.target}' there are {', '.join(metrics)}. Correct its metrics in "
            "boards.toml"
        )
    return Measurement(
        model=converted.model,
        scheme=converted.scheme,
        board=board.name,
        target=board.target,
        identity={**_identity(converted, board), **extra.pop("identity")},
        metrics={metric: metrics[metric] for metric in board.metrics},
        output_sha256=output_sha256(record.outputs),
        log=record.log,
        retries=record.retries,
        **extra,
    )


def runtime_version(runtime: str) -> str:
    """Return the version of the package that brings ``runtime``.

    :raises ToolchainNotFoundError: if it is not installed.
    """
    package = {"tflm": "tflite-micro", "tinyquant": "pytest-tinyquant"}[runtime]
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError as error:
        if runtime == "tinyquant":
            # The engine is part of this very package, which also runs without being installed.
            return package
        raise ToolchainNotFoundError(
            f"{package} is not installed; pip install {package}"
        ) from error


def _identity(converted: ConvertedModel, board: Board) -> dict[str, str]:
    """Return what ran, as far as it is known before the image."""
    return {
        "model_sha256": converted.source_sha256,
        "tflite_sha256": converted.sha256,
        "converter": converted.converter,
        "runtime": board.runtime,
        "runtime_version": board.tflm.version if board.tflm else runtime_version(board.runtime),
        # The name only: where it lies differs from machine to machine.
        "kernels": PurePath(board.tflm.library if board.tflm else board.kernels).name,
    }


def _evaluate_host(graph: Graph, board: Board, record: RunRecord, where: str) -> dict[str, Any]:
    metrics = {}
    if "ram" in board.metrics:
        metrics["ram"] = measure_host_ram(record, where=where)
    return {
        "metrics": metrics,
        "identity": {"flags": ""},
        "toolchain": PREBUILT,
        "structure": structure_of(graph, where=where),
    }


def _evaluate_firmware(
    graph: Graph, board: Board, image: Any, record: RunRecord, where: str
) -> dict[str, Any]:
    if record.clock is not None:
        check_clock(record.clock, where, flags=image.flags)
    facts = {
        "metrics": {
            "latency": measure_latency(record, where=where),
            "flash": measure_flash(image),
            "ram": measure_ram(image, record, where=where),
        },
        "identity": {"flags": image.flags, "image": image.sha256},
        "toolchain": image.toolchain,
        "symbols": image.symbols,
        "variables": image.variables,
    }
    if board.runtime == "tflm":
        operators = [
            OpCount(operator.label, operator.op, graph.tensors[operator.outputs[0]].shape, 0)
            for operator in graph.operators
        ]
        return {
            **facts,
            "ops": count_ops(record, operators, where=where),
            "structure": structure_of(graph, where=where),
        }
    from pytest_tinyquant import engine

    plan = engine.plan(graph, where=where, kernels=board.kernels)
    return {
        **facts,
        "ops": count_ops(record, plan.ops, where=where),
        "arena_tensors": peak_tensors(plan),
        "structure": structure_of(graph, where=where, plan=plan),
    }
