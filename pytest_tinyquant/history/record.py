"""Appends a run of pytest to its history."""

from __future__ import annotations

import datetime
import importlib.metadata
import uuid
from collections.abc import Iterable
from pathlib import Path

from pytest_tinyquant.baselines.verdict import Verdict
from pytest_tinyquant.errors import RevisionError
from pytest_tinyquant.history.database import History
from pytest_tinyquant.history.database import RunRow
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.system.git import Repository


def append_run(
    path: Path,
    root: Path,
    measurements: Iterable[Measurement],
    verdicts: Iterable[Verdict],
    *,
    started: float,
    passed: bool,
) -> None:
    """Append what a run measured; a run without measurements leaves no trace.

    :param root: the project's root.
    :param verdicts: of all metrics that were judged.
    :param started: seconds since the epoch.
    :raises ConfigurationError: the file cannot be used.
    """
    taken = list(measurements)
    if not taken:
        return
    statuses = {
        (verdict.combination.lower(), verdict.metric, comparison.part): comparison.status
        for verdict in verdicts
        for comparison in verdict.comparisons
    }
    revision, changes = _revision(root)
    time = datetime.datetime.fromtimestamp(started, datetime.UTC)
    history = History(path)
    try:
        history.append(
            RunRow(
                uid=uuid.uuid4().hex,
                started=time.isoformat(timespec="seconds"),
                revision=revision,
                changes=changes,
                package=importlib.metadata.version("pytest-tinyquant"),
                passed=passed,
            ),
            taken,
            statuses,
        )
    finally:
        history.close()


def _revision(root: Path) -> tuple[str, int]:
    """Return the project's commit and how many files differ from it; nothing outside of git.

    :raises RevisionError: the repository is damaged.
    """
    try:
        repository = Repository.around(root)
        commit = repository.commit("HEAD")
    except RevisionError:
        return "", 0
    return commit, repository.changes()
