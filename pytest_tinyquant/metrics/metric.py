"""One number of a metric: its value, unit and class."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Final
from typing import Literal
from typing import get_args


NumberClass = Literal["exact", "measured", "estimated"]

#: Number classes from the most to the least trustworthy.
NUMBER_CLASSES: Final[tuple[str, ...]] = get_args(NumberClass)

#: Significant decimal digits of a stored fraction: enough for any tolerance, and fewer than the
#: seven or so that the float reference shares between one host's vector unit and another's.
SIGNIFICANT_DIGITS: Final = 6


@dataclass(frozen=True)
class Metric:
    """One number with its unit and how it came about.

    ``exact`` repeats to the last digit, ``measured`` scatters from run to run, ``estimated`` was
    not observed at all. Numbers of different classes are never compared.
    """

    value: int | float
    unit: str
    number_class: NumberClass

    def __post_init__(self) -> None:
        if type(self.value) not in (int, float):
            raise TypeError(f"a metric is a Python int or float, not {type(self.value).__name__}")
        if not math.isfinite(self.value):
            raise ValueError(f"a metric is finite, not {self.value}")
        if self.number_class not in NUMBER_CLASSES:
            raise ValueError(f"unknown number class {self.number_class!r}")

    def to_json(self) -> dict[str, Any]:
        """Return the metric as JSON types; :meth:`from_json` reverses it."""
        return {"value": self.value, "unit": self.unit, "class": self.number_class}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Metric:
        """Rebuild a metric from what :meth:`to_json` returned."""
        return cls(data["value"], data["unit"], data["class"])

    def rounded(self) -> Metric:
        """Return the metric as a baseline stores it, floats to :data:`SIGNIFICANT_DIGITS`."""
        if isinstance(self.value, int):
            return self
        value = float(f"{self.value:.{SIGNIFICANT_DIGITS}g}")
        return Metric(value, self.unit, self.number_class)


def weakest_class(*found: Metric | NumberClass) -> NumberClass:
    """Return the least trustworthy class among numbers and classes: that of a sum of them."""
    classes = [each.number_class if isinstance(each, Metric) else each for each in found]
    return max(classes, key=NUMBER_CLASSES.index)
