"""Opens the device that a board stands for."""

from __future__ import annotations

from pathlib import Path

from pytest_tinyquant.boards.device import Device
from pytest_tinyquant.boards.inventory import Board
from pytest_tinyquant.errors import BoardNotFoundError


def open_device(board: Board, *, log: Path, timeout: float) -> Device:
    """Return a device of type ``board``; the caller closes it.

    :param log: file for all that the device says; beside it is room for others of the run.
    :param timeout: seconds a run may take.
    :raises BoardNotFoundError: there is no way to reach such a board.
    """
    if board.target == "host":
        from pytest_tinyquant.boards.host import HostDevice

        return HostDevice(board.name, work_dir=log.parent, timeout=timeout)
    if board.target == "emulator":
        from pytest_tinyquant.boards.cortex_m import MACHINES
        from pytest_tinyquant.boards.cortex_m import EmulatedCortexM
        from pytest_tinyquant.boards.rx import MACHINES as RX_MACHINES
        from pytest_tinyquant.boards.rx import EmulatedRx

        if board.machine in MACHINES:
            return EmulatedCortexM(board.name, board.machine, timeout=timeout, log=log)
        if board.machine in RX_MACHINES:
            return EmulatedRx(board.name, board.machine, timeout=timeout, log=log)
        raise BoardNotFoundError(
            f"{board.name}: no emulated machine {board.machine!r}; known: "
            f"{', '.join((*MACHINES, *RX_MACHINES))}"
        )
    raise BoardNotFoundError(
        f"{board.name}: no driver for a real board of kind {board.kind!r}; run it emulated with"
        " --tq-target emulator"
    )
