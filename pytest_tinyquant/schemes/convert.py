"""Conversion of a model under a scheme, and the float outputs to compare a device with.

Both run in processes of their own, are cached, and give the same bytes for the same input.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.errors import ConversionError
from pytest_tinyquant.models.tflite_file import read_model
from pytest_tinyquant.schemes.described import advice
from pytest_tinyquant.schemes.described import described
from pytest_tinyquant.schemes.exchange import arrays_of
from pytest_tinyquant.schemes.exchange import file_sha256
from pytest_tinyquant.schemes.exchange import package_version
from pytest_tinyquant.schemes.exchange import run_job
from pytest_tinyquant.schemes.exchange import saved_inputs
from pytest_tinyquant.schemes.exchange import tensorflow_version
from pytest_tinyquant.schemes.interpreter import find_interpreter
from pytest_tinyquant.schemes.interpreter import run_interpreter
from pytest_tinyquant.schemes.keys import CONVERSION_INPUTS
from pytest_tinyquant.schemes.keys import ONNX
from pytest_tinyquant.schemes.keys import TENSORFLOW
from pytest_tinyquant.schemes.keys import TORCH
from pytest_tinyquant.schemes.keys import conversion_inputs
from pytest_tinyquant.schemes.keys import output_key
from pytest_tinyquant.schemes.onnx_source import onnx_scheme
from pytest_tinyquant.schemes.onnx_source import onnxruntime_version
from pytest_tinyquant.schemes.onnx_source import run_import
from pytest_tinyquant.schemes.onnx_source import run_reference
from pytest_tinyquant.schemes.servers import SERVERS
from pytest_tinyquant.schemes.torch_source import float_scheme
from pytest_tinyquant.schemes.torch_source import run_module
from pytest_tinyquant.schemes.torch_source import run_torch_converter
from pytest_tinyquant.schemes.torch_source import torch_version
from pytest_tinyquant.system.digests import declared_key
from pytest_tinyquant.system.scratch import scratch_directory


if TYPE_CHECKING:
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.schemes.scheme import Scheme
    from pytest_tinyquant.system.cache import Cache

AS_GIVEN = "as given"

_PROCESS = "pytest_tinyquant.schemes.converter_process"


@dataclass(frozen=True)
class ConvertedModel:
    """A model under a scheme, as TensorFlow Lite's flatbuffer.

    :param sha256: of the file at `path`.
    :param source_sha256: of what it was converted from.
    :param converter: such as ``tensorflow 2.21.0``, or ``as given`` for a model that came as
        ``.tflite``.
    """

    model: str
    scheme: str
    path: Path
    sha256: str
    source_sha256: str
    converter: str

    def read(self) -> bytes:
        """Return the flatbuffer."""
        return self.path.read_bytes()


@dataclass(frozen=True)
class Reference:
    """What a model should answer to its check samples.

    :param path: npz with float32 ``inputs`` [n, ...] and ``outputs`` [n, ...]; where a model has
        several inputs or outputs, ``inputs_0``, ``inputs_1``, ... or ``outputs_0``, ...
    :param kind: ``keras`` for float outputs of the trained model; ``onnx`` for those of
        onnxruntime, of a quantized model its dequantized ones; ``torch`` for those of the module;
        ``tflite`` for dequantized outputs of TensorFlow Lite's reference kernels, for a model that
        came as ``.tflite``.
    :param sha256: of the file at `path`.
    """

    path: Path
    kind: str
    sha256: str


def convert(
    model: Model, scheme: Scheme, cache: Cache, *, timeout: float = 300.0
) -> ConvertedModel:
    """Convert `model` under `scheme`, or take it from `cache`.

    A model that came as ``.tflite`` is only checked and copied. A scheme with rules is applied by
    LiteRT's quantizer to what the scheme ``basic`` gives.

    :param timeout: seconds that the converter may take.
    :raises ConfigurationError: the scheme's rules do not fit the model.
    :raises ConversionError: the converter failed, or crashed twice.
    :raises BenchError: the converter was killed, took too long, or lacked memory or disk.
    :raises ModelError: the model came as ``.tflite`` and is corrupt.
    :raises ToolchainNotFoundError: TensorFlow, or what else the scheme needs, is not installed.
    :raises VacuousSchemeError: a rule of the scheme left no trace.
    """
    if model.kind == "onnx":
        scheme = onnx_scheme(model, scheme)
    if model.kind == "torch":
        scheme = float_scheme(scheme)
    converter = _tools(model, scheme)
    settings = conversion_inputs(model, scheme, converter)

    def build(directory: Path) -> None:
        output = directory / "model.tflite"
        _make(model, scheme, cache, output, timeout)
        sidecar = {**settings, "sha256": file_sha256(output)}
        text = json.dumps(sidecar, indent=1, sort_keys=True)
        (directory / "model.json").write_text(text, "utf-8")

    entry = cache.entry("converted", declared_key(CONVERSION_INPUTS, settings), build)
    path = entry / "model.tflite"
    sha256 = file_sha256(path)
    return ConvertedModel(model.name, scheme.name, path, sha256, model.source_sha256, converter)


def _tools(model: Model, scheme: Scheme) -> str:
    """Return names and versions of all that a conversion under `scheme` uses."""
    if model.kind == "tflite":
        return AS_GIVEN
    tools = [torch_version() if model.kind == "torch" else tensorflow_version()]
    if model.kind == "onnx":
        tools.insert(0, f"onnx {package_version('onnx')}")
    if scheme.steps:
        from pytest_tinyquant.schemes.compress import check_kind
        from pytest_tinyquant.schemes.compress import compression_version

        check_kind(model, scheme)
        tools.insert(0, compression_version())
    if scheme.rules:
        from pytest_tinyquant.schemes.quantizer import quantizer_version

        tools.insert(0, quantizer_version())
    return " on ".join(tools)


def _make(model: Model, scheme: Scheme, cache: Cache, output: Path, timeout: float) -> None:
    """Write into the file `output` what `scheme` makes of `model`."""
    if model.kind == "tflite":
        output.write_bytes(_checked(model))
    elif model.kind == "onnx" and not scheme.rules:
        run_import(model, output, timeout)
    elif model.kind == "torch" and not scheme.rules:
        run_torch_converter(model, output, timeout)
    elif scheme.rules:
        from pytest_tinyquant.schemes.quantizer import run_quantizer

        basic = convert(model, scheme.before_rules(), cache, timeout=timeout)
        run_quantizer(model, scheme, basic.path, output, timeout=timeout)
    elif scheme.steps:
        from pytest_tinyquant.schemes.compress import run_compression

        with scratch_directory() as work:
            request = {**described(model), "output": str(Path(work) / "graph.npz")}
            where = f"{model.name} {scheme.name}: reading the model's layers"
            call_converter("keras_graph", request, where, timeout)
            graph = Path(request["output"])
            run_compression(model, scheme, graph, output, timeout=2 * timeout)
    else:
        _run_converter(model, scheme, output, timeout)


def reference_outputs(model: Model, cache: Cache, *, timeout: float = 300.0) -> Reference:
    """Compute what `model` answers to its check samples, or take it from `cache`.

    :raises ConversionError: what computes it failed, or crashed twice.
    :raises BenchError: it was killed, took too long, or lacked memory or disk.
    :raises ToolchainNotFoundError: what computes it is not installed: Keras, onnxruntime, or for a
        ``.tflite`` TensorFlow Lite's interpreter.
    """
    kind = model.kind if model.kind in ("tflite", "onnx", "torch") else "keras"
    samples = arrays_of(model.check())
    version, packages = _witness(kind)
    key = output_key(["reference", kind], version, model.source_sha256, samples, packages)

    def build(directory: Path) -> None:
        request = described(model)
        request["output"] = str(directory / "reference.npz")
        with scratch_directory() as work:
            request["samples"] = saved_inputs(Path(work), samples)
            if kind == "onnx":
                run_reference(request, f"{model.name}: onnxruntime", timeout)
            elif kind == "torch":
                run_module(model, request, timeout)
            elif kind == "tflite":
                file = Path(work) / "model.tflite"  # the model's own may be a C source
                file.write_bytes(read_model(model.path))
                request["path"] = str(file)
                request["steps"] = model.steps(len(samples[0]))
                where = f"{model.name}: TensorFlow Lite's interpreter"
                run_interpreter("answers", request, where, timeout)
            else:
                where = f"{model.name}: the float model"
                call_converter("keras_reference", request, where, timeout)

    path = cache.entry("reference", key, build) / "reference.npz"
    return Reference(path, kind, file_sha256(path))


def _witness(kind: str) -> tuple[str, tuple[str, ...]]:
    """Return name and version of what computes a reference, and the packages it is made of."""
    if kind == "onnx":
        return onnxruntime_version(), (*TENSORFLOW, *ONNX)
    if kind == "torch":
        return torch_version(), TORCH
    if kind == "tflite":
        used = find_interpreter()
        return used.version, used.packages
    return tensorflow_version(), TENSORFLOW


def interpreter_outputs(
    model: Model, converted: ConvertedModel, cache: Cache, *, kernels: str, timeout: float = 300.0
) -> Path:
    """Ask TensorFlow Lite's interpreter what a converted model answers, or take it from `cache`.

    :param kernels: ``reference``, or ``optimized`` for those that a user of the interpreter gets;
        on some operators they differ by several steps.
    :returns: an npz as :class:`Reference` describes it, its outputs dequantized.
    :raises ConversionError: the interpreter failed, crashed or took too long.
    :raises ToolchainNotFoundError: there is no interpreter.
    """
    used, samples = find_interpreter(), arrays_of(model.check())
    steps = model.steps(len(samples[0]))
    what: list[str | int] = ["interpreter", kernels, *([steps] if steps > 1 else [])]
    key = output_key(what, used.version, converted.sha256, samples, used.packages)

    def build(directory: Path) -> None:
        request: dict[str, Any] = {"path": str(converted.path.absolute()), "kernels": kernels}
        request["steps"] = steps
        request["output"] = str(directory / "outputs.npz")
        with scratch_directory() as work:
            request["samples"] = saved_inputs(Path(work), samples)
            where = f"{model.name} {converted.scheme}: TensorFlow Lite's interpreter"
            run_interpreter("answers", request, where, timeout)

    return cache.entry("interpreter", key, build) / "outputs.npz"


def read_arrays(file: Path, name: str) -> list[Any]:
    """Return the "inputs" or "outputs" in the npz of a reference, one array per tensor."""
    import numpy as np

    with np.load(file) as arrays:
        if name in arrays:
            return [arrays[name]]
        count = sum(key.startswith(f"{name}_") for key in arrays.files)
        return [arrays[f"{name}_{index}"] for index in range(count)]


def _run_converter(model: Model, scheme: Scheme, output: Path, timeout: float) -> None:
    """Convert into the file `output`."""
    request = described(model)
    request["scheme"] = scheme.content()
    request["dense_per_channel"] = model.dense_per_channel
    request["output"] = str(output)
    with scratch_directory() as work:
        if scheme.representative:
            request["calibration"] = saved_inputs(Path(work), arrays_of(model.calibration()))
        where = f"{model.name} {scheme.name}: TensorFlow Lite's converter"
        try:
            call_converter("convert", request, where, timeout)
        except ConversionError as error:
            if words := advice(model, str(error)):
                raise ConversionError(f"{words}\n{error}") from error
            raise


def call_converter(function: str, request: dict[str, Any], where: str, timeout: float) -> None:
    """Call `function` of the converter's process with `request`; `where` is for messages."""
    run_job(SERVERS["tensorflow"], f"{_PROCESS}:{function}", request, where, timeout)


def _checked(model: Model) -> bytes:
    """Return the bytes of a ``.tflite`` that can be read."""
    from pytest_tinyquant.models.tflite_reader import read_graph

    data = read_model(model.path)
    read_graph(data, where=f"{model.name} ({model.path})")
    return data
