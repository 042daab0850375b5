"""ONNX models on this side: what becomes of one under a scheme, and calls of the other process."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.models.onnx_file import is_quantized
from pytest_tinyquant.models.onnx_file import require_onnx
from pytest_tinyquant.schemes.exchange import package_version
from pytest_tinyquant.schemes.exchange import run_job
from pytest_tinyquant.schemes.servers import SERVERS
from pytest_tinyquant.system.scratch import scratch_directory


if TYPE_CHECKING:
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.schemes.settings import Scheme

_PROCESS: Final = "pytest_tinyquant.schemes.onnx_process"

#: The scheme of a quantized model as it is: int8 with float32 input and output.
AS_IT_IS: Final = "int8"


def onnx_scheme(model: Model, scheme: Scheme) -> Scheme:
    """Return what `scheme` means for an ONNX model.

    A quantized model is imported as it is. A float one is imported and quantized by LiteRT's
    quantizer, since TensorFlow's converter reads no ``.tflite``.

    :raises ConfigurationError: the scheme cannot be applied to the model.
    """
    require_onnx()
    if scheme.steps:
        raise ConfigurationError(
            f"{model.name} {scheme.name}: steps train Keras models, and this is "
            f"{model.path.name}; give the scheme the 'models' that it is for"
        )
    if not is_quantized(model.path):
        return replace(scheme, rules=scheme.rules or scheme.implied_rules)
    if scheme.name != AS_IT_IS:
        raise ConfigurationError(
            f"{model.name} {scheme.name}: {model.path.name} is quantized already and is taken as "
            f"it is, as scheme {AS_IT_IS!r}; export the float model for other schemes"
        )
    return replace(scheme, rules=())


def onnxruntime_version() -> str:
    """Return name and version of what gives the reference.

    :raises ToolchainNotFoundError: it is not installed.
    """
    require_onnx()
    return f"onnxruntime {package_version('onnxruntime')}"


def run_import(model: Model, output: Path, timeout: float) -> None:
    """Write the ``.tflite`` of an ONNX model into `output`.

    :raises ModelError: the file cannot be used.
    :raises UnsupportedModelError: a node cannot be imported; the text names it.
    """
    with scratch_directory() as work:
        request = {"path": str(model.path.absolute()), "output": str(output)}
        request["answer"] = str(Path(work) / "answer.json")
        where = f"{model.name}: the ONNX importer"
        run_job(
            SERVERS["tensorflow"],
            f"{_PROCESS}:import_model",
            request,
            where,
            timeout,
            leaves="answer",
        )
        answer = json.loads(Path(request["answer"]).read_text("utf-8"))
    if not answer:
        return
    if answer["class"] == "ModelError":
        raise ModelError(f"{model.name}: {answer['text']}")
    raise UnsupportedModelError(
        f"{model.name}: node {answer['node']!r} ({answer['op']}) of {model.path.name} cannot be "
        f"imported: {answer['text']}. Change the model, or convert it to .tflite yourself",
        op=answer["op"],
        reason=answer["text"],
    )


def run_reference(request: dict[str, Any], where: str, timeout: float) -> None:
    """Have onnxruntime answer the samples of `request`."""
    run_job(SERVERS["tensorflow"], f"{_PROCESS}:reference", request, where, timeout)
