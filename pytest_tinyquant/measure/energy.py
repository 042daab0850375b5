"""Energy of one inference, from a power meter in the board's supply."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from pytest_tinyquant.boards.meter.errors import MeterError
from pytest_tinyquant.metrics.metric import Metric


if TYPE_CHECKING:
    from pytest_tinyquant.measure.observation import Observation


_MICRO = 1e6
_MILLI = 1e3


def measure(observation: Observation) -> dict[str, Metric]:
    """Return the energy of one inference, what was subtracted, and how sure that is.

    ``inference`` is the median of the windows in microjoules, without what sleeping as long takes;
    ``spread`` the distance between the least and the most of them, ``uncertainty`` half of that and
    what the length of a window may be wrong by. ``idle`` and ``busy`` are the mean powers in
    milliwatts.

    :raises MeterError: nothing was measured, or no more than sleeping takes.
    """
    windows = observation.record.power
    if not windows:
        raise MeterError(
            f"{observation.name}: the firmware marked no windows for the power meter; its image "
            "was built for a board without the metric energy"
        )
    energies = [window.joules * _MICRO for window in windows]
    inference, spread = statistics.median(energies), max(energies) - min(energies)
    idle = statistics.median(window.idle_watts for window in windows) * _MILLI
    busy = statistics.median(window.busy_watts for window in windows) * _MILLI
    if inference <= 0:
        raise MeterError(
            f"{observation.name}: the board draws {busy:.6g} mW while the model runs and "
            f"{idle:.6g} mW while it sleeps; see whether the power meter is in its supply"
        )
    late = max(window.seconds_off / window.seconds for window in windows)

    def number(value: float, unit: str) -> Metric:
        return Metric(value, unit, "measured")

    return {
        "inference": number(inference, "uJ"),
        "spread": number(spread, "uJ"),
        "uncertainty": number(spread / 2 + inference * late, "uJ"),
        "idle": number(idle, "mW"),
        "busy": number(busy, "mW"),
    }
