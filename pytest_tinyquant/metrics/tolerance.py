"""How much worse a number may be than its baseline."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_tinyquant.metrics.text import quantity_text


@dataclass(frozen=True)
class Tolerance:
    """Slack that a number has beside its baseline; the larger of the two counts.

    A regression exceeds both.

    :param relative: share of the baseline's value.
    :param absolute: in the metric's unit.
    """

    relative: float = 0.0
    absolute: float = 0.0

    def slack(self, baseline: float) -> float:
        """Return by how much a value may be worse than ``baseline``."""
        return max(self.relative * abs(baseline), self.absolute)

    def widest(self, other: Tolerance) -> Tolerance:
        """Return the tolerance that lets pass whatever either of the two does."""
        return Tolerance(max(self.relative, other.relative), max(self.absolute, other.absolute))

    def text(self, unit: str = "") -> str:
        """Return the tolerance as messages spell it: ``0``, ``1 %``, ``128 bytes`` or both."""
        terms = []
        if self.relative:
            terms.append(f"{self.relative * 100:.6g} %")
        if self.absolute:
            terms.append(quantity_text(self.absolute, unit))
        return " or ".join(terms) or "0"
