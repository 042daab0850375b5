"""The judgement on one metric of one combination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Final
from typing import Literal
from typing import cast
from typing import get_args

from pytest_tinyquant.metrics.metric import Metric


Status = Literal[
    "ok", "improved", "updated", "new", "skipped", "regressed", "missing", "not comparable"
]

#: All statuses, those that pass first.
STATUSES: Final[tuple[str, ...]] = get_args(Status)

#: Statuses that fail a test.
FAILING: Final = ("regressed", "missing", "not comparable")


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
    """

    combination: str
    metric: str
    status: Status
    comparisons: tuple[Comparison, ...]
    path: str
    message: str = ""
    notes: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Tell whether the test fails."""
        return self.status in FAILING

    def text(self) -> str:
        """Return the verdict as the terminal shows it, causes and notes indented below."""
        from pytest_tinyquant.baselines.message import verdict_text

        return verdict_text(self)

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as JSON types; :meth:`from_json` reverses it."""
        return {
            "combination": self.combination,
            "metric": self.metric,
            "status": self.status,
            "comparisons": [
                {
                    "part": comparison.part,
                    "baseline": _metric_to_json(comparison.baseline),
                    "current": _metric_to_json(comparison.current),
                    "status": comparison.status,
                    "limit": comparison.limit,
                    "change": comparison.change,
                }
                for comparison in self.comparisons
            ],
            "path": self.path,
            "message": self.message,
            "notes": list(self.notes),
            "causes": list(self.causes),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Verdict:
        """Rebuild a verdict from what :meth:`to_json` returned."""
        return cls(
            combination=data["combination"],
            metric=data["metric"],
            status=data["status"],
            comparisons=tuple(
                Comparison(
                    part=item["part"],
                    baseline=_metric_from_json(item["baseline"]),
                    current=cast(Metric, _metric_from_json(item["current"])),
                    status=item["status"],
                    limit=item["limit"],
                )
                for item in data["comparisons"]
            ),
            path=data["path"],
            message=data["message"],
            notes=tuple(data["notes"]),
            causes=tuple(data["causes"]),
        )


def _metric_to_json(metric: Metric | None) -> dict[str, Any] | None:
    if metric is None:
        return None
    return {"value": metric.value, "unit": metric.unit, "class": metric.number_class}


def _metric_from_json(data: Mapping[str, Any] | None) -> Metric | None:
    return None if data is None else Metric(data["value"], data["unit"], data["class"])
