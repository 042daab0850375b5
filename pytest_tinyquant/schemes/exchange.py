"""What the processes that convert models are started with, and how data travels to them."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ConversionError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.schemes.child_process import ForkServer


ENVIRONMENT = {
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


def arrays_of(samples: Any) -> list[Any]:
    """Return one float32 array per model input; a model with one input gives just the array."""
    import numpy as np

    several = isinstance(samples, Sequence)
    return [np.ascontiguousarray(a, np.float32) for a in (samples if several else [samples])]


def saved_inputs(directory: Path, arrays: list[Any]) -> str:
    """Write `arrays` into an npz file in `directory` and return its name."""
    import numpy as np

    file = directory / "inputs.npz"
    np.savez(file, **{f"inputs_{index}": array for index, array in enumerate(arrays)})
    return str(file)


@functools.cache
def package_version(package: str) -> str:
    """Return the version of an importable package, whatever distribution brought it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        # tensorflow-cpu and nightly builds bring the package under another name.
        names = importlib.metadata.packages_distributions().get(package, [])
        return " ".join(f"{name} {importlib.metadata.version(name)}" for name in sorted(names))


def lacks_tensorflow() -> list[str]:
    """Return which of the packages that convert models are not installed."""
    return [name for name in ("tensorflow", "keras") if importlib.util.find_spec(name) is None]


def tensorflow_version() -> str:
    """Return the converter's name and version without importing it.

    :raises ToolchainNotFoundError: one of its packages is not installed.
    """
    if missing := lacks_tensorflow():
        raise ToolchainNotFoundError(
            f"{' and '.join(missing)} not installed: models cannot be converted. "
            "Install with: pip install 'pytest-tinyquant[convert]'"
        )
    return f"tensorflow {package_version('tensorflow')}"


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of the file at `path`."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def run_job(
    server: ForkServer,
    function: str,
    request: dict[str, Any],
    where: str,
    timeout: float,
    *,
    leaves: str = "output",
) -> None:
    """Call `function` (``module:name``) with `request` in a process of `server`.

    :param where: what runs, for messages; read before such as "crashed with SIGABRT".
    :param leaves: key of the request that names a file which must be there afterwards.
    :raises ConversionError: it failed, or crashed twice.
    :raises BenchError: it was killed, took too long, or lacked memory or disk.
    """
    outcome = first = server.call(function, [request], timeout=timeout)
    if first.crashed:
        # Only a crash that the model causes happens again.
        outcome = server.call(function, [request], timeout=timeout)
    if not first.trouble:
        if not Path(request[leaves]).is_file():
            raise BenchError(f"{where} ended as if all were well, and left no file; run again")
        return
    said = first.last_lines() or "(it printed nothing)"
    if outcome.crashed != first.crashed:
        raise BenchError(
            f"{where} {first.trouble}, and not when it was run once more. Its last lines:\n{said}"
        )
    error = BenchError if first.machine else ConversionError
    raise error(f"{where} {first.trouble}. Its last lines:\n{said}")
