"""What stands for a board that a tool reports of: its outputs, or this computer's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_tinyquant.boards.device import ReportedImage
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.boards.host.host import HostDevice


if TYPE_CHECKING:
    from pathlib import Path

    from pytest_tinyquant.boards.device import HostImage
    from pytest_tinyquant.boards.device import LoadableImage


class ToolDevice:
    """Gives the outputs that a tool reported; without any, TensorFlow Lite Micro computes them.

    :param name: the board's name, for messages.
    :param work_dir: existing directory for files that live as long as a run.
    :param timeout: seconds a run may take.
    """

    def __init__(self, name: str, *, work_dir: Path, timeout: float) -> None:
        self._host = HostDevice(name, work_dir=work_dir, timeout=timeout)
        self._outputs: tuple[bytes, ...] = ()

    def flash(self, image: LoadableImage | HostImage) -> None:
        """Keep ``image`` for the next run."""
        self._host.flash(image)
        self._outputs = image.outputs if isinstance(image, ReportedImage) else ()

    def run(self) -> RunRecord:
        """Return the outputs of all samples.

        :raises DeviceHaltedError: the tool reported none, and TensorFlow Lite Micro refuses the
            model.
        """
        if not self._outputs:
            return self._host.run()
        return RunRecord(
            outputs=self._outputs,
            counter=None,
            counter_unit="cycles",
            counter_class="measured",
            op_counters=(),
            walk_counter=0,
            stack_bytes=None,
            arena_bytes=None,
            log="",
        )

    def close(self) -> None:
        """Nothing is held between runs."""
