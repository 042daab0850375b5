"""What the check samples of a model really are: classes, or values to be predicted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.models.task import TaskKind


#: Name of the array of labels in a model's npz file.
ARRAY: Final = "labels"


@dataclass(frozen=True)
class Labels:
    """The labels of all check samples.

    :param kind: what they are for.
    :param values: int64 ``[n]`` for classes and for anomalies (0 normal, 1 anomalous), float64
        ``[n, k]`` for values to be predicted.
    :param where: file and array, for messages.
    """

    kind: TaskKind
    values: NDArray[Any]
    where: str

    def first(self, count: int) -> Labels:
        """Return the labels of the first ``count`` samples."""
        return Labels(self.kind, self.values[:count], self.where)


def labels_of(array: NDArray[Any], samples: int, kind: TaskKind | None, *, where: str) -> Labels:
    """Return the labels in ``array``, one per sample.

    Integers ``[n]`` or ``[n, 1]`` are class indices, rows of ``[n, k]`` with a single 1 are one-hot
    classes, other numbers are values to be predicted; ``kind`` says otherwise.

    :param samples: how many check samples the data holds.
    :param kind: what the model's TOML says they are; None to tell by the array.
    :raises ConfigurationError: they cannot be that.
    """
    if array.ndim < 1 or array.ndim > 2 or array.dtype.kind not in "iufb":
        raise ConfigurationError(
            f"{where}: labels have shape {list(array.shape)} and type {array.dtype}; give class "
            "indices [n], one-hot rows [n, classes], or numbers to be predicted [n, k]"
        )
    if len(array) != samples:
        raise ConfigurationError(
            f"{where}: {len(array)} labels for {samples} check samples; give one label per sample"
        )
    if not np.isfinite(array.astype(np.float64)).all():
        index = int(np.argwhere(~np.isfinite(array.astype(np.float64)))[0][0])
        raise ConfigurationError(
            f"{where}: the label of sample {index} is {array[index]}; labels must be finite"
        )
    found = kind or _kind_of(array)
    if found == "regression":
        return Labels(found, array.reshape(samples, -1).astype(np.float64), where)
    classes = _classes(array, where)
    if found == "anomaly":
        _check_anomalies(classes, where)
    return Labels(found, classes, where)


def _kind_of(array: NDArray[Any]) -> TaskKind:
    if _is_one_hot(array) or (array.dtype.kind in "iub" and array[0].size == 1):
        return "classification"
    return "regression"


def _is_one_hot(array: NDArray[Any]) -> bool:
    if array.ndim != 2 or array.shape[1] < 2:
        return False
    return bool(np.isin(array, (0, 1)).all() and (array.sum(axis=1) == 1).all())


def _classes(array: NDArray[Any], where: str) -> NDArray[np.int64]:
    """Return class indices, int64 ``[n]``."""
    if _is_one_hot(array):
        return np.asarray(array.argmax(axis=1), np.int64)
    flat = array.reshape(len(array), -1)
    if flat.shape[1] != 1 or not (flat == np.floor(flat)).all() or (flat < 0).any():
        raise ConfigurationError(
            f"{where}: labels of a classification are whole numbers from 0 on, one per sample, or "
            'one-hot rows; for values to be predicted write kind = "regression" in [task]'
        )
    return flat[:, 0].astype(np.int64)


def _check_anomalies(classes: NDArray[np.int64], where: str) -> None:
    if set(np.unique(classes)) != {0, 1}:
        raise ConfigurationError(
            f"{where}: labels of an anomaly detection are 0 (normal) and 1 (anomalous), and both "
            f"must occur; these are {', '.join(map(str, np.unique(classes)[:5]))}"
        )


def read_label_file(file: Path) -> NDArray[Any]:
    """Return the array in a ``.npy`` file.

    :raises ConfigurationError: it cannot be read as one.
    """
    try:
        array: NDArray[Any] = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ConfigurationError(f"{file}: not a readable npy file ({error})") from error
    if not isinstance(array, np.ndarray):
        raise ConfigurationError(f"{file}: holds several arrays; save one array with numpy.save")
    return array
