"""Applies the rules of a scheme with LiteRT's quantizer, in a process of its own."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.errors import VacuousSchemeError
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.schemes.exchange import arrays_of
from pytest_tinyquant.schemes.exchange import package_version
from pytest_tinyquant.schemes.exchange import run_job
from pytest_tinyquant.schemes.exchange import saved_inputs
from pytest_tinyquant.schemes.recipe import WEIGHTED
from pytest_tinyquant.schemes.recipe import Treatment
from pytest_tinyquant.schemes.recipe import treatments
from pytest_tinyquant.schemes.servers import SERVERS
from pytest_tinyquant.system.scratch import scratch_directory


if TYPE_CHECKING:
    from pytest_tinyquant.models.graph import Graph
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.schemes.settings import Scheme

_PROCESS: Final = "pytest_tinyquant.schemes.recipe_process"
_IO_BITS: Final = {"float32": 0, "int8": 8, "int16": 16}
_STORED: Final = {4: "int4", 8: "int8", 16: "float16"}


def quantizer_version() -> str:
    """Return the quantizer's name and version without importing it.

    :raises ToolchainNotFoundError: it is not installed.
    """
    if importlib.util.find_spec("litert_quantizer") is None:
        raise ToolchainNotFoundError(
            "litert-quantizer is not installed: schemes with rules cannot be applied. "
            "Install with: pip install 'pytest-tinyquant[quantizer]'"
        )
    return f"litert-quantizer {package_version('litert_quantizer')}"


def run_quantizer(
    model: Model, scheme: Scheme, basic: Path, output: Path, *, timeout: float
) -> None:
    """Write into the file `output` what the rules of `scheme` make of the float file `basic`.

    :param timeout: seconds that the quantizer may take.
    :raises ConfigurationError: the rules do not fit the model, or the quantizer cannot do it.
    :raises ConversionError: the quantizer failed, or crashed twice.
    :raises BenchError: it was killed, took too long, or lacked memory or disk.
    :raises VacuousSchemeError: weights were not stored as their rule says.
    """
    where = f"{model.name} {scheme.name}"
    graph = read_graph(basic.read_bytes(), where=f"{model.name} basic")
    found = treatments(graph, scheme, dense_per_channel=model.dense_per_channel, where=where)
    with scratch_directory() as work:
        answer = Path(work) / "answer.json"
        request = {
            "path": str(basic.absolute()),
            "entries": [entry for entry in (part.entry() for part in found) if entry],
            "io_bits": _IO_BITS[scheme.io_dtype],
            "calibration": saved_inputs(Path(work), arrays_of(model.calibration())),
            "output": str(output),
            "answer": str(answer),
        }
        run_job(
            SERVERS["quantizer"],
            f"{_PROCESS}:quantize",
            request,
            f"{where}: LiteRT's quantizer",
            timeout,
            leaves="answer",
        )
        _check_answer(json.loads(answer.read_text("utf-8")), where)
    _check_applied(found, graph, read_graph(output.read_bytes(), where=where), where)


def _check_answer(refused: Sequence[Sequence[str]], where: str) -> None:
    """Raise the error for the first rule that the quantizer does not support."""
    for rule, label, reason in refused:
        raise ConfigurationError(
            f"{where}: {rule}: LiteRT's quantizer cannot do this with {label}: {reason}. Narrow "
            "the rule by 'operators' or 'layers', or choose another algorithm or width"
        )


def _check_applied(found: Sequence[Treatment], graph: Graph, quantized: Graph, where: str) -> None:
    """Check that all weights are stored as their rule says.

    :raises VacuousSchemeError: some are not.
    """
    stored: dict[str, set[str]] = {}
    for tensor in quantized.tensors:
        if tensor.data is not None:
            stored.setdefault(tensor.name, set()).add(tensor.dtype)
    for part in found:
        if not part.weights or part.rule is None or part.rule.implied:
            continue
        weights = graph.tensors[part.operator.inputs[WEIGHTED[part.operator.op]]]
        wanted = _STORED[part.weights]
        if wanted not in stored.get(weights.name, {wanted}):
            kinds = ", ".join(sorted(stored[weights.name]))
            raise VacuousSchemeError(
                f"{where}: {part.rule.where} asks for {wanted} weights in {part.operator.label}, "
                f"but LiteRT's quantizer left them {kinds}. Remove the rule, or choose another "
                "width"
            )
