"""A scheme's `training`: what its steps learn from instead of the calibration samples."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.errors import ConfigurationError


if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def check_training(file: Path, graph: Path, calibration: Array, where: str) -> int:
    """Return the number of training samples in `file`.

    :param graph: the model as :mod:`pytest_tinyquant.schemes.keras_graph` writes it.
    :param calibration: [samples, ...], as the model takes them.
    :raises ConfigurationError: they do not fit the model.
    """
    inputs, targets = _read(file, where)
    if inputs.shape[1:] != calibration.shape[1:]:
        raise ConfigurationError(
            f"{where}: training {file}: its inputs have shape {list(inputs.shape[1:])}, but the "
            f"model takes {list(calibration.shape[1:])}; save them as the model takes them"
        )
    if targets.shape[:1] != inputs.shape[:1] or len(inputs) == 0:
        number = len(targets) if targets.ndim else 1
        raise ConfigurationError(
            f"{where}: training {file}: {len(inputs)} inputs and {number} targets; there must be "
            "one target for each input"
        )
    _check_targets(targets, _output_shape(graph), f"{where}: training {file}")
    return len(inputs)


def _read(file: Path, where: str) -> tuple[Array, Array]:
    import numpy as np

    try:
        with np.load(file, allow_pickle=False) as arrays:
            inputs, targets = arrays["inputs"], arrays["targets"]
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ConfigurationError(
            f"{where}: training {file}: cannot be read ({error}); it must be an npz with the "
            "arrays 'inputs' and 'targets'"
        ) from error
    for name, array in (("inputs", inputs), ("targets", targets)):
        if array.dtype.kind not in "fiu":
            raise ConfigurationError(
                f"{where}: training {file}: its {name} are of type {array.dtype}; save numbers"
            )
        if not np.isfinite(array).all():
            raise ConfigurationError(
                f"{where}: training {file}: holds NaN or infinity; remove them"
            )
    return inputs, targets


def _output_shape(graph: Path) -> list[int | None]:
    """Return the shape of one output of the model; sizes that are open are None."""
    import numpy as np

    with np.load(graph) as arrays:
        shape: list[int | None] = json.loads(str(arrays["graph"]))["output_shape"]
    return shape


def _check_targets(targets: Array, shape: Sequence[int | None], where: str) -> None:
    """Check that targets are labels of the model's classes, or numbers in its output's shape."""
    size = shape[-1] if shape else None
    one = list(targets.shape[1:])
    if targets.dtype.kind in "iu":
        if one not in ([], [1]) or size is None:
            raise ConfigurationError(
                f"{where}: its targets are integers of shape {one}, which are taken for labels; "
                "save one label for each input, or numbers as float32"
            )
        if targets.min() < 0 or targets.max() >= size:
            raise ConfigurationError(
                f"{where}: its labels go from {targets.min()} to {targets.max()}, but the model "
                f"has {size} outputs; labels begin at 0, and numbers to predict are float32"
            )
        return
    fits = len(one) == len(shape) and all(
        theirs in (None, ours) for ours, theirs in zip(one, shape, strict=True)
    )
    if not fits and not (one == [] and list(shape) == [1]):
        raise ConfigurationError(
            f"{where}: its targets have shape {one}, but the model's output has {list(shape)}; "
            "save them as the model answers, or labels as integers"
        )
