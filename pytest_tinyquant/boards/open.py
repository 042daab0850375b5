"""Opens the device that a board stands for."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.boards.bench.lease import Lease
from pytest_tinyquant.boards.cores.core import core_of
from pytest_tinyquant.boards.device import Device
from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.device import LoadableImage
from pytest_tinyquant.project.bench import PYOCD
from pytest_tinyquant.project.board_types import Board


if TYPE_CHECKING:
    from pytest_tinyquant.boards.bench.pool import Pool
    from pytest_tinyquant.boards.firmware_board import FirmwareBoard
    from pytest_tinyquant.project.bench import PhysicalBoard

CONSOLE_LOG: Final = "console.log"
"""File in the work directory with everything that a board printed."""

_LONGEST_NAME: Final = 200


def device_directory(work_dir: Path, name: str) -> Path:
    """Return where a run of pytest keeps the files of a device.

    :param work_dir: the run's scratch directory.
    :param name: what the device was opened for: the combination or the test.
    """
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)
    if len(plain) > _LONGEST_NAME:
        # The name of a test has no limit, that of a file has.
        plain = f"{plain[:_LONGEST_NAME]}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"
    return work_dir / "devices" / plain


@contextmanager
def leased(
    attached: Sequence[PhysicalBoard],
    pool: Pool | None,
    image: LoadableImage | HostImage | None,
    *,
    name: str,
) -> Iterator[Lease | None]:
    """Hold one of the real boards in a ``with`` block, or nothing if there are none to choose.

    :param image: what is to run, if that is known.
    :param name: what for.
    """
    if not attached:
        yield None
        return
    from pytest_tinyquant.boards.bench.hardware import image_digest

    assert pool is not None, "whoever reaches real boards has a pool"
    digest = None if image is None or isinstance(image, HostImage) else image_digest(image)
    with pool.hold(attached, digest=digest, test=name) as lease:
        yield lease


def open_device(
    board: Board, *, work_dir: Path, timeout: float, lease: Lease | None = None
) -> Device:
    """Return a device of type ``board``; the caller closes it.

    :param work_dir: existing directory for files that live as long as a run.
    :param timeout: seconds a run may take.
    :param lease: holds the real board that is to be it, if it is to be one.
    :raises BoardNotFoundError: there is no way to reach such a board.
    """
    if board.target.is_real:
        assert lease is not None, "whoever opens a real board holds it"
        device: Device = _real_board(board, timeout, lease)
    else:
        device = core_of(board).open_virtual(board, work_dir=work_dir, timeout=timeout)
    if board.runs_firmware:
        from pytest_tinyquant.boards.firmware_board import FirmwareBoard

        if isinstance(device, FirmwareBoard):
            device.log = work_dir / CONSOLE_LOG
    return device


def _real_board(board: Board, timeout: float, lease: Lease) -> FirmwareBoard:
    physical = lease.physical
    if physical.flasher == PYOCD:
        from pytest_tinyquant.boards.bench.hardware import PyocdBoard

        device = PyocdBoard(board, physical, timeout=timeout, memory=lease)
        if board.is_metered:
            from pytest_tinyquant.boards.meter.open import start_meter

            device.start_meter = lambda: start_meter(physical)
        return device
    from pytest_tinyquant.boards.bench.command_board import CommandBoard

    lease.note_loaded(None)  # such a board cannot be reset without being written
    return CommandBoard(board, physical, timeout=timeout)
