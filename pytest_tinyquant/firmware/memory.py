"""What the linker is told about a board's memories."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.firmware.overflow import SAMPLES
from pytest_tinyquant.project.kinds import KINDS


if TYPE_CHECKING:
    from pytest_tinyquant.project.board_types import Board


#: Bytes that every emulated board keeps for check samples: SAMPLES in its board.ld.
SAMPLES_BYTES: Final = 2 << 20


def check_memories(board: Board) -> None:
    """Check that the linker script and the machine that emulates a board can have its memories.

    :raises ConfigurationError: one is too large for the machine, or leaves nothing for a region.
    """
    for region, size in regions(board).items():
        if size < 1:
            raise ConfigurationError(
                f"{board.name}: with flash_bytes = {board.flash_bytes:_} and ram_bytes = "
                f"{board.ram_bytes:_} nothing is left for the memory region {region} of a "
                f"{board.kind}; correct them in boards.toml"
            )
    limits = KINDS[board.kind].emulated_bytes
    if limits is None or not board.target.is_emulated:
        return
    for name, most in dataclasses.asdict(limits).items():
        size, start = getattr(board, f"{name}_bytes"), getattr(board, f"{name}_start")
        if size > most:
            keys = f"{name} = {{start = {start:#010x}, bytes = {most:_}}}"
            raise ConfigurationError(
                f"{board.name}: its {name} has {size:,} bytes in boards.toml, the emulated "
                f"{board.machine} has {most:,} for it. A part of the chip's {name} will do: set "
                f"{keys if board.ram_start else f'{name}_bytes = {most:_}'}, or run on the board "
                "itself with --tq-target hardware"
            )


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
