"""Finds what reads the meter of a bench row."""

from __future__ import annotations

import shlex

from pytest_tinyquant.boards.meter.errors import MeterNotFoundError
from pytest_tinyquant.boards.meter.meter import Meter
from pytest_tinyquant.project.bench import METERS
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.system import environment


def start_meter(physical: PhysicalBoard) -> Meter:
    """Start reading the meter of a row; the caller closes it.

    :raises MeterNotFoundError: the row names none, or there is none such.
    :raises MeterError: it gives no samples.
    """
    who = f"{physical.name}: meter {physical.energy!r}"
    if not physical.energy:
        raise MeterNotFoundError(
            f"{physical.name}: the board is to measure energy, and its row names no meter; add "
            f'energy = "ppk2", "joulescope" or a command to {physical.where or "its row"}'
        )
    name, _, which = physical.energy.partition(":")
    if name not in METERS:
        return Meter(shlex.split(physical.energy), who)
    command = environment.python_command(
        f"pytest_tinyquant.boards.meter.{name}", str(physical.supply_volts), which
    )
    return Meter(command, who, environment=environment.made_for_python())
