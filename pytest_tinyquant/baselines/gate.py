"""The gate: find a combination's baseline, judge a metric, record what may be recorded."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from typing import Final

from pytest_tinyquant.baselines.compare import compare
from pytest_tinyquant.baselines.journal import Journal
from pytest_tinyquant.baselines.journal import Written
from pytest_tinyquant.baselines.noise import noise_tolerance
from pytest_tinyquant.baselines.store import BaselineStore
from pytest_tinyquant.baselines.verdict import Comparison
from pytest_tinyquant.baselines.verdict import Status
from pytest_tinyquant.baselines.verdict import Verdict
from pytest_tinyquant.errors import BaselineError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.tolerances import Tolerances


#: What a missing baseline does to a test.
MISSING_MODES: Final = ("fail", "record", "skip")

#: Which baselines a run writes; None writes none.
UPDATE_MODES: Final = ("new", "all")


class Gate:
    """Judges measurements against the baselines of one project.

    :param directory: the project's ``baselines/``.
    :param journal: a directory that belongs to this run and is shared by its workers.
    :param missing: one of :data:`MISSING_MODES`.
    :param update: one of :data:`UPDATE_MODES`, or None.
    :param tolerances: the project's tolerances, as :func:`tolerance.parse_ini` returns them.
    """

    def __init__(
        self,
        directory: Path,
        *,
        journal: Path,
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
        self._journal = Journal(journal)
        self._tolerances = dict(tolerances or {})

    def check(
        self,
        metric: str,
        measurement: Measurement,
        *,
        tolerances: Iterable[Mapping[str, Any]] = (),
        may_record: bool = True,
    ) -> Verdict:
        """Return the verdict on one metric; it is the caller who fails or skips the test.

        :param tolerances: layers over the project's, later ones win: the model's, the marker's.
        :param may_record: False for a test that is expected to fail; nothing is written then.
        :raises BaselineError: if the baseline is corrupt or cannot be written.
        :raises ConfigurationError: if the board has no such metric or a tolerance is malformed.
        """
        if not measurement.metrics.get(metric):
            raise ConfigurationError(
                f"{measurement.combination}: board '{measurement.board}' has no metric "
                f"'{metric}'; it has {', '.join(sorted(measurement.metrics))}"
            )
        merged = Tolerances.of(self._tolerances, *tolerances, where=measurement.combination)
        noise = noise_tolerance(self.store.directory, measurement.board, measurement.target)
        merged = replace(merged, noise=noise)
        path = self.store.path_of(measurement)
        if self.update == "all" and may_record:
            return self._updated(metric, measurement, merged, self._record(measurement))
        written = self._journal.find(path)
        if written is not None and written.previous is None:
            return self._fresh(metric, measurement, path, "new")
        text = self.store.read_text(path)
        if text is not None:
            return compare(metric, self.store.parse(text, path), measurement, merged, str(path))
        if may_record and (self.update == "new" or self.missing == "record"):
            self._record(measurement)
            return self._fresh(metric, measurement, path, "new")
        if self.missing == "skip":
            return self._fresh(metric, measurement, path, "skipped", _missing_text(path))
        return self._fresh(metric, measurement, path, "missing", _missing_text(path))

    def reference(self, measurement: Measurement) -> Measurement | None:
        """Return the baseline that ``measurement`` was judged by; None if there is none."""
        path = self.store.path_of(measurement)
        written = self._journal.find(path)
        text = self.store.read_text(path) if written is None else written.previous
        return self.store.parse(text, path) if text else None

    def written(self) -> tuple[Written, ...]:
        """Return the baselines that this run wrote, in whichever process."""
        return self._journal.entries()

    def _record(self, measurement: Measurement) -> Written:
        return self._journal.record(
            self.store.path_of(measurement),
            self._read_leniently,
            lambda: self.store.write(measurement),
        )

    def _read_leniently(self, path: Path) -> str | None:
        try:
            return self.store.read_text(path)
        except BaselineError:
            # Rewriting is what heals an unreadable file.
            return ""

    def _updated(
        self, metric: str, measurement: Measurement, tolerances: Tolerances, written: Written
    ) -> Verdict:
        path = written.path
        if written.previous is None:
            return self._fresh(metric, measurement, path, "new")
        try:
            previous = self.store.parse(written.previous, path)
        except BaselineError as error:
            verdict = self._fresh(metric, measurement, path, "updated")
            return replace(verdict, notes=(f"replaced a damaged file: {error}",))
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
        )


def _missing_text(path: Path) -> str:
    return (
        f"no baseline {path}; record it with --tq-update-baselines=new and commit the file "
        "once you trust the numbers"
    )
