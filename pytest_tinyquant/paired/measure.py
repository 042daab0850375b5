"""Measures two images on one device, in turns."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import TinyQuantError


if TYPE_CHECKING:
    from pytest_tinyquant.boards.device import Device
    from pytest_tinyquant.paired.protocol import SideImage

#: Turns where counts scatter; an exact count repeats, so that one turn tells all.
ROUNDS: Final = 5


class FirstSideError(Exception):
    """The first of two images does not run; says nothing about the second.

    :param cause: what its run ended with.
    """

    def __init__(self, cause: TinyQuantError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def measure_in_turns(
    device: Device, images: Sequence[SideImage | HostImage], rounds: int = ROUNDS
) -> tuple[RunRecord, RunRecord]:
    """Return one record for each of two images; counts are medians over the rounds.

    The order changes from round to round (A B, B A, ...), so that a drift of the board falls on
    both alike.

    :raises FirstSideError: the first image cannot be run.
    :raises TinyQuantError: the second cannot, or the device is in trouble.
    """
    records: tuple[list[RunRecord], list[RunRecord]] = ([], [])
    for number in range(rounds):
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            device.flash(images[side])
            try:
                records[side].append(device.run())
            except BenchError:
                raise
            except TinyQuantError as error:
                if side == 0:
                    raise FirstSideError(error) from error
                raise
        if all(side[0].counter_class == "exact" for side in records):
            break
    return _median(records[0]), _median(records[1])


def _median(records: Sequence[RunRecord]) -> RunRecord:
    """Return the first record with the medians of all counts."""
    first = records[0]
    if len(records) == 1 or first.counter is None:
        return first
    counter = _middle([record.counter or 0 for record in records])
    operators = tuple(map(_middle, zip(*(record.op_counters for record in records), strict=True)))
    walk = _middle([record.walk_counter for record in records])
    repeats = tuple(count for record in records for count in record.repeats)
    return dataclasses.replace(
        first, counter=counter, op_counters=operators, walk_counter=walk, repeats=repeats
    )


def _middle(values: Sequence[int]) -> int:
    return round(statistics.median(values))
