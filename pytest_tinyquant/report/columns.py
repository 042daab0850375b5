"""The columns that tables of verdicts have between a number and its verdict, in every report.

To add one, add a :class:`Column` here: terminal, Markdown and HTML take it from this list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pytest_tinyquant.baselines.verdict import Comparison


@dataclass(frozen=True)
class Column:
    """A column of the tables of verdicts.

    :param key: names it in the HTML page: one lower-case word.
    :param title: its heading.
    :param cell: what stands in it beside one number.
    """

    key: str
    title: str
    cell: Callable[[Comparison], str]


COLUMNS: Final = (Column("change", "Change", lambda comparison: comparison.change_text),)


def cells(comparison: Comparison | None) -> tuple[str, ...]:
    """Return what stands beside a number; empty cells where an error came in its place."""
    if comparison is None:
        return ("",) * len(COLUMNS)
    return tuple(column.cell(comparison) for column in COLUMNS)
