"""The file that runs are appended to; docs/history.md describes its tables.

One transaction adds a run: a process that is killed leaves the file as it was. Several processes
may append at once; each waits for the others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.errors import ConfigurationError


if TYPE_CHECKING:
    from pytest_tinyquant.measure.measurement import Measurement

#: Marks the file as ours (SQLite's application_id): "TQHi".
APPLICATION_ID: Final = 0x54514869

#: What leads from one version of the tables to the next; the version is the number of steps.
MIGRATIONS: Final = (
    """
    CREATE TABLE run (
        id INTEGER PRIMARY KEY,
        uid TEXT NOT NULL UNIQUE,
        started TEXT NOT NULL,
        revision TEXT NOT NULL,
        changes INTEGER NOT NULL,
        package TEXT NOT NULL,
        passed INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE measurement (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
        model TEXT NOT NULL,
        scheme TEXT NOT NULL,
        board TEXT NOT NULL,
        target TEXT NOT NULL,
        toolchain TEXT NOT NULL,
        runtime TEXT NOT NULL,
        kernels TEXT NOT NULL,
        tflite_sha256 TEXT NOT NULL,
        image TEXT NOT NULL,
        output_sha256 TEXT NOT NULL,
        UNIQUE (run, model, scheme, board, target)
    ) STRICT;
    CREATE TABLE number (
        measurement INTEGER NOT NULL REFERENCES measurement (id) ON DELETE CASCADE,
        metric TEXT NOT NULL,
        part TEXT NOT NULL,
        value ANY NOT NULL,
        unit TEXT NOT NULL,
        class TEXT NOT NULL,
        verdict TEXT NOT NULL,
        PRIMARY KEY (measurement, metric, part)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX measurement_of ON measurement (model, scheme, board, target);
    """,
)

_LOCK_SECONDS: Final = 30.0


@dataclass(frozen=True)
class RunRow:
    """One run.

    :param uid: unlike that of any other run.
    :param started: UTC, ISO 8601.
    :param revision: commit of the project; empty outside of git.
    :param changes: tracked files that differed from it.
    :param package: version of this package.
    """

    uid: str
    started: str
    revision: str
    changes: int
    package: str
    passed: bool


@dataclass(frozen=True)
class Point:
    """One number of one run."""

    started: str
    revision: str
    changes: int
    value: int | float
    unit: str
    number_class: str
    verdict: str

    @property
    def where(self) -> str:
        """Return the revision as people read it, with a + for changes on top of it."""
        return (self.revision[:10] or "no revision") + ("+" if self.changes else "")


@dataclass(frozen=True)
class Series:
    """A number of one combination over all runs that have it, oldest first."""

    model: str
    scheme: str
    board: str
    target: str
    points: tuple[Point, ...]

    @property
    def combination(self) -> str:
        """Return the combination as test ids spell it, and how its board was reached."""
        return f"{self.model}-{self.scheme}-{self.board} {self.target}"


class History:
    """The history in the file ``path``, which is made if need be.

    :param create: False to insist on a file that exists.
    :raises ConfigurationError: the file is something else, of a later version, or unusable.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.path = path
        if not create and not path.is_file():
            raise ConfigurationError(
                f"{path}: there is no history yet; pytest --tq-history={path} begins one"
            )
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None)
            try:
                self._open()
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._connection.close()

    def append(
        self,
        run: RunRow,
        measurements: Iterable[Measurement],
        verdicts: Mapping[tuple[str, str, str], str],
    ) -> None:
        """Add a run with all its numbers, or nothing.

        :param verdicts: status by combination, metric and part.
        """
        with self._explained(), self._transaction():
            values = (run.uid, run.started, run.revision, run.changes, run.package, run.passed)
            row = self._connection.execute(
                "INSERT INTO run (uid, started, revision, changes, package, passed)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                values,
            )
            assert row.lastrowid is not None
            for measurement in measurements:
                self._add(row.lastrowid, measurement, verdicts)

    def series(self, metric: str, part: str) -> list[Series]:
        """Return a number of every combination, sorted by name."""
        query = (
            "SELECT m.model, m.scheme, m.board, m.target, r.started, r.revision, r.changes,"
            " n.value, n.unit, n.class, n.verdict"
            " FROM number n JOIN measurement m ON m.id = n.measurement JOIN run r ON r.id = m.run"
            " WHERE n.metric = ? AND n.part = ?"
            " ORDER BY m.model, m.scheme, m.board, m.target, r.id"
        )
        with self._explained():
            rows = self._connection.execute(query, (metric, part)).fetchall()
        found: dict[tuple[str, str, str, str], list[Point]] = {}
        for row in rows:
            found.setdefault(row[:4], []).append(Point(*row[4:]))
        return [Series(*names, tuple(points)) for names, points in found.items()]

    def _open(self) -> None:
        execute = self._connection.execute
        execute("PRAGMA foreign_keys = ON")
        (version,) = execute("PRAGMA user_version").fetchone()
        (application,) = execute("PRAGMA application_id").fetchone()
        (tables,) = execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables and application != APPLICATION_ID:
            raise ConfigurationError(f"{self.path}: another program's database; name another file")
        if version > len(MIGRATIONS):
            raise ConfigurationError(
                f"{self.path}: written by a later pytest-tinyquant (version {version} of its "
                f"tables, this one knows {len(MIGRATIONS)}); upgrade, or name another file"
            )
        if version < len(MIGRATIONS):
            execute("PRAGMA journal_mode = WAL")
            self._migrate()

    def _migrate(self) -> None:
        """Bring the tables to this version, unless another process was faster."""
        with self._transaction():
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            for step in MIGRATIONS[version:]:
                for statement in filter(str.strip, step.split(";")):
                    self._connection.execute(statement)
            self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def _add(
        self, run: int, measurement: Measurement, verdicts: Mapping[tuple[str, str, str], str]
    ) -> None:
        m, identity = measurement, measurement.identity
        row = self._connection.execute(
            "INSERT INTO measurement (run, model, scheme, board, target, toolchain, runtime,"
            " kernels, tflite_sha256, image, output_sha256) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            (
                *(run, m.model, m.scheme, m.board, m.target, m.toolchain),
                *(identity["runtime"], identity["kernels"], identity["tflite_sha256"]),
                *(identity.get("image", ""), m.output_sha256),
            ),
        )
        name = m.combination.lower()
        self._connection.executemany(
            "INSERT INTO number VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(row.lastrowid, metric, part, number.value, number.unit),
                    *(number.number_class, verdicts.get((name, metric, part), "")),
                )
                for metric, parts in m.metrics.items()
                for part, number in parts.items()
            ],
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise ConfigurationError(
                f"{self.path}: cannot be used as a history ({error}); name another file"
            ) from error
