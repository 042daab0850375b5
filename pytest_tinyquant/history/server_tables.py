"""The tables of a history on a server, and the statements on them; docs/history.md has them all.

Imports SQLAlchemy: only :mod:`pytest_tinyquant.history.server` imports this module.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any
from typing import Final

from sqlalchemy import BigInteger
from sqlalchemy import Boolean
from sqlalchemy import Column
from sqlalchemy import Connection
from sqlalchemy import Double
from sqlalchemy import ForeignKey
from sqlalchemy import Identity
from sqlalchemy import Index
from sqlalchemy import Integer
from sqlalchemy import MetaData
from sqlalchemy import Select
from sqlalchemy import Table
from sqlalchemy import Text
from sqlalchemy import UniqueConstraint
from sqlalchemy import insert
from sqlalchemy import inspect
from sqlalchemy import select
from sqlalchemy.dialects import postgresql

from pytest_tinyquant.history.rows import MeasurementRow
from pytest_tinyquant.history.rows import NumberRow
from pytest_tinyquant.history.rows import RunRow


#: Up to here a double holds every whole number.
_LARGEST_WHOLE: Final = 2**53

_METADATA: Final = MetaData()


def _text(name: str) -> Column[Any]:
    return Column(name, Text, nullable=False)


_SCHEMA: Final = Table("tinyquant_schema", _METADATA, Column("version", Integer, nullable=False))

RUN: Final = Table(
    "tinyquant_run",
    _METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    _text("started"),
    _text("revision"),
    Column("changes", Integer, nullable=False),
    _text("package"),
    Column("passed", Boolean, nullable=False),
)

MEASUREMENT: Final = Table(
    "tinyquant_measurement",
    _METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("run", ForeignKey(RUN.c.id, ondelete="CASCADE"), nullable=False),
    *(_text(name) for name in MeasurementRow._fields),
    UniqueConstraint("run", "model", "scheme", "board", "target"),
    Index("tinyquant_measurement_of", "model", "scheme", "board", "target"),
)

NUMBER: Final = Table(
    "tinyquant_number",
    _METADATA,
    Column("measurement", ForeignKey(MEASUREMENT.c.id, ondelete="CASCADE"), primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("part", Text, primary_key=True),
    Column("value", Double, nullable=False),
    Column("whole", Boolean, nullable=False),
    _text("unit"),
    _text("class"),
    _text("verdict"),
)


def version(connection: Connection) -> int | None:
    """Return the version of the tables in this database; None where there are none."""
    if not inspect(connection).has_table(_SCHEMA.name):
        return None
    found: int = connection.execute(select(_SCHEMA.c.version)).scalar_one()
    return found


def make(connection: Connection, number: int) -> None:
    """Make the tables, as version `number`."""
    _METADATA.create_all(connection)
    connection.execute(insert(_SCHEMA), {"version": number})


def insert_unless_there(connection: Connection, run: RunRow) -> int | None:
    """Return the id of a new row for `run`, or None where its uid is there already."""
    statement = postgresql.insert(RUN).on_conflict_do_nothing(index_elements=[RUN.c.uid])
    found = connection.execute(statement.returning(RUN.c.id), dataclasses.asdict(run))
    return found.scalar_one_or_none()


def number_values(measurement: int, number: NumberRow) -> dict[str, Any]:
    """Return the columns of a number; a whole one stays whole up to 2**53."""
    values = number._asdict()
    values["class"] = values.pop("number_class")
    whole = isinstance(number.value, int) and abs(number.value) <= _LARGEST_WHOLE
    return {"measurement": measurement, "whole": whole, **values}


def series_query(metric: str, part: str) -> Select[Any]:
    """Return the query of one number of every combination, in the order of the runs."""
    names = [MEASUREMENT.c[name] for name in MeasurementRow._fields[:4]]
    n = NUMBER.c
    # Hosts append when their runs end, so ids tell nothing: the time of the start does.
    return (
        select(*names, RUN.c.started, RUN.c.revision, RUN.c.changes)
        .add_columns(n.value, n.unit, n["class"], n.verdict, n.whole)
        .join_from(NUMBER, MEASUREMENT)
        .join(RUN)
        .where(n.metric == metric, n.part == part)
        .order_by(*(name.collate("C") for name in names), RUN.c.started.collate("C"), RUN.c.id)
    )


def point_values(row: Sequence[Any]) -> Sequence[Any]:
    """Return a row of :func:`series_query` as the fields of a combination and of a point."""
    *values, whole = row
    if whole:
        values[7] = int(values[7])
    return values
