"""The devices of a project: which can be reached, and how to take one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from contextlib import contextmanager
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.project.kinds import KINDS
from pytest_tinyquant.project.settings import Settings
from pytest_tinyquant.system.trouble import told


if TYPE_CHECKING:
    from pytest_tinyquant.boards.bench.pool import Pool
    from pytest_tinyquant.boards.device import Device
    from pytest_tinyquant.boards.device import HostImage
    from pytest_tinyquant.firmware.image import FirmwareImage
    from pytest_tinyquant.project.bench import PhysicalBoard
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.project.project import Project

    Image = FirmwareImage | HostImage


#: Seconds one run on a device may take before it counts as hanging.
DEVICE_TIMEOUT: Final[float] = Settings.default("timeout")


class Devices:
    """Takes devices for one project.

    :param device_timeout: seconds one run may take.
    :param pool: shares the attached boards with other processes.
    """

    def __init__(
        self,
        project: Project,
        *,
        device_timeout: float = DEVICE_TIMEOUT,
        pool: Pool | None = None,
    ) -> None:
        self.project = project
        self.device_timeout = device_timeout
        self.pool = pool

    def reachable(self, board: Board) -> tuple[PhysicalBoard, ...]:
        """Return the attached boards that can be ``board``; none if it needs none.

        :raises BoardNotFoundError: if it is to be a real one and none is attached.
        """
        if not board.target.is_real:
            return ()
        from pytest_tinyquant.boards.bench.attached import reachable

        return reachable(board, self.project.bench)

    def host_board(self) -> Board:
        """Return the board that runs TensorFlow Lite Micro on this computer."""
        from pytest_tinyquant.boards.cores.host import HOST

        boards = self.project.boards.values()
        return next(board for board in boards if KINDS[board.kind] is HOST)

    @contextmanager
    def open(self, board: Board, image: Image, *, name: str) -> Iterator[Device]:
        """Take a device of type ``board``, put ``image`` on it and yield it.

        :param name: names the device's files; the combination or the test.
        """
        with self.device(board, name=name, image=image) as device:
            device.flash(image)
            yield device

    @contextmanager
    def device(self, board: Board, *, name: str, image: Image | None = None) -> Iterator[Device]:
        """Take a device of type ``board`` and yield it as it is.

        :param name: names the device's files; the combination or the test.
        :param image: what is to run, so that a real board that holds it already is preferred.
        """
        from pytest_tinyquant.boards.open import device_directory
        from pytest_tinyquant.boards.open import leased
        from pytest_tinyquant.boards.open import open_device

        work_dir = device_directory(self.project.work_dir, name)
        with told(f"the device for {name}"), ExitStack() as held:
            work_dir.mkdir(parents=True, exist_ok=True)
            lease = held.enter_context(leased(self.reachable(board), self.pool, image, name=name))
            device = open_device(board, work_dir=work_dir, timeout=self.device_timeout, lease=lease)
            held.callback(device.close)
            yield device
