"""The host, this computer, as a kind of board: the runtime in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.boards.cores.core import Core
from pytest_tinyquant.errors import BoardNotFoundError


if TYPE_CHECKING:
    from pytest_tinyquant.boards.device import Device
    from pytest_tinyquant.boards.halts.halt import Faults
    from pytest_tinyquant.project.board_types import Board


@dataclass(frozen=True, kw_only=True)
class Host(Core):
    """The computer that the tests run on."""

    def open_virtual(self, board: Board, *, work_dir: Path, timeout: float) -> Device:
        """Return TensorFlow Lite Micro in a child process."""
        from pytest_tinyquant.boards.host.host import HostDevice

        return HostDevice(board.name, work_dir=work_dir, timeout=timeout)

    def faults(self) -> Faults:
        """Raise BoardNotFoundError: a process that dies says so by its exit status."""
        raise BoardNotFoundError("this computer has no fault registers to read")


HOST: Final = Host(name="host", packages=("tflite-micro",))
