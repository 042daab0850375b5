"""The compiler flag that gives the firmware windows for a power meter."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Final


if TYPE_CHECKING:
    from pytest_tinyquant.project.board_types import Board

_WINDOWS: Final = "-DTQ_POWER_COUNTS"
_RESET_HZ: Final = 8_000_000  # of most chips after reset: a window is to be about a second long


def with_windows(board: Board) -> tuple[str, ...]:
    """Return the board's own flags, and what gives the firmware windows for a power meter."""
    if not board.is_metered or any(flag.startswith(_WINDOWS) for flag in board.cflags):
        return board.cflags
    return (*board.cflags, f"{_WINDOWS}={board.clock_hz or _RESET_HZ}")
