"""What a study published of one model on one board, for the table of its schemes to stand above.

Other software on the study's own boards: the rows have a table of their own, and no number in it is
compared with one of this project.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.report.published import columns


if TYPE_CHECKING:
    from pytest_tinyquant.report.choosing import Choice
    from pytest_tinyquant.report.published import Published


def rows_beside(choice: Choice, published: Iterable[Published]) -> list[Published]:
    """Return what was published of the model on a board of that name, by runtime and scheme."""
    return sorted(
        (row for row in published if (row.model, row.board) == (choice.model, choice.board)),
        key=lambda row: (row.runtime, row.scheme),
    )


def title_beside(rows: Sequence[Published]) -> str:
    """Return what the table of such rows is called."""
    sources = ", ".join(sorted({row.source for row in rows}))
    return f"published: {sources}, not measured here"


def heads_beside(rows: Sequence[Published]) -> list[str]:
    """Return the heads of the columns of figures, each with what it holds."""
    return [f"{name}, {columns()[name].holds}" for name in _shown(rows)]


def cells_beside(rows: Sequence[Published]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each row: runtime, scheme, figures."""
    for row in rows:
        figures = [row.figures.get(name) for name in _shown(rows)]
        texts = ["-" if value is None else number_text(value) for value in figures]
        yield (row.runtime, row.scheme, *texts)


def csv_beside(rows: Iterable[Published]) -> Iterator[tuple[str, ...]]:
    """Yield the rows of ``tinyquant compare --format csv``: of target and class ``published``."""
    for row in rows:
        for name, value in row.figures.items():
            if name in METRICS:
                holds = columns()[name].holds
                yield (
                    row.model, row.board, f"published: {row.runtime}", row.scheme, name,
                    repr(value), holds, "published", "", "", "",
                )  # fmt: skip


def json_beside(rows: Iterable[Published]) -> list[dict[str, Any]]:
    """Return the rows as JSON types."""
    return [
        {
            "source": row.source,
            "runtime": row.runtime,
            "scheme": row.scheme,
            "figures": {
                name: {"value": value, "unit": columns()[name].holds}
                for name, value in row.figures.items()
                if name in METRICS
            },
        }
        for row in rows
    ]


def _shown(rows: Sequence[Published]) -> list[str]:
    """Return the metrics that at least one row has, in the order of reports."""
    return [name for name in METRICS if any(name in row.figures for row in rows)]
