"""The two sides of a comparison: each builds its image and evaluates what that did."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Protocol

from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.paired.protocol import SideImage
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.support.runtimes import RUNTIMES


if TYPE_CHECKING:
    from pytest_tinyquant.measure.observation import Built
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.stages.pipeline import Stages


class Side(Protocol):
    """One side of a comparison."""

    name: str

    def build(self, case: Case) -> SideImage | HostImage:
        """Return the image of a combination.

        :raises AbsentError: the side has no such combination.
        :raises RevisionError: the side cannot be built at all.
        :raises TinyQuantError: the side cannot run that combination.
        """

    def evaluate(self, record: RunRecord) -> Measurement:
        """Return what a run of the image built last measured."""

    def close(self) -> None:
        """Release what the side holds; may be called twice."""


class WorkingTree:
    """The project as it lies there, perhaps with other kernels on every board.

    :param kernels: directory of the kernels to take; None for those of boards.toml.
    """

    def __init__(self, name: str, stages: Stages, kernels: Path | None = None) -> None:
        self.name = name
        self._stages = stages
        self._kernels = kernels
        self._last: Built | None = None

    def board(self, board: Board) -> Board:
        """Return the board with this side's kernels.

        :raises ConfigurationError: its runtime takes none.
        """
        if self._kernels is None or not board.runs_firmware:
            return board
        runtime = RUNTIMES[board.runtime]
        if not runtime.is_compiled:
            raise ConfigurationError(
                f"--tq-ab: {board.name} runs {runtime.title}, which takes its kernels from the "
                f"board's library: the directory {self._kernels} would change nothing. Leave the "
                "board out with --board, or compare two boards, each with a library of its own"
            )
        return board.with_own_kernels(self._kernels)

    def build(self, case: Case) -> SideImage | HostImage:
        """Return the image of a combination."""
        self._last = self._stages.prepare(dataclasses.replace(case, board=self.board(case.board)))
        image = self._last.image
        if isinstance(image, HostImage):
            return image
        return SideImage(image.elf, image.image_id, image.sha256)

    def evaluate(self, record: RunRecord) -> Measurement:
        """Return what a run of the image built last measured."""
        assert self._last is not None, "nothing runs that was not built"
        return self._stages.evaluate(self._last, record)

    def close(self) -> None:
        """Nothing is held."""
