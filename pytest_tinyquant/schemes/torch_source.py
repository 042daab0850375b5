"""PyTorch models on this side: what a scheme means for one, and calls of the other process."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.errors import ConversionError
from pytest_tinyquant.models.torch_file import PACKAGES
from pytest_tinyquant.models.torch_file import input_shapes
from pytest_tinyquant.models.torch_file import require_torch
from pytest_tinyquant.schemes.exchange import package_version
from pytest_tinyquant.schemes.exchange import run_job
from pytest_tinyquant.schemes.servers import SERVERS
from pytest_tinyquant.system.error_json import load_error
from pytest_tinyquant.system.scratch import scratch_directory


if TYPE_CHECKING:
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.schemes.settings import Scheme

_PROCESS: Final = "pytest_tinyquant.schemes.torch_process"


def torch_version() -> str:
    """Return names and versions of what converts a module, without importing it.

    :raises ToolchainNotFoundError: something of it is not installed.
    """
    require_torch()
    return ", ".join(f"{name.replace('_', '-')} {package_version(name)}" for name in PACKAGES)


def float_scheme(scheme: Scheme) -> Scheme:
    """Return what `scheme` means for a model that comes as a float ``.tflite``.

    LiteRT's quantizer applies it, since TensorFlow's converter reads no ``.tflite``.
    """
    return replace(scheme, rules=scheme.rules or scheme.implied_rules)


def run_torch_converter(model: Model, output: Path, timeout: float) -> None:
    """Write the float ``.tflite`` of `model` into `output`.

    :raises ConfigurationError: the factory makes no module, or reads files that are not named.
    :raises ConversionError: the factory or the converter failed.
    :raises ModelError: the ``.pt2`` cannot be used.
    """
    _run("convert", model, {"output": str(output)}, "LiteRT's converter for PyTorch", timeout)


def run_module(model: Model, request: dict[str, Any], timeout: float) -> None:
    """Write what the module of `model` answers to the ``samples`` of `request` into its ``output``.

    Raises as :func:`run_torch_converter`.
    """
    _run("reference", model, request, "the PyTorch module", timeout)


def _run(function: str, model: Model, request: dict[str, Any], what: str, timeout: float) -> None:
    where = f"{model.name}: {what}"
    with scratch_directory() as work:
        request |= {**_described(model), "answer": str(Path(work) / "answer.json")}
        run_job(
            SERVERS["torch"], f"{_PROCESS}:{function}", request, where, timeout, leaves="answer"
        )
        answer = json.loads(Path(request["answer"]).read_text("utf-8"))
    if not answer:
        return
    error = load_error(answer)
    raise ConversionError(f"{where}: {answer['message']}") if error is None else error


def _described(model: Model) -> dict[str, Any]:
    """Return what the other process needs to load `model`."""
    source = model.sidecar.torch if model.sidecar is not None else None
    if source is None:
        shapes = input_shapes(model.path)
        return {"factory": "", "path": str(model.path.absolute()), "shapes": shapes}
    assert model.sidecar is not None
    return {
        "factory": source.factory,
        "folder": str(model.path.parent.absolute()),
        "files": [str(file) for file in source.files],
        "path": str(model.path.absolute()),
        "shapes": [model.sidecar.input_shape],
    }
