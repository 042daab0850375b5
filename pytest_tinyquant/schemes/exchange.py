"""What the processes that convert models are started with, and how data travels to them."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import Any


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


def package_version(package: str) -> str:
    """Return the version of an importable package, whatever distribution brought it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        # tensorflow-cpu and nightly builds bring the package under another name.
        names = importlib.metadata.packages_distributions().get(package, [])
        return " ".join(f"{name} {importlib.metadata.version(name)}" for name in sorted(names))


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of the file at `path`."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
