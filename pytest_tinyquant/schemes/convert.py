"""Conversion of a model under a scheme, and the float outputs to compare a device with.

Both run in processes of their own, are cached, and give the same bytes for the same input.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ConversionError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.schemes.child_process import ForkServer


if TYPE_CHECKING:
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.schemes.scheme import Scheme
    from pytest_tinyquant.system.cache import Cache

# Part of every cache key: to be raised when converter_process.py gives other bytes than before.
REVISION = "1"

AS_GIVEN = "as given"

_PROCESS = "pytest_tinyquant.schemes.converter_process"

_ENVIRONMENT = {
    # Errors only; a converted model is no place for start-up messages.
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "CUDA_VISIBLE_DEVICES": "-1",
    # Its kernels give other last digits on other processors.
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_USE_LEGACY_KERAS": "0",
    "KERAS_BACKEND": "tensorflow",
    # No thread pools: the server may have one thread only, and the jobs run side by side.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "PYTHONHASHSEED": "0",
}

_server = ForkServer((_PROCESS,), _ENVIRONMENT)


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
    :param kind: ``keras`` for float outputs of the trained model; ``tflite`` for dequantized
        outputs of TensorFlow Lite's reference kernels, for a model that came as ``.tflite``.
    :param sha256: of the file at `path`.
    """

    path: Path
    kind: str
    sha256: str


def convert(
    model: Model, scheme: Scheme, cache: Cache, *, timeout: float = 300.0
) -> ConvertedModel:
    """Convert `model` under `scheme`, or take it from `cache`.

    A model that came as ``.tflite`` is only checked and copied.

    :param timeout: seconds that the converter may take.
    :raises ConversionError: the converter failed, or crashed twice.
    :raises BenchError: the converter was killed, took too long, or lacked memory or disk.
    :raises ModelError: the model came as ``.tflite`` and is corrupt.
    :raises ToolchainNotFoundError: TensorFlow is not installed.
    """
    converter = AS_GIVEN if model.kind == "tflite" else tensorflow_version()
    settings: dict[str, object] = {
        "converter": converter,
        "dense_per_channel": model.dense_per_channel,
        "keras": "" if converter == AS_GIVEN else _version("keras"),
        "kind": model.kind,
        "scheme": asdict(scheme),
        "source_sha256": model.source_sha256,
    }

    def build(directory: Path) -> None:
        output = directory / "model.tflite"
        if model.kind == "tflite":
            output.write_bytes(_checked(model))
        else:
            _run_converter(model, scheme, output, timeout)
        sidecar = {**settings, "sha256": _sha256(output)}
        text = json.dumps(sidecar, indent=1, sort_keys=True)
        (directory / "model.json").write_text(text, "utf-8")

    entry = cache.entry("converted", cache.key("converted", REVISION, settings), build)
    path = entry / "model.tflite"
    sha256 = _sha256(path)
    return ConvertedModel(model.name, scheme.name, path, sha256, model.source_sha256, converter)


def reference_outputs(model: Model, cache: Cache, *, timeout: float = 300.0) -> Reference:
    """Compute what `model` answers to its check samples, or take it from `cache`.

    :raises ConversionError: TensorFlow failed, or crashed twice.
    :raises BenchError: it was killed, took too long, or lacked memory or disk.
    :raises ToolchainNotFoundError: TensorFlow is not installed.
    """
    kind = "tflite" if model.kind == "tflite" else "keras"
    samples = _arrays(model.check())
    key = cache.key(
        "reference",
        REVISION,
        kind,
        tensorflow_version(),
        model.source_sha256,
        *(part for array in samples for part in (str(array.shape), array.tobytes())),
    )

    def build(directory: Path) -> None:
        request = _described(model)
        request["output"] = str(directory / "reference.npz")
        with tempfile.TemporaryDirectory(prefix="tinyquant-") as work:
            request["samples"] = _saved(Path(work), samples)
            _call(f"{kind}_reference", request, f"{model.name}: the float model", timeout)

    path = cache.entry("reference", key, build) / "reference.npz"
    return Reference(path, kind, _sha256(path))


def interpreter_outputs(
    model: Model, converted: ConvertedModel, cache: Cache, *, kernels: str, timeout: float = 300.0
) -> Path:
    """Ask TensorFlow Lite's interpreter what a converted model answers, or take it from `cache`.

    :param kernels: ``reference``, or ``optimized`` for those that a user of the interpreter gets;
        on some operators they differ by several steps.
    :returns: an npz as :class:`Reference` describes it, its outputs dequantized.
    :raises ConversionError: the interpreter failed, crashed or took too long.
    :raises ToolchainNotFoundError: TensorFlow is not installed.
    """
    samples = _arrays(model.check())
    key = cache.key(
        "interpreter",
        REVISION,
        kernels,
        tensorflow_version(),
        converted.sha256,
        *(part for array in samples for part in (str(array.shape), array.tobytes())),
    )

    def build(directory: Path) -> None:
        request = {"path": str(converted.path.absolute()), "kernels": kernels}
        request["output"] = str(directory / "outputs.npz")
        with tempfile.TemporaryDirectory(prefix="tinyquant-") as work:
            request["samples"] = _saved(Path(work), samples)
            where = f"{model.name} {converted.scheme}: TensorFlow Lite's interpreter"
            _call("tflite_reference", request, where, timeout)

    return cache.entry("interpreter", key, build) / "outputs.npz"


def read_arrays(file: Path, name: str) -> list[Any]:
    """Return the "inputs" or "outputs" in the npz of a reference, one array per tensor."""
    import numpy as np

    with np.load(file) as arrays:
        if name in arrays:
            return [arrays[name]]
        count = sum(key.startswith(f"{name}_") for key in arrays.files)
        return [arrays[f"{name}_{index}"] for index in range(count)]


def tensorflow_version() -> str:
    """Return the converter's name and version without importing it.

    :raises ToolchainNotFoundError: one of them is not installed.
    """
    missing = [name for name in ("tensorflow", "keras") if importlib.util.find_spec(name) is None]
    if missing:
        raise ToolchainNotFoundError(
            f"{' and '.join(missing)} not installed: models cannot be converted. "
            "Install with: pip install pytest-tinyquant[convert]"
        )
    return f"tensorflow {_version('tensorflow')}"


def _run_converter(model: Model, scheme: Scheme, output: Path, timeout: float) -> None:
    """Convert into the file `output`."""
    request = _described(model)
    request["scheme"] = asdict(scheme)
    request["dense_per_channel"] = model.dense_per_channel
    request["output"] = str(output)
    with tempfile.TemporaryDirectory(prefix="tinyquant-") as work:
        if scheme.representative:
            request["calibration"] = _saved(Path(work), _arrays(model.calibration()))
        where = f"{model.name} {scheme.name}: TensorFlow Lite's converter"
        _call("convert", request, where, timeout)


def _described(model: Model) -> dict[str, Any]:
    """Return what the other process needs to load `model`."""
    return {"kind": model.kind, "path": str(model.path.absolute())}


def _call(function: str, request: dict[str, Any], where: str, timeout: float) -> None:
    """Call `function` of the converter's process with `request`."""
    outcome = first = _server.call(f"{_PROCESS}:{function}", [request], timeout=timeout)
    if first.crashed:
        # Only a crash that the model causes happens again.
        outcome = _server.call(f"{_PROCESS}:{function}", [request], timeout=timeout)
    if not first.trouble:
        if not Path(request["output"]).is_file():
            raise BenchError(f"{where} ended as if all were well, and left no file; run again")
        return
    said = first.last_lines() or "(it printed nothing)"
    if outcome.crashed != first.crashed:
        raise BenchError(
            f"{where} {first.trouble}, and not when it was run once more. Its last lines:\n{said}"
        )
    error = BenchError if first.machine else ConversionError
    raise error(f"{where} {first.trouble}. Its last lines:\n{said}")


def _checked(model: Model) -> bytes:
    """Return the bytes of a ``.tflite`` that can be read."""
    from pytest_tinyquant.models.tflite_reader import read_graph

    data: bytes = model.path.read_bytes()
    read_graph(data, where=f"{model.name} ({model.path})")
    return data


def _arrays(samples: Any) -> list[Any]:
    """Return one float32 array per model input; a model with one input gives just the array."""
    import numpy as np

    several = isinstance(samples, Sequence)
    return [np.ascontiguousarray(a, np.float32) for a in (samples if several else [samples])]


def _saved(directory: Path, arrays: list[Any]) -> str:
    """Write `arrays` into an npz file in `directory` and return its name."""
    import numpy as np

    file = directory / "inputs.npz"
    np.savez(file, **{f"inputs_{index}": array for index, array in enumerate(arrays)})
    return str(file)


def _version(package: str) -> str:
    """Return the version of an importable package, whatever distribution brought it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        # tensorflow-cpu and nightly builds bring the package under another name.
        names = importlib.metadata.packages_distributions().get(package, [])
        return " ".join(f"{name} {importlib.metadata.version(name)}" for name in sorted(names))


def _sha256(path: Path) -> str:
    """Return the SHA-256 of the file at `path`."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
