"""Arrays as they travel between processes: npz files with ``inputs_0``, ``inputs_1``, ..."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


Arrays = list[np.ndarray[Any, Any]]


def load_arrays(file: Path) -> Arrays:
    """Return the arrays ``inputs_0``, ``inputs_1``, ... of `file`."""
    with np.load(file) as arrays:
        return [arrays[f"inputs_{index}"] for index in range(len(arrays.files))]


def save_answers(file: Path, inputs: Arrays, outputs: list[Arrays]) -> None:
    """Write `inputs` and the `outputs` of each sample; the index is left out if there is one."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    by_output = [np.stack(samples) for samples in zip(*outputs, strict=True)]
    for name, group in (("inputs", inputs), ("outputs", by_output)):
        for index, array in enumerate(group):
            arrays[name if len(group) == 1 else f"{name}_{index}"] = array.astype(np.float32)
    np.savez(file, **arrays)  # type: ignore[arg-type]
