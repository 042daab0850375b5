"""The canary: one combination measured before and after a run, on each real board.

A board on which the same image gives other numbers in the evening and in the morning measured
nothing in between that a model could be blamed for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_tinyquant.baselines.compare import compare
from pytest_tinyquant.baselines.noise import noise_floors
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.errors import located
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.metrics.text import quantity_text
from pytest_tinyquant.metrics.tolerances import Tolerances
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.stages.pipeline import Stages


if TYPE_CHECKING:
    from pytest_tinyquant.measure.measurement import Measurement
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.project.bench import PhysicalBoard
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.project.project import Project
    from pytest_tinyquant.schemes.scheme import Scheme


@dataclass(frozen=True)
class Sighting:
    """What the canary says about one board.

    :param board: the board type.
    :param physical: the board.
    :param trouble: what is wrong with it; empty if nothing is.
    """

    board: str
    physical: str
    trouble: str = ""


class Canary:
    """The combination, and what it gave at first.

    :param name: ``MODEL-SCHEME``.
    :raises ConfigurationError: the project has no such combination.
    """

    def __init__(self, name: str, stages: Stages, boards: tuple[Board, ...]) -> None:
        self._model, self._scheme = _find(name, stages.project)
        self._name = name
        self._stages = stages
        self._boards = [board for board in boards if board.target.is_real]
        self._first: dict[str, Measurement] = {}

    def before(self) -> list[Sighting]:
        """Measure it on each attached board; return what is wrong already."""
        seen = []
        for board, physical in self._attached():
            try:
                self._first[physical.name] = self._measure(board, physical)
            except TinyQuantError as error:
                seen.append(self._trouble(board, physical, f"before the run: {error}"))
        return seen

    def after(self) -> list[Sighting]:
        """Measure it again; return what became of each board on which it was measured before."""
        seen = []
        attached = {physical.name: (board, physical) for board, physical in self._attached()}
        for name, first in self._first.items():
            board, physical = attached.get(name, (None, None))
            if board is None or physical is None:
                trouble = f"{name} is not attached any more; it was when the run began"
                seen.append(Sighting(first.board, name, f"{self._name} after the run: {trouble}"))
                continue
            try:
                tolerances = self._tolerances(first)
                drift = drift_text(first, self._measure(board, physical), tolerances)
            except TinyQuantError as error:
                drift = f"after the run: {error}"
            seen.append(
                self._trouble(board, physical, drift) if drift else Sighting(board.name, name)
            )
        return seen

    def _attached(self) -> Iterator[tuple[Board, PhysicalBoard]]:
        from pytest_tinyquant.boards.bench.attached import attached

        for board in self._boards:
            bench = self._stages.project.bench
            for physical in attached(row for row in bench if row.type == board.name):
                yield board, physical

    def _measure(self, board: Board, physical: PhysicalBoard) -> Measurement:
        project = dataclasses.replace(self._stages.project, bench=(physical,))
        stages = Stages(
            project,
            device_timeout=self._stages.device_timeout,
            pool=self._stages.pool,
            progress=self._stages.progress,
        )
        return stages.measure(Case(self._model, self._scheme, board))

    def _tolerances(self, measured: Measurement) -> Tolerances:
        """Return what the gate allows a measurement of this combination."""
        project = self._stages.project
        with located(self._name):
            allowed = Tolerances.of(project.tolerance, self._model.tolerance)
        floors = noise_floors(project.baselines_dir, measured.board, measured.target)
        return allowed.over_noise(floors)

    def _trouble(self, board: Board, physical: PhysicalBoard, text: str) -> Sighting:
        return Sighting(
            board.name, physical.name, f"canary {self._name} on {physical.name}: {text}"
        )


def drift_text(first: Measurement, last: Measurement, tolerances: Tolerances) -> str:
    """Return how two measurements of one image on one board differ; empty within the tolerance."""
    if first.output_sha256 != last.output_sha256:
        return "other outputs than before the run, from the same image"
    for metric in last.metrics:
        if METRICS[metric].scatters:
            drift = _drift_of(metric, first, last, tolerances)
            if drift:
                return drift
    return ""


def _drift_of(metric: str, first: Measurement, last: Measurement, tolerances: Tolerances) -> str:
    """Return how one metric differs; empty within the tolerance."""
    verdict = compare(metric, first, last, tolerances, "before the run")
    if verdict.message:
        return verdict.message
    for number in verdict.comparisons:
        if number.status != "ok" and number.baseline is not None:
            before, now = number.baseline, number.current
            return (
                f"{metric} drifted from {number_text(before.value)} to "
                f"{quantity_text(now.value, now.unit)} "
                f"(limit {number.limit})"
            )
    return ""


def _find(name: str, project: Project) -> tuple[Model, Scheme]:
    for model in project.models.values():
        for scheme in project.schemes.values():
            if name.lower() == f"{model.name}-{scheme.name}".lower():
                return model, scheme
    raise ConfigurationError(
        f"tinyquant_canary: {name!r} is no MODEL-SCHEME of this project, such as "
        f"{next(iter(project.models), 'cnn_1')}-int8-only; correct it"
    )
