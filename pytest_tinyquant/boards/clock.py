"""Whether a board whose cycles count runs at the clock that its cycles are counted for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pytest_tinyquant.errors import ClockError


#: How far the clock may be off: RC oscillators, of which at least one is part of the comparison,
#: are specified to within 2 % or better over temperature on the chips here.
TOLERANCE: Final = 0.03

_OPTIMIZATION = re.compile(r"(?<!\S)-O(\S*)")
_PREFERENCES: Final = {"": "speed", "0": "none", "s": "size", "z": "size"}


@dataclass(frozen=True)
class Clock:
    """What the firmware's CLOCK line says.

    :param hz: core clock that the firmware set up.
    :param cycles: core cycles that were counted while an independent reference made
        ``reference_ticks`` at ``reference_hz``.
    :param loop_cycles: what a loop of known instructions took; from ``loop_low`` to ``loop_high``
        if flash wait states and caches are as they should be.
    :param optimized: what the compiler was told to prefer: ``speed``, ``size`` or ``none``.
    """

    hz: int
    cycles: int
    reference_ticks: int
    reference_hz: int
    loop_cycles: int
    loop_low: int
    loop_high: int
    optimized: str

    @property
    def measured_hz(self) -> float:
        """Return the core clock in terms of the reference."""
        return self.cycles / self.reference_ticks * self.reference_hz


def check_expected(clock: Clock, hz: int) -> None:
    """Check that the firmware sets up the clock that the bench's owner gave for the board.

    :raises ClockError: it sets up another one.
    """
    if clock.hz != hz:
        raise ClockError(
            f"the firmware sets the core to {clock.hz:,} Hz, but boards.toml says "
            f"clock_hz = {hz:,}; correct that row, or the firmware's clock.c"
        )


def check_clock(clock: Clock, *, flags: str) -> None:
    """Check that cycles counted under ``clock`` are those of the image that was asked for.

    :param flags: compiler flags of the image.
    :raises ClockError: clock, wait states, caches or optimization are others.
    """
    if not clock.reference_ticks:
        raise ClockError(
            "the reference that the core clock is compared with stood still; nothing can "
            "be said about the clock. Reset the board; check tq_board_check_clock of its firmware"
        )
    if abs(clock.measured_hz - clock.hz) > TOLERANCE * clock.hz:
        raise ClockError(
            f"the core runs at {clock.measured_hz:,.0f} Hz, not at {clock.hz:,} (allowed: "
            f"{TOLERANCE:.0%} off): {clock.cycles:,} cycles in {clock.reference_ticks:,} ticks of "
            f"{clock.reference_hz:,} Hz. Check the clock tree in the board's clock.c, and its "
            "crystal if that is the source"
        )
    if not clock.loop_low <= clock.loop_cycles <= clock.loop_high:
        raise ClockError(
            f"a loop of known instructions took {clock.loop_cycles:,} cycles, expected "
            f"{clock.loop_low:,} to {clock.loop_high:,}: flash wait states, prefetch or caches are "
            "not as the firmware's clock.c sets them, so that cycles of this run compare with "
            "nothing"
        )
    wanted = preference(flags)
    if clock.optimized != wanted:
        raise ClockError(
            f"the firmware on the board was optimized for {clock.optimized}, its flags "
            f"say {wanted}; it is another build. Delete the cache directory and run again"
        )


def preference(flags: str) -> str:
    """Return what compiler flags prefer; as for the compiler, the last -O wins."""
    found = _OPTIMIZATION.findall(flags)
    return _PREFERENCES.get(found[-1], "speed") if found else "none"
