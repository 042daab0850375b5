"""What programs that read a power meter print, and how it is understood.

One line per sample, ``time_s,current_A,voltage_V``:

- *time_s* counts seconds from any moment on, never backwards;
- *current_A* is what the board drew then, or on average since the line before; ``inf`` where that
  is more than the meter can measure;
- *voltage_V* is that of its supply.

Each line is to be written out at once. What begins with ``#`` is passed over. A line
``error KIND: words`` ends the reading; *KIND* is ``absent``, ``saturated``, ``slow`` or ``other``.
The program ends when its standard input does.
"""

from __future__ import annotations

import math
import re
from typing import Final
from typing import NamedTuple

from pytest_tinyquant.boards.meter.errors import KINDS
from pytest_tinyquant.boards.meter.errors import MeterError


_ERROR: Final = re.compile(r"error ([a-z]+): (.*)")
_SHOWN: Final = 80


class Sample(NamedTuple):
    """One line.

    :param time: seconds, by the meter's own clock.
    :param watts: not finite where the meter was saturated.
    """

    time: float
    watts: float


def parse(line: str) -> Sample | None:
    """Return the sample in a line; None for one without.

    :raises MeterError: the line says what is wrong, or is none of the contract.
    """
    text = line.strip()
    if not text or text.startswith("#"):
        return None
    if said := _ERROR.fullmatch(text):
        raise KINDS.get(said[1], MeterError)(said[2])
    try:
        time, current, voltage = (float(field) for field in text.split(","))
    except ValueError:
        time = voltage = math.nan
        current = 0.0
    if not math.isfinite(time) or not math.isfinite(voltage):
        raise MeterError(
            f"it printed {text[:_SHOWN]!r}, which is no line time_s,current_A,voltage_V"
        )
    return Sample(time, current * voltage if math.isfinite(current) else math.inf)
