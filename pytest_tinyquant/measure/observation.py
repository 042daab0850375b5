"""The last two stages of a case: built for its board, and what one run of that left to measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.models.task import Task
from pytest_tinyquant.project.case import Checked


if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_tinyquant.boards.device import RunRecord
    from pytest_tinyquant.models.graph import Tensor
    from pytest_tinyquant.models.labels import Labels


@dataclass(frozen=True)
class Built(Checked):
    """A case that is ready to run.

    :param image: the firmware image; what the host is given in its place.
    """

    image: Any


@dataclass(frozen=True)
class Observation(Built):
    """A finished run, with everything that a metric may be computed from.

    :param record: what the device reported: outputs, counts, memory, its log.
    :param expected: the reference's outputs for all check samples, one float array ``[n, *shape]``
        per output tensor.
    :param inputs: the check samples, one float32 array ``[n, *shape]`` per input.
    :param labels: what they really are, if that is known.
    :param task: what the model is for.
    :param root: the project's directory, which a function of the user's may lie in.
    :param drawn_data: the samples were drawn at random.
    :param class_names: what the model's file calls its classes; empty if it does not.
    """

    record: RunRecord
    expected: Sequence[NDArray[Any]]
    inputs: Sequence[NDArray[Any]] = ()
    labels: Labels | None = None
    task: Task = field(default_factory=Task)
    root: Path = field(default_factory=Path)
    drawn_data: bool = False
    class_names: tuple[str, ...] = ()

    @property
    def outputs(self) -> list[Tensor]:
        """The model's output tensors, which say how to read the record's bytes."""
        return [self.graph.tensors[index] for index in self.graph.outputs]
