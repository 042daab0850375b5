"""Where the outputs of two runtimes for the same model file are furthest apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from pytest_tinyquant.measure.divergence import FLOAT_TOLERANCE
from pytest_tinyquant.models.quantize import step


if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_tinyquant.models.graph import Tensor

    Outputs = Sequence[NDArray[Any]]


@dataclass(frozen=True)
class OutputDifference:
    """Where two sets of outputs are furthest apart.

    :param tensor: the output.
    :param largest: the difference in ``unit``; infinite where one of them is not finite.
    :param unit: ``steps`` of quantization, ``units`` of an integer, or ``of its range``.
    :param samples: by how much each check sample's values of that output differ, 0 for those that
        agree.
    """

    tensor: Tensor
    largest: float
    unit: str
    samples: tuple[float, ...]

    @property
    def finite(self) -> float | None:
        """The difference as a number that JSON has; None where it is infinite."""
        return self.largest if math.isfinite(self.largest) else None


def largest_difference(
    expected: Outputs, found: Outputs, tensors: Sequence[Tensor]
) -> OutputDifference | None:
    """Return where the real outputs of two runtimes are furthest apart; None if they agree.

    Integers must be equal, floats within :data:`FLOAT_TOLERANCE` of the output's range. Outputs
    with steps go before those without.

    :param expected: real values, one float array ``[n, *shape]`` per output; ``found`` likewise.
    :param tensors: the outputs, which say what a step is.
    """
    pairs = zip(tensors, expected, found, strict=True)
    differences = [d for pair in pairs if (d := _difference(*pair)) is not None]
    return max(differences, key=lambda d: (d.unit != "of its range", d.largest), default=None)


def _difference(
    tensor: Tensor, first: NDArray[Any], second: NDArray[Any]
) -> OutputDifference | None:
    before, after = (each.reshape(len(each), -1).astype(np.float64) for each in (first, second))
    if tensor.dtype == "float32":
        unit, tolerance, size = "of its range", FLOAT_TOLERANCE, float(np.ptp(before)) or 1.0
    else:
        unit, tolerance = ("steps" if tensor.quantization else "units"), 0.0
        size = step(tensor) or 1.0
    apart = np.nan_to_num(np.abs(before - after) / size, nan=np.inf, posinf=np.inf)
    # Real values are float32, whose last bits are far below a step.
    apart = apart if unit == "of its range" else np.rint(apart)
    samples = np.where(apart > tolerance, apart, 0.0).max(axis=1)
    largest = float(samples.max())
    return OutputDifference(tensor, largest, unit, tuple(samples.tolist())) if largest else None
