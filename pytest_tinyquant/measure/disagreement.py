"""Where a second runtime answers otherwise than the one that a foreign file is judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from typing import Any

from pytest_tinyquant.metrics.text import number_text


@dataclass(frozen=True)
class Disagreement:
    """How far the outputs of TensorFlow Lite's interpreter are from a foreign file's reference.

    :param kernels: those of the interpreter: ``reference``, or ``optimized``, its default.
    :param output: name of the output that differs most.
    :param largest: the largest difference, in ``unit``; None if the interpreter gave NaN or
        infinity.
    :param unit: ``steps`` of quantization, ``units`` of an integer, or ``of its range``.
    :param operator: the first operator whose output differs, and how much of it; empty if none
        does by itself.
    :param why_none: why no operator is named.
    """

    kernels: str
    output: str
    largest: float | None
    unit: str
    operator: str = ""
    why_none: str = ""

    @property
    def amount(self) -> str:
        """The largest difference in words, such as ``3 steps``."""
        if self.largest is None:
            return "NaN or infinity"
        if self.unit == "of its range":
            return f"{self.largest:.2g} {self.unit}"
        unit = self.unit.removesuffix("s") if self.largest == 1 else self.unit
        return f"{number_text(self.largest)} {unit}"

    def to_json(self) -> dict[str, Any]:
        """Return the disagreement as JSON types; :meth:`from_json` reverses it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Disagreement:
        """Rebuild a disagreement from what :meth:`to_json` returned."""
        return cls(**data)
