"""The first operator at which two runs of a model part."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pytest_tinyquant.models.quantize import step


if TYPE_CHECKING:
    from pytest_tinyquant.models.graph import Tensor


#: Share of a float tensor's range by which two orders of the same additions may differ.
FLOAT_TOLERANCE: Final = 1e-5

#: Quantization steps that one value may move when a scale changed in its last bits.
RESCALED_STEPS: Final = 1.0


@dataclass(frozen=True)
class Divergence:
    """How far one tensor of the second run is from the first's.

    :param differing: elements out of tolerance, of ``elements``.
    :param largest: the largest difference, in ``unit``.
    """

    differing: int
    elements: int
    largest: float
    unit: str

    def text(self) -> str:
        """Return such as ``12 of 294 elements differ, by up to 3 steps``."""
        return (
            f"{self.differing:,} of {self.elements:,} elements differ, "
            f"by up to {self.largest:.3g} {self.unit if self.largest != 1 else self.unit[:-1]}"
        )


def same_model(tensor: Tensor, expected: NDArray[Any], actual: bytes) -> Divergence | None:
    """Compare what two runtimes computed for one tensor of the same model file.

    Integers must be equal; floats may differ by :data:`FLOAT_TOLERANCE` of the tensor's range.

    :param expected: the reference's values.
    :param actual: the device's bytes.
    """
    reference = np.asarray(expected).reshape(-1)
    values = np.frombuffer(actual, reference.dtype.newbyteorder("<"))
    if reference.dtype.kind == "f":
        return _floats(reference, values)
    difference = np.abs(reference.astype(np.int64) - values.astype(np.int64))
    return _found(difference, 0, "steps" if tensor.quantization else "units")


def other_model(
    old: Tensor, before: NDArray[Any], new: Tensor, after: NDArray[Any]
) -> Divergence | None:
    """Compare one tensor of two model files by the real values that it stands for.

    Quantized values may move by :data:`RESCALED_STEPS` steps of the coarser of the two.
    """
    if before.size != after.size:
        elements = max(before.size, after.size)
        return Divergence(elements, elements, abs(before.size - after.size), "elements")
    reference, values = _real(old, before), _real(new, after)
    coarser = max(step(old), step(new))
    if not coarser:
        return _floats(reference, values)
    return _found(np.abs(reference - values) / coarser, RESCALED_STEPS + 1e-6, "steps")


def worst_sample(expected: Iterable[bytes], actual: Iterable[bytes], dtype: str) -> int | None:
    """Return the sample whose outputs differ most; None if none differs."""
    distances = [
        np.abs(np.frombuffer(a, dtype).astype(float) - np.frombuffer(b, dtype)).max()
        for a, b in zip(expected, actual, strict=True)
    ]
    worst = int(np.argmax(np.nan_to_num(distances, nan=np.inf)))
    return worst if distances[worst] != 0 else None


def _real(tensor: Tensor, stored: NDArray[Any]) -> NDArray[np.float64]:
    values = np.asarray(stored).reshape(-1).astype(np.float64)
    quantization = tensor.quantization
    if quantization is None or len(quantization.scales) != 1:
        return values
    return (values - quantization.zero_points[0]) * quantization.scales[0]


def _floats(reference: NDArray[Any], values: NDArray[Any]) -> Divergence | None:
    spread = float(np.ptp(reference)) or 1.0
    difference = np.abs(reference.astype(np.float64) - values) / spread
    return _found(np.nan_to_num(difference, nan=np.inf), FLOAT_TOLERANCE, "of its range")


def _found(difference: NDArray[Any], tolerance: float, unit: str) -> Divergence | None:
    count = int((difference > tolerance).sum())
    return Divergence(count, difference.size, float(difference.max()), unit) if count else None
