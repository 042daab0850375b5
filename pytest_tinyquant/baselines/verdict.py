"""The judgement on one metric of one combination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Final
from typing import Literal

from pytest_tinyquant.baselines.cause import Cause
from pytest_tinyquant.metrics.limits import LimitCheck
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.text import delta_text
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.metrics.text import quantity_text
from pytest_tinyquant.metrics.text import share_text


Status = Literal[
    "ok",
    "improved",
    "updated",
    "new",
    "skipped",
    "over limit",
    "regressed",
    "missing",
    "not comparable",
]

#: Statuses that fail a test.
FAILING: Final = ("over limit", "regressed", "missing", "not comparable")


@dataclass(frozen=True)
class Comparison:
    """One gating number beside its baseline.

    :param part: which part of the metric, such as ``total``.
    :param limit: the tolerance as text.
    """

    part: str
    baseline: Metric | None
    current: Metric
    status: Status
    limit: str

    @property
    def change(self) -> float | None:
        """Return the relative change; None where there is no baseline to relate it to.

        It is that of the numbers as baselines store them: digits beyond those are not compared.
        """
        if self.baseline is None or self.baseline.value == 0:
            return None
        now, before = self.current.rounded().value, self.baseline.rounded().value
        return (now - before) / abs(before)

    @property
    def numbers_text(self) -> str:
        """The numbers in words: ``4,867,112 -> 5,238,004 instructions``."""
        number = quantity_text(self.current.value, self.current.unit)
        if self.baseline is None:
            return number
        return f"{number_text(self.baseline.value)} -> {number}"

    @property
    def change_text(self) -> str:
        """The change in words: relative, absolute where the baseline is 0; empty without one."""
        if self.change is not None:
            return share_text(self.change)
        if self.baseline is None:
            return ""
        return delta_text(self.current.value - self.baseline.value)

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON types; :meth:`from_json` reverses it."""
        return {
            "part": self.part,
            "baseline": self.baseline.to_json() if self.baseline is not None else None,
            "current": self.current.to_json(),
            "status": self.status,
            "limit": self.limit,
            "change": self.change,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Comparison:
        """Rebuild a comparison from what :meth:`to_json` returned."""
        baseline = data["baseline"]
        return cls(
            part=data["part"],
            baseline=Metric.from_json(baseline) if baseline is not None else None,
            current=Metric.from_json(data["current"]),
            status=data["status"],
            limit=data["limit"],
        )


@dataclass(frozen=True)
class Verdict:
    """What the gate says about a metric, and why.

    :param combination: as in test ids.
    :param comparisons: the gating numbers, most important first.
    :param message: what is wrong and what to do, for a baseline that is missing or that cannot
        be compared.
    :param notes: facts that changed beside the numbers, such as ``outputs changed``.
    :param causes: where a change comes from, most important first.
    :param path: the baseline's file.
    :param limits: the metric's budgets, whatever the baseline says.
    """

    combination: str
    metric: str
    status: Status
    comparisons: tuple[Comparison, ...]
    path: str
    message: str = ""
    notes: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    limits: tuple[LimitCheck, ...] = ()

    @property
    def failed(self) -> bool:
        """Tell whether the test fails."""
        return self.status in FAILING

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as JSON types; :meth:`from_json` reverses it."""
        return {
            "combination": self.combination,
            "metric": self.metric,
            "status": self.status,
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
            "path": self.path,
            "message": self.message,
            "notes": list(self.notes),
            "causes": [cause.to_json() for cause in self.causes],
            "limits": [limit.to_json() for limit in self.limits],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Verdict:
        """Rebuild a verdict from what :meth:`to_json` returned."""
        return cls(
            combination=data["combination"],
            metric=data["metric"],
            status=data["status"],
            comparisons=tuple(map(Comparison.from_json, data["comparisons"])),
            path=data["path"],
            message=data["message"],
            notes=tuple(data["notes"]),
            causes=tuple(map(Cause.from_json, data["causes"])),
            limits=tuple(map(LimitCheck.from_json, data.get("limits", ()))),
        )
