"""The gate: find a combination's baseline, judge a metric, record what may be recorded."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from typing import Final

from pytest_tinyquant.baselines.compare import advised
from pytest_tinyquant.baselines.compare import compare
from pytest_tinyquant.baselines.compare import remarks
from pytest_tinyquant.baselines.noise import noise_floors
from pytest_tinyquant.baselines.proposals import Proposal
from pytest_tinyquant.baselines.proposals import Proposals
from pytest_tinyquant.baselines.recording import WrittenBaseline
from pytest_tinyquant.baselines.recording import record
from pytest_tinyquant.baselines.store import BaselineStore
from pytest_tinyquant.baselines.verdict import Comparison
from pytest_tinyquant.baselines.verdict import Status
from pytest_tinyquant.baselines.verdict import Verdict
from pytest_tinyquant.errors import BaselineError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import located
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.tolerances import Tolerances


#: What a missing baseline does to a test.
MISSING_MODES: Final = ("fail", "record", "skip")

#: Which baselines a run writes; None writes none.
UPDATE_MODES: Final = ("new", "all")


class Gate:
    """Judges measurements against the baselines of one project.

    :param directory: the project's ``baselines/``.
    :param proposals: a directory that belongs to this run and is shared by its workers.
    :param missing: one of :data:`MISSING_MODES`.
    :param update: one of :data:`UPDATE_MODES`, or None.
    :param tolerances: the project's tolerances, as :func:`tolerance.parse_ini` returns them.
    """

    def __init__(
        self,
        directory: Path,
        *,
        proposals: Path,
        missing: str = "fail",
        update: str | None = None,
        tolerances: Mapping[str, Any] | None = None,
    ) -> None:
        if missing not in MISSING_MODES:
            raise ConfigurationError(f"--tq-missing-baseline is one of {MISSING_MODES}")
        if update is not None and update not in UPDATE_MODES:
            raise ConfigurationError(f"--tq-update-baselines is one of {UPDATE_MODES}")
        self.store = BaselineStore(directory)
        self.missing = missing
        self.update = update
        self._proposals = Proposals(proposals)
        self._written: tuple[WrittenBaseline, ...] = ()
        self._tolerances = dict(tolerances or {})

    def check(
        self,
        metric: str,
        measurement: Measurement,
        *,
        tolerances: Iterable[Mapping[str, Any]] = (),
        test: str = "",
    ) -> Verdict:
        """Return the verdict on one metric; it is the caller who fails or skips the test.

        :param tolerances: layers over the project's, later ones win: the model's, the marker's.
        :param test: id of the test whose pass lets the metric be recorded; empty for one that is
            expected to fail, and for none.
        :raises BaselineError: if the baseline is corrupt.
        :raises ConfigurationError: if the board has no such metric or a tolerance is malformed.
        """
        path = self.store.path_of(measurement)
        if metric in measurement.unjudged:
            return self._fresh(metric, measurement, path, "skipped", measurement.unjudged[metric])
        if not measurement.metrics.get(metric):
            raise ConfigurationError(
                f"{measurement.combination}: board '{measurement.board}' has no metric "
                f"'{metric}'; it has {', '.join(sorted(measurement.metrics))}"
            )
        with located(measurement.combination):
            merged = Tolerances.of(self._tolerances, *tolerances)
        floors = noise_floors(self.store.directory, measurement.board, measurement.target)
        merged = merged.over_noise(floors)
        if self.update == "all" and test:
            self._proposals.add(Proposal(test, metric, path, measurement))
            return self._updated(metric, measurement, merged, path)
        previous = self.reference(measurement)
        if previous is not None and metric in previous.metrics:
            return advised(compare(metric, previous, measurement, merged, str(path)))
        if test and (self.update == "new" or self.missing == "record"):
            self._proposals.add(Proposal(test, metric, path, measurement))
            return self._fresh(metric, measurement, path, "new")
        missing = _missing_text(path, metric if previous is not None else "")
        status: Status = "skipped" if self.missing == "skip" else "missing"
        return self._fresh(metric, measurement, path, status, missing)

    def reference(self, measurement: Measurement) -> Measurement | None:
        """Return the baseline that ``measurement`` is judged by; None if there is none.

        :raises BaselineError: it is damaged, or of another combination.
        """
        path = self.store.path_of(measurement)
        text = self.store.read_text(path)
        return None if text is None else self.store.parse(text, path)

    def record(self, passed: Collection[str], *, staging: Path | None = None) -> list[str]:
        """Write what was judged, in whichever process; return what could not be written, and why.

        :param passed: ids of the tests that ran and passed.
        :param staging: as for :func:`recording.record`.
        """
        proposals = self._proposals.all()
        written, problems = record(self.store, proposals, passed, staging=staging)
        self._written = tuple(written)
        return problems

    def written(self) -> tuple[WrittenBaseline, ...]:
        """Return the baselines that :meth:`record` wrote or left as they were."""
        return self._written

    def _updated(
        self, metric: str, measurement: Measurement, tolerances: Tolerances, path: Path
    ) -> Verdict:
        try:
            previous = self.reference(measurement)
        except BaselineError as error:
            verdict = self._fresh(metric, measurement, path, "updated")
            notes = (*verdict.notes, f"replaced a damaged file: {error}")
            return replace(verdict, notes=notes)
        if previous is None or metric not in previous.metrics:
            return self._fresh(metric, measurement, path, "new")
        verdict = compare(metric, previous, measurement, tolerances, str(path))
        if verdict.status == "ok":
            return verdict
        comparisons = tuple(replace(c, status="updated") for c in verdict.comparisons)
        return replace(verdict, status="updated", comparisons=comparisons, message="")

    def _fresh(
        self, metric: str, measurement: Measurement, path: Path, status: Status, message: str = ""
    ) -> Verdict:
        comparisons = tuple(
            Comparison(part, None, number.rounded(), status, "")
            for part, number in measurement.gating(metric).items()
        )
        return Verdict(
            combination=measurement.combination,
            metric=metric,
            status=status,
            comparisons=comparisons,
            path=str(path),
            message=message,
            notes=remarks(metric, measurement),
        )


def _missing_text(path: Path, metric: str) -> str:
    """Return what to do about a missing baseline, or a missing metric of one."""
    what = f"no {metric} in the baseline {path}" if metric else f"no baseline {path}"
    return (
        f"{what}; record it with --tq-update-baselines=new and commit the file "
        "once you trust the numbers"
    )
