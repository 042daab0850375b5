"""The SQLite file that runs are appended to; docs/history.md describes its tables.

One transaction adds a run: a process that is killed leaves the file as it was. Several processes
may append at once; each waits for the others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.history.rows import MeasurementRow
from pytest_tinyquant.history.rows import NumberRow
from pytest_tinyquant.history.rows import RunEntry
from pytest_tinyquant.history.rows import Series
from pytest_tinyquant.history.rows import series_of


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


class History:
    """The history in the file ``path``, which is made if need be.

    :param create: False to insist on a file that exists.
    :raises ConfigurationError: the file is something else, of a later version, or unusable.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.path = path
        self.name = str(path)
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

    def append(self, entry: RunEntry) -> None:
        """Add a run with all its numbers, or nothing."""
        run = entry.run
        with self._explained(), self._transaction():
            values = (run.uid, run.started, run.revision, run.changes, run.package, run.passed)
            row = self._connection.execute(
                "INSERT INTO run (uid, started, revision, changes, package, passed)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                values,
            )
            assert row.lastrowid is not None
            for measurement, numbers in entry.measurements:
                self._add(row.lastrowid, measurement, numbers)

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
        return series_of(rows)

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

    def _add(self, run: int, measurement: MeasurementRow, numbers: Sequence[NumberRow]) -> None:
        row = self._connection.execute(
            "INSERT INTO measurement (run, model, scheme, board, target, toolchain, runtime,"
            " kernels, tflite_sha256, image, output_sha256) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            (run, *measurement),
        )
        self._connection.executemany(
            "INSERT INTO number VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(row.lastrowid, *number) for number in numbers],
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
