"""Opens the device that a board stands for."""

from __future__ import annotations

from pathlib import Path

from pytest_tinyquant.boards.device import Device
from pytest_tinyquant.boards.inventory import Board
from pytest_tinyquant.boards.lease import Lease
from pytest_tinyquant.boards.physical import PYOCD
from pytest_tinyquant.errors import BoardNotFoundError


def open_device(
    board: Board, *, work_dir: Path, timeout: float, lease: Lease | None = None
) -> Device:
    """Return a device of type ``board``; the caller closes it.

    :param work_dir: existing directory for files that live as long as a run.
    :param timeout: seconds a run may take.
    :param lease: holds the real board that is to be it, if it is to be one.
    :raises BoardNotFoundError: there is no way to reach such a board.
    """
    if board.target == "host":
        from pytest_tinyquant.boards.host import HostDevice

        return HostDevice(board.name, work_dir=work_dir, timeout=timeout)
    if board.target == "emulator":
        from pytest_tinyquant.boards.cortex_m import MACHINES
        from pytest_tinyquant.boards.cortex_m import EmulatedCortexM
        from pytest_tinyquant.boards.rx import MACHINES as RX_MACHINES
        from pytest_tinyquant.boards.rx import EmulatedRx

        if board.machine in MACHINES:
            return EmulatedCortexM(board.name, board.machine, timeout=timeout)
        if board.machine in RX_MACHINES:
            return EmulatedRx(board.name, board.machine, timeout=timeout)
        raise BoardNotFoundError(
            f"{board.name}: no emulated machine {board.machine!r}; known: "
            f"{', '.join((*MACHINES, *RX_MACHINES))}"
        )
    assert lease is not None, "whoever opens a real board holds it"
    physical = lease.physical
    if physical.flasher == PYOCD:
        from pytest_tinyquant.boards.hardware import PyocdBoard

        return PyocdBoard(board, physical, timeout=timeout, memory=lease)
    raise BoardNotFoundError(
        f"{physical.name}: no driver for flasher {physical.flasher!r}; run {board.name} emulated"
        " with --tq-target emulator"
    )
