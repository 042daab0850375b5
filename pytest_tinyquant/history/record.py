"""Appends a run of pytest to its history."""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import uuid
from collections.abc import Iterable
from pathlib import Path

from pytest_tinyquant.baselines.verdict import Verdict
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import RevisionError
from pytest_tinyquant.history.place import open_history
from pytest_tinyquant.history.rows import HistoryStore
from pytest_tinyquant.history.rows import RunEntry
from pytest_tinyquant.history.rows import RunRow
from pytest_tinyquant.history.server import UnreachableError
from pytest_tinyquant.history.unsent import Unsent
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.database_url import DatabaseUrl
from pytest_tinyquant.system.git import Repository


def append_run(
    place: Path | DatabaseUrl,
    root: Path,
    measurements: Iterable[Measurement],
    verdicts: Iterable[Verdict],
    *,
    started: float,
    passed: bool,
    cache_root: Path | None = None,
) -> None:
    """Append what a run measured; a run without measurements leaves no trace.

    What a server cannot take now is kept in the cache, and sent by the next run or by
    ``tinyquant history``.

    :param place: a file, or a database on a server.
    :param root: the project's root.
    :param verdicts: of all metrics that were judged.
    :param started: seconds since the epoch.
    :param cache_root: None for the user's cache directory.
    :raises ConfigurationError: the history cannot be used, or not now.
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
    run = RunRow(
        uid=uuid.uuid4().hex,
        started=time.isoformat(timespec="seconds"),
        revision=revision,
        changes=changes,
        package=importlib.metadata.version("pytest-tinyquant"),
        passed=passed,
    )
    _append(place, RunEntry.of(run, taken, statuses), Cache(cache_root).root)


def open_before(place: Path | DatabaseUrl, cache_root: Path | None) -> list[str]:
    """Look before a run whether its history can be used, and send what earlier runs could not.

    :returns: lines for the user.
    :raises ConfigurationError: the history cannot be used, and waiting will not help.
    """
    try:
        with contextlib.closing(open_history(place)) as store:
            if not isinstance(place, DatabaseUrl):
                return []
            sent = Unsent(Cache(cache_root).root, store.name).send(store)
    except UnreachableError as error:
        return [f"tinyquant: {error}; this run is kept, and sent when it does"]
    return [f"tinyquant: {sent} earlier runs sent to {place}"] if sent else []


def open_to_read(place: Path | DatabaseUrl, cache_root: Path | None = None) -> HistoryStore:
    """Open a history that exists, with all that earlier runs here could not send.

    :raises ConfigurationError: there is none, or it cannot be used.
    """
    store = open_history(place, create=False)
    try:
        if isinstance(place, DatabaseUrl):
            Unsent(Cache(cache_root).root, store.name).send(store)
    except BaseException:
        store.close()
        raise
    return store


def _append(place: Path | DatabaseUrl, entry: RunEntry, cache: Path) -> None:
    """Append a run; one that the server does not take is kept.

    :raises ConfigurationError: it was not appended; the message says where it is kept.
    """
    unsent = Unsent(cache, str(place))
    try:
        with contextlib.closing(open_history(place)) as store:
            store.append(entry)
            if isinstance(place, DatabaseUrl):
                unsent.send(store)
    except ConfigurationError as error:
        if not isinstance(place, DatabaseUrl):
            raise
        path = unsent.keep(entry)
        raise ConfigurationError(
            f"{error}; the run is kept in {path} and sent by the next run with --tq-history, or by "
            f"tinyquant history --file {place}"
        ) from error


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
