"""What can be wrong with a power meter; none of it is a verdict about a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_tinyquant.errors import BenchError


class MeterError(BenchError):
    """A power meter does not do its part."""


class MeterNotFoundError(MeterError):
    """There is no such meter, or nothing that can read it."""


class MeterSaturatedError(MeterError):
    """The current went beyond what the meter can measure."""


class MeterTooSlowError(MeterError):
    """The meter has too few samples of what was to be measured, or lost some."""


#: What a program that reads a meter may call its trouble, in a line ``error KIND: words``.
KINDS: Final[Mapping[str, type[MeterError]]] = {
    "absent": MeterNotFoundError,
    "saturated": MeterSaturatedError,
    "slow": MeterTooSlowError,
}
