"""The verdicts of an A/B run."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.baselines.compare import compare
from pytest_tinyquant.baselines.noise import noise_floors
from pytest_tinyquant.baselines.verdict import Comparison
from pytest_tinyquant.baselines.verdict import Verdict
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.errors import located
from pytest_tinyquant.metrics.tolerances import Tolerances


if TYPE_CHECKING:
    from pytest_tinyquant.baselines.recording import WrittenBaseline
    from pytest_tinyquant.measure.measurement import Measurement
    from pytest_tinyquant.paired.session import PairedRun


class PairedGate:
    """Judges measurements of the second side by those of the first.

    Of the baselines it takes the boards' noise floors, and nothing else.
    """

    def __init__(self, paired: PairedRun, baselines: Path, tolerances: Mapping[str, Any]) -> None:
        self._paired = paired
        self._baselines = baselines
        self._tolerances = dict(tolerances)

    def check(
        self,
        metric: str,
        measurement: Measurement,
        *,
        tolerances: Iterable[Mapping[str, Any]] = (),
        test: str = "",
    ) -> Verdict:
        """Return the verdict on one metric."""
        first = self._paired.choices[0].text
        found = self._paired.first(measurement)
        if isinstance(found, TinyQuantError):
            return _without_first(metric, measurement, first, found)
        with located(measurement.combination):
            merged = Tolerances.of(self._tolerances, *tolerances)
        floors = noise_floors(self._baselines, measurement.board, measurement.target)
        merged = merged.over_noise(floors)
        verdict = compare(metric, found, measurement, merged, first)
        ran = f"A: {_image(found)}, B: {_image(measurement)}"
        return dataclasses.replace(verdict, notes=(ran, *verdict.notes))

    def reference(self, measurement: Measurement) -> Measurement | None:
        """Return what the first side measured; None if it could not."""
        found = self._paired.first(measurement)
        return None if isinstance(found, TinyQuantError) else found

    def record(self, passed: Collection[str], *, staging: Path | None = None) -> list[str]:
        """Write no baseline."""
        return []

    def written(self) -> tuple[WrittenBaseline, ...]:
        """No baseline is written."""
        return ()


def _without_first(
    metric: str, measurement: Measurement, name: str, error: TinyQuantError
) -> Verdict:
    comparisons = tuple(
        Comparison(part, None, number.rounded(), "new", "")
        for part, number in measurement.gating(metric).items()
    )
    return Verdict(
        combination=measurement.combination,
        metric=metric,
        status="new",
        comparisons=comparisons,
        path=name,
        message=f"{name} has no such measurement: {type(error).__name__}: {error}",
        notes=(f"A: none, B: {_image(measurement)}",),
    )


def _image(measurement: Measurement) -> str:
    """Return what ran: the image's digest, on the host the model file's."""
    image = measurement.identity.get("image")
    return f"image {image[:12]}" if image else f"file {measurement.identity['tflite_sha256'][:12]}"
