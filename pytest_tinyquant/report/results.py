"""The results of a run as they come in, from whichever process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_tinyquant.baselines.verdict import FAILING
from pytest_tinyquant.baselines.verdict import Verdict
from pytest_tinyquant.measure.measurement import Estimate
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.report.item import ATTRIBUTE
from pytest_tinyquant.report.item import XPASS


if TYPE_CHECKING:
    from pytest_tinyquant.project.case import Case
    from pytest_tinyquant.report.section import Section

#: Outcomes in the order in which the summary counts them.
OUTCOMES = (
    "regressed",
    "over limit",
    "missing",
    "not comparable",
    "failed",
    "gap closed",
    "error",
    "improved",
    "new",
    "updated",
    "skipped",
    "not judged",
    "known gap",
    "ok",
)

#: Outcomes that fail a test.
BAD = frozenset(
    ("regressed", "over limit", "missing", "not comparable", "failed", "gap closed", "error")
)

#: Outcomes that the summary tells one by one, unless asked for all.
NOTABLE = frozenset(OUTCOMES) - {"ok", "known gap"}


@dataclass(frozen=True)
class Result:
    """What one test found out about its combination.

    :param verdicts: of the metrics that it judged, in order.
    :param gap: why the test was expected to fail, if it was and did.
    :param error: class, message, op, dtype and reason of the typed error that ended the test.
    :param retries: why the device ran again before it gave the numbers or met the error.
    :param estimates: what was estimated beside the measurement.
    """

    nodeid: str
    combination: str
    model: str
    scheme: str
    board: str
    outcome: str
    verdicts: tuple[Verdict, ...]
    gap: str
    error: dict[str, str] | None
    retries: tuple[str, ...] = ()
    estimates: tuple[Estimate, ...] = ()

    @classmethod
    def of(cls, report: pytest.TestReport) -> Result | None:
        """Return the result in a report; None if it holds none."""
        part = getattr(report, ATTRIBUTE, None)
        if part is None:
            return None
        verdicts = tuple(map(Verdict.from_json, part["verdicts"]))
        return cls(
            nodeid=report.nodeid,
            combination=part["combination"],
            model=part["model"],
            scheme=part["scheme"],
            board=part["board"],
            outcome=_outcome(report, verdicts, is_unjudged=part["unjudged"]),
            verdicts=verdicts,
            gap=part["gap"],
            error=part["error"],
            retries=tuple(part["retries"]),
            estimates=tuple(map(Estimate.from_json, part["estimates"])),
        )


@dataclass
class Results:
    """All results of a run, and which of the tests that were to run never reported.

    :param distrusted: the board types whose numbers of this run cannot be believed.
    """

    results: list[Result] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    distrusted: set[str] = field(default_factory=set)
    _expected: set[str] = field(default_factory=set)
    _reported: set[str] = field(default_factory=set)
    _passed: set[str] = field(default_factory=set)
    _failed: set[str] = field(default_factory=set)

    def expect(self, nodeids: Iterable[str]) -> None:
        """Note tests that are to run."""
        self._expected.update(nodeids)

    def add(self, report: pytest.TestReport) -> None:
        """Take in one phase of one test; a test has reported once its last phase has."""
        if report.failed:
            self._failed.add(report.nodeid)
        elif report.when == "call" and report.passed and not hasattr(report, "wasxfail"):
            self._passed.add(report.nodeid)
        if report.when not in ("setup", "call"):
            self._reported.add(report.nodeid)
        result = Result.of(report)
        if result is not None:
            self.results.append(result)

    def add_crash(self, report: pytest.TestReport, combinations: Iterable[Case]) -> None:
        """Take in a test in which its worker died: an error of its combination."""
        named = [c for c in combinations if c.id in report.nodeid]
        if not named:
            return
        combination = max(named, key=lambda c: len(c.id))
        error = {"class": "WorkerCrash", "message": str(report.longrepr)}
        self.results.append(
            Result(
                nodeid=report.nodeid,
                combination=combination.id,
                model=combination.model.name,
                scheme=combination.scheme.name,
                board=combination.board.name,
                outcome="error",
                verdicts=(),
                gap="",
                error={**error, "op": "", "dtype": "", "reason": ""},
            )
        )

    @property
    def expected(self) -> frozenset[str]:
        """The tests that are to run, as far as it is known."""
        return frozenset(self._expected)

    @property
    def passed(self) -> set[str]:
        """The tests that ran and passed in all their phases; none that was expected to fail."""
        return self._passed - self._failed

    @property
    def recordable(self) -> set[str]:
        """The tests that passed on boards whose numbers can be believed."""
        doubtful = {result.nodeid for result in self.results if result.board in self.distrusted}
        return self.passed - doubtful

    @property
    def unreported(self) -> set[str]:
        """The tests that were to run and have not reported."""
        return self._expected - self._reported

    def distrust(self, boards: Collection[str]) -> None:
        """Make regressions on these board types errors of the bench, if the metric scatters.

        Nothing of these boards may be recorded any more.
        """
        self.distrusted.update(boards)
        for index, result in enumerate(self.results):
            regressed = {v.metric for v in result.verdicts if v.status == "regressed"}
            scatters = regressed and all(METRICS[metric].scatters for metric in regressed)
            if scatters and result.board in boards:
                self.results[index] = replace(result, outcome="error")

    def counts(self) -> Counter[str]:
        """Return how many tests had each outcome."""
        return Counter(result.outcome for result in self.results)

    def by_combination(self) -> dict[str, list[Result]]:
        """Return the results of each combination, in the order of their names."""
        grouped: dict[str, list[Result]] = {}
        for result in sorted(self.results, key=lambda result: (result.combination, result.nodeid)):
            grouped.setdefault(result.combination, []).append(result)
        return grouped

    def retries(self) -> dict[str, tuple[str, ...]]:
        """Return why combinations ran again; the tests of one share its run."""
        return {
            combination: max((result.retries for result in group), key=len)
            for combination, group in self.by_combination().items()
            if any(result.retries for result in group)
        }

    def estimates(self) -> dict[str, tuple[Estimate, ...]]:
        """Return what was estimated for combinations; the tests of one share it."""
        return {
            combination: max((result.estimates for result in group), key=len)
            for combination, group in self.by_combination().items()
            if any(result.estimates for result in group)
        }

    def silent(self, combinations: Iterable[str]) -> tuple[str, ...]:
        """Return the tests of `combinations` that were to run and did not, such as in a crash."""
        names = tuple(combinations)
        return tuple(
            nodeid for nodeid in sorted(self.unreported) if any(name in nodeid for name in names)
        )


def _outcome(report: pytest.TestReport, verdicts: tuple[Verdict, ...], *, is_unjudged: bool) -> str:
    """Return what the report means: its own outcome, or the worst of its verdicts.

    :param is_unjudged: the test is about a metric, by its name, and had nothing judged.
    """
    if report.skipped:
        return "known gap" if hasattr(report, "wasxfail") else "skipped"
    statuses = {verdict.status for verdict in verdicts}
    worst = next((outcome for outcome in OUTCOMES if outcome in statuses), "ok")
    if report.passed:
        return "not judged" if is_unjudged else worst
    if report.when == "setup":
        return "error"
    if isinstance(report.longrepr, str) and report.longrepr.startswith(XPASS):
        return "gap closed"
    return worst if worst in FAILING else "failed"
