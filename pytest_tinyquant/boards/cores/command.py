"""A command-line tool as a kind of board: it says what a model will take, or runs it itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.boards.cores.core import Core
from pytest_tinyquant.errors import BoardNotFoundError
from pytest_tinyquant.errors import located
from pytest_tinyquant.project.target import Target


if TYPE_CHECKING:
    from pytest_tinyquant.boards.device import Device
    from pytest_tinyquant.boards.device import HostImage
    from pytest_tinyquant.boards.halts.halt import Faults
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.project.case import Checked
    from pytest_tinyquant.system.cache import Cache


@dataclass(frozen=True, kw_only=True)
class CommandTool(Core):
    """A vendor's tool, or a script of the user's."""

    def compile(self, case: Checked, image: HostImage, cache: Cache, timeout: float) -> HostImage:
        """Return the model with what the tool reports of it.

        :raises UnsupportedModelError: the tool does not take the model; or it gives no outputs, and
            TensorFlow Lite Micro, which computes them in its place, does not run it.
        """
        from pytest_tinyquant.boards.vendor.image import Reporter
        from pytest_tinyquant.support.check import check_read_as_written
        from pytest_tinyquant.support.check import check_support
        from pytest_tinyquant.support.runtimes import RUNTIMES

        reported = Reporter(cache, timeout).image(case, image)
        if not reported.outputs:
            reference = RUNTIMES["tflm"]
            with located(case.name):
                check_support(case.graph, reference)
                check_read_as_written(case.graph, reference)
        return reported

    def open_virtual(self, board: Board, *, work_dir: Path, timeout: float) -> Device:
        """Return what gives the tool's outputs, or has them computed on this computer."""
        from pytest_tinyquant.boards.vendor.device import ToolDevice

        return ToolDevice(board.name, work_dir=work_dir, timeout=timeout)

    def faults(self) -> Faults:
        """Raise BoardNotFoundError: the tool alone sees a board."""
        raise BoardNotFoundError("a command-line tool shows no fault registers")


COMMAND: Final = CommandTool(
    name="command",
    packages=("tflite-micro",),
    target=Target.TOOL,
    needs={"tool": "parser, and at least one of the commands analyze, generate and validate"},
)
