"""Figures that a study published, to be shown beside a run's own and never mixed with them.

The files are ``baselines/published/*.csv``, one row per runtime, board, build, model and scheme.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_tinyquant.errors import BaselineError
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.spec import PublishedColumn
from pytest_tinyquant.system.regular_file import read_text


#: The runtime and the builds whose figures the study itself draws.
RUNTIME: Final = "tflm"
BUILDS: Final = ("O3", "gcc")

#: The columns of the figures that are about a model alone.
_SIZES: Final = {
    "parameters": PublishedColumn("parameters", "parameters"),
    "macs": PublishedColumn("published_macs", "TensorFlow operations / 2"),
}

_KEYS: Final = ("runtime", "board", "build", "model", "scheme")


@dataclass(frozen=True)
class Published:
    """What was published about one combination; figures that are missing there are missing here.

    :param figures: by the names of :func:`columns`.
    :param source: name of the file.
    :param runtime: what ran the model.
    """

    board: str
    model: str
    scheme: str
    figures: Mapping[str, float]
    source: str
    runtime: str = RUNTIME

    @property
    def combination(self) -> str:
        """Return the combination as test ids spell it."""
        return f"{self.model}-{self.scheme}-{self.board}"


def columns() -> dict[str, PublishedColumn]:
    """Return the column of each figure: of the sizes of models, then of the metrics."""
    shown = {name: spec.published for name, spec in METRICS.items()}
    return _SIZES | {name: column for name, column in shown.items() if column is not None}


def read_published(directory: Path) -> tuple[Published, ...]:
    """Return the study's figures in `directory`; empty if there is none.

    Files without the columns that name a combination are about something else.

    :raises BaselineError: for a figure that is not a number.
    """
    return tuple(row for row in read_all(directory) if row.runtime == RUNTIME)


def read_all(directory: Path) -> tuple[Published, ...]:
    """Return the figures of every runtime that a study ran, with the builds it draws itself.

    :raises BaselineError: for a figure that is not a number.
    """
    return tuple(row for file in sorted(directory.glob("*.csv")) for row in _read(file))


def _read(file: Path) -> list[Published]:
    try:
        text = read_text(file)
        lines = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
        if not set(_KEYS) <= set(lines.fieldnames or ()):
            return []
        rows = list(enumerate(lines, 2))
    except (OSError, ValueError, csv.Error) as error:
        raise BaselineError(
            f"{file}: the published figures cannot be read ({error}); restore the file from git"
        ) from error
    return [
        Published(
            board=line["board"],
            model=line["model"],
            scheme=line["scheme"],
            figures=_figures(line, f"{file}: line {number}"),
            source=file.stem,
            runtime=line["runtime"],
        )
        for number, line in rows
        if line["build"] in BUILDS
    ]


def _figures(line: Mapping[str, str], where: str) -> dict[str, float]:
    found = {}
    for name, column in columns().items():
        text = line.get(column.name) or ""
        try:
            if text:
                found[name] = float(text)
        except ValueError as error:
            raise BaselineError(
                f"{where}: {column.name} is {text!r}, expected a number; restore the file from git"
            ) from error
    return found
