"""What the linker is told about a board's memories."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.firmware.overflow import SAMPLES
from pytest_tinyquant.project.kinds import KINDS


if TYPE_CHECKING:
    from pytest_tinyquant.project.board_types import Board


#: Bytes that every emulated board keeps for check samples: SAMPLES in its board.ld.
SAMPLES_BYTES: Final = 2 << 20


def regions(board: Board) -> dict[str, int]:
    """Return the bytes of the memory regions of the board's linker script.

    That of the check samples is emulated; a real board has them in its flash.
    """
    own = KINDS[board.kind].regions(board.flash_bytes, board.ram_bytes)
    return own | {SAMPLES: SAMPLES_BYTES}


def origins(board: Board) -> dict[str, str]:
    """Return the addresses of the memories for a linker script that leaves them open."""
    if not board.ram_start or not board.target.is_real:
        return {}
    return {"TQ_FLASH_START": hex(board.flash_start), "TQ_RAM_START": hex(board.ram_start)}


def memory(board: Board) -> tuple[int | str, ...]:
    """Return everything that the linker is told about the memories."""
    return (board.flash_bytes, board.ram_bytes, *origins(board).values())
