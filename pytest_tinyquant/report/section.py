"""A section that another plugin adds to the reports: a title, a sentence and a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pytest_tinyquant.errors import ConfigurationError


@dataclass(frozen=True)
class Section:
    """What one plugin has to say about a run; every report shows it in its own form.

    :param title: a few words, unique among the sections of a run.
    :param columns: heads of the table.
    :param rows: its rows, each with a cell for every column.
    :param text: a sentence above the table.
    :raises ConfigurationError: a row has more or fewer cells than there are columns.
    """

    title: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    text: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ConfigurationError(
                    f"section {self.title!r}: row {list(row)!r} has {len(row)} cells for "
                    f"{len(self.columns)} columns; make them as many"
                )

    def to_json(self) -> dict[str, Any]:
        """Return the section as JSON types."""
        return {
            "title": self.title,
            "text": self.text,
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
        }
