"""A database server that the runs of several hosts are appended to: PostgreSQL.

One transaction adds a run. A run that is there already is left as it is: whoever lost the
connection before the server's answer may send it once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from typing import Final

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.history.rows import RunEntry
from pytest_tinyquant.history.rows import Series
from pytest_tinyquant.history.rows import series_of
from pytest_tinyquant.system.database_url import DatabaseUrl


#: Version of the tables; a later one is refused.
VERSION: Final = 1

#: The server's lock that whoever makes the tables holds: two runs must not make them at once.
_MAKING: Final = 0x54514869

CONNECT_SECONDS: Final = 10

#: Words of a server that is there but not ready, and of a host that is not. They reach us as text
#: only: a connection that was never made has no SQLSTATE.
_NO_SUCH_HOST: Final = ("resolve host", "Name or service", "translate host")
_NOT_READY: Final = ("starting up", "shutting down", "recovery mode", "not yet accepting")


class UnreachableError(ConfigurationError):
    """The server does not answer, or not yet: what was to be written can be sent later."""


class ServerHistory:
    """The history in a database of a PostgreSQL server; its tables are made if need be.

    :param create: False to insist on tables that exist.
    :raises UnreachableError: the server does not answer.
    :raises ConfigurationError: it refuses us, or the tables are of a later version.
    :raises ToolchainNotFoundError: SQLAlchemy or psycopg is not installed.
    """

    def __init__(self, url: DatabaseUrl, *, create: bool = True) -> None:
        try:
            import psycopg
            import sqlalchemy

            from pytest_tinyquant.history import server_tables
        except ImportError as error:
            raise ToolchainNotFoundError(
                f"a history in {url} needs SQLAlchemy and psycopg ({error}); "
                "pip install 'pytest-tinyquant[farm]'"
            ) from error
        self.name = str(url)
        self._sql = sqlalchemy
        self._tables = server_tables
        self._errors = (sqlalchemy.exc.SQLAlchemyError, psycopg.Error, OSError)
        with self._explained():
            self._engine = sqlalchemy.create_engine(
                url.of_driver,
                connect_args={"connect_timeout": CONNECT_SECONDS},
                poolclass=sqlalchemy.pool.NullPool,
                hide_parameters=True,
            )
            self._open(create)

    def close(self) -> None:
        """Close what is open; may be called twice."""
        self._engine.dispose()

    def append(self, entry: RunEntry) -> None:
        """Add a run with all its numbers, unless it is there already.

        :raises UnreachableError: the server went away; the run is there whole, or not at all.
        """
        with self._explained(), self._engine.begin() as connection:
            run = self._tables.insert_unless_there(connection, entry.run)
            if run is None:
                return
            for measurement, numbers in entry.measurements:
                row = connection.execute(
                    self._sql.insert(self._tables.MEASUREMENT).returning(
                        self._tables.MEASUREMENT.c.id
                    ),
                    {"run": run, **measurement._asdict()},
                ).scalar_one()
                values = [self._tables.number_values(row, number) for number in numbers]
                if values:
                    connection.execute(self._sql.insert(self._tables.NUMBER), values)

    def series(self, metric: str, part: str) -> list[Series]:
        """Return a number of every combination, sorted by name."""
        with self._explained(), self._engine.connect() as connection:
            rows = connection.execute(self._tables.series_query(metric, part)).all()
        return series_of(self._tables.point_values(row) for row in rows)

    def _open(self, create: bool) -> None:
        with self._engine.begin() as connection:
            lock = self._sql.func.pg_advisory_xact_lock(_MAKING)
            connection.execute(self._sql.select(lock))
            version = self._tables.version(connection)
            if version is None and not create:
                raise ConfigurationError(
                    f"{self.name}: there is no history yet; pytest --tq-history={self.name} "
                    "begins one"
                )
            if version is None:
                self._tables.make(connection, VERSION)
            elif version > VERSION:
                raise ConfigurationError(
                    f"{self.name}: written by a later pytest-tinyquant (version {version} of its "
                    f"tables, this one knows {VERSION}); upgrade, or name another database"
                )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            reason = _reason(error)
            if _may_come_back(error, reason):
                raise UnreachableError(
                    f"{self.name}: the database server does not answer ({reason})"
                ) from None
            raise ConfigurationError(
                f"{self.name}: cannot be used as a history ({reason}); check the address and the "
                "rights of its user"
            ) from None


def _reason(error: BaseException) -> str:
    """Return the driver's own words on one line; SQLAlchemy's would add a statement and a link."""
    words = str(getattr(error, "orig", None) or error)
    return " ".join(words.split())[:400]


def _may_come_back(error: Any, reason: str) -> bool:
    """Tell whether the same could succeed later without anyone changing the address."""
    import psycopg

    cause = getattr(error, "orig", None) or error
    if isinstance(cause, psycopg.errors.OperationalError) and cause.sqlstate is None:
        if "FATAL:" in reason:
            return any(words in reason for words in _NOT_READY)
        return not any(words in reason for words in _NO_SUCH_HOST)
    # Classes 57 and 53: an operator stopped the server, or it is short of something; 08: the link.
    return isinstance(cause, psycopg.Error) and (cause.sqlstate or "")[:2] in ("08", "53", "57")
