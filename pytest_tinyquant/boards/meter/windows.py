"""From a meter's samples and the firmware's marks to power: idle and busy, window by window."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Final

from pytest_tinyquant.boards.console.transcript import MarkedWindow
from pytest_tinyquant.boards.device import PowerWindow
from pytest_tinyquant.boards.meter.errors import MeterSaturatedError
from pytest_tinyquant.boards.meter.errors import MeterTooSlowError
from pytest_tinyquant.boards.meter.reading import Sample


GUARD_SECONDS: Final = 0.05
"""What is left out at both ends of a window: its marks come late, by the console and the host."""

SAMPLES_AT_LEAST: Final = 50
"""Of the inside of a window."""


def power_windows(
    marked: Sequence[MarkedWindow], samples: Sequence[Sample], *, hz: int | None, who: str
) -> tuple[PowerWindow, ...]:
    """Return what the board drew in each window.

    :param samples: their times are on the clock of the marks.
    :param hz: the clock of the windows' counts, which then tell how long a run takes; None leaves
        that to the marks.
    :raises MeterTooSlowError: a window has too few samples, or one that is not as long as its
        counts say.
    :raises MeterSaturatedError: the current was too high.
    """
    return tuple(
        _power(window, samples, hz, f"{who}, window {n}") for n, window in enumerate(marked)
    )


def _power(
    window: MarkedWindow, samples: Sequence[Sample], hz: int | None, who: str
) -> PowerWindow:
    seconds = window.until - window.busy_from
    late = 2 * GUARD_SECONDS
    if hz is not None:
        counted = window.counts / hz
        if abs(counted - seconds) > GUARD_SECONDS:
            raise MeterTooSlowError(
                f"{who}: its marks arrived {seconds:.3f} s apart, the firmware counted "
                f"{counted:.3f} s; the console or this computer is too slow, run again"
            )
        seconds, late = counted, 0.0
    idle = _mean_power(samples, window.idle_from, window.busy_from, f"{who}, idle")
    busy = _mean_power(samples, window.busy_from, window.until, f"{who}, busy")
    return PowerWindow(
        idle_watts=idle,
        busy_watts=busy,
        runs=window.runs,
        seconds=seconds,
        seconds_off=min(late, seconds),
    )


def _mean_power(samples: Sequence[Sample], start: float, end: float, who: str) -> float:
    """Return the integral of the power over the inside of a window, divided by its length."""
    inside = [s for s in samples if start + GUARD_SECONDS <= s.time <= end - GUARD_SECONDS]
    if len(inside) < SAMPLES_AT_LEAST:
        raise MeterTooSlowError(
            f"{who}: the meter gave {len(inside)} samples inside of {end - start:.3f} s, at least "
            f"{SAMPLES_AT_LEAST} are needed; take a faster meter, or longer windows by cflags = "
            '["-DTQ_POWER_COUNTS=..."]'
        )
    if not all(math.isfinite(sample.watts) for sample in inside):
        raise MeterSaturatedError(
            f"{who}: the current is beyond the meter's range; take another range or meter"
        )
    joules = sum(
        (after.time - before.time) * (after.watts + before.watts) / 2
        for before, after in itertools.pairwise(inside)
    )
    return joules / (inside[-1].time - inside[0].time)
