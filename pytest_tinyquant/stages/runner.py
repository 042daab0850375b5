"""The programs that stand in for a board: what they are decides what an image does on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_tinyquant.boards.emulator.qemu import find_qemu
from pytest_tinyquant.firmware.sources import firmware_sources
from pytest_tinyquant.project.kinds import KINDS
from pytest_tinyquant.schemes.interpreter import find_interpreter
from pytest_tinyquant.support.runtimes import RUNTIMES
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.digests import installed_tree_digest
from pytest_tinyquant.system.digests import program_digest
from pytest_tinyquant.system.packages import package_digest


if TYPE_CHECKING:
    from pytest_tinyquant.project.board_types import Board


def runner_digest(board: Board, *, estimated: bool, recording: bool = False) -> str:
    """Return the digest of the programs and packages that run an image for `board`.

    :param estimated: its cycles are estimated as well.
    :param recording: what it gives may become a baseline.
    """
    return Cache.key(list(_digests(board, estimated, recording)))


def _digests(board: Board, estimated: bool, recording: bool) -> Iterator[str]:
    kind = KINDS[board.kind]
    if not board.runs_firmware or not RUNTIMES[board.runtime].is_compiled:
        # On a board, what the library computes is compared with the host's.
        yield package_digest("tflite_micro")
    if not board.runs_firmware or recording:
        # What it computes is compared with TensorFlow Lite's interpreter.
        yield from map(package_digest, find_interpreter().packages)
    yield from map(package_digest, kind.reporters)
    if board.tool is not None:
        from pytest_tinyquant.boards.vendor.command import Commands

        yield Commands(board.name, board.tool, 0).digest()
    if board.target.is_emulated and kind.emulator:
        yield program_digest(find_qemu(kind.emulator))
    if not estimated:
        return
    if kind.has_trace_model:
        yield installed_tree_digest(firmware_sources() / "emulator", (".md",))
    else:
        from pytest_tinyquant.firmware.toolchain_rx_sim import find_simulator

        yield program_digest(str(find_simulator()))
