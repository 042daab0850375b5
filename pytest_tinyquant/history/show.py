"""What ``tinyquant history`` prints: a number over the runs, and what crept."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.history.rows import HistoryStore
from pytest_tinyquant.history.rows import Series
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.text import delta_text
from pytest_tinyquant.metrics.text import growth_text
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.metrics.text import quantity_text
from pytest_tinyquant.metrics.tolerance import Tolerance
from pytest_tinyquant.system.plain_console import plain_console


if TYPE_CHECKING:
    from rich.console import Console

    from pytest_tinyquant.history.creep import Release

_BARS: Final = "▁▂▃▄▅▆▇█"
_ASCII_BARS: Final = "_.-=+*#@"

#: Steps that are listed of a number that crept, largest first.
MOST_STEPS: Final = 5

#: Version of the JSON document.
FORMAT: Final = 1


@dataclasses.dataclass(frozen=True)
class HistoryFilter:
    """Which numbers to show.

    :param metric: ``latency``, or ``flash.weights`` for a part other than the first that gates.
    :param names: globs for model, scheme and board; empty ones match all.
    :param last: how many of the latest runs; 0 for all.
    """

    metric: str
    names: tuple[str, str, str] = ("", "", "")
    last: int = 0

    def of(self, history: HistoryStore) -> list[Series]:
        """Return the chosen series.

        :raises ConfigurationError: there is no such metric, or nothing is left.
        """
        metric, dot, part = self.metric.partition(".")
        if metric not in METRICS or (dot and METRICS[metric].part(part) is None):
            known = ", ".join(f"{n}.{p}" for n, spec in METRICS.items() for p in spec.part_names)
            raise ConfigurationError(f"unknown metric {self.metric!r}; known: {known}")
        found = [
            dataclasses.replace(series, points=series.points[-self.last :])
            for series in history.series(metric, part or METRICS[metric].primary)
            if all(
                fnmatchcase(name, pattern or "*")
                for name, pattern in zip(
                    (series.model, series.scheme, series.board), self.names, strict=True
                )
            )
        ]
        if not found:
            raise ConfigurationError(
                f"{history.name}: no run has {self.metric} of what is chosen; choose fewer "
                "conditions (--model, --scheme, --board), or another --metric"
            )
        return found


def show_history(history: HistoryStore, choice: HistoryFilter, *, as_json: bool) -> int:
    """Print each chosen number over the runs; of a single combination, every run."""
    found = choice.of(history)
    if as_json:
        series = [dataclasses.asdict(series) for series in found]
        print(json.dumps({"format": FORMAT, "metric": choice.metric, "series": series}, indent=2))
        return 0
    console = _console()
    console.print(_overview(console, choice.metric, found))
    if len(found) == 1:
        console.print(_runs(found[0]))
    return 0


def show_creep(
    history: HistoryStore, choice: HistoryFilter, release: Release | None, limit: Tolerance | None
) -> int:
    """Print what grew beyond the limit, step by step; return 1 if anything did.

    :param release: where growth is counted from; None for the first run of each combination.
    :param limit: None for the default of the metric.
    """
    found = choice.of(history)
    console = _console()
    metric, _, part = choice.metric.partition(".")
    spec = METRICS[metric]
    part = part or spec.primary
    allowed = limit or spec.creep_limit
    crept = 0
    for series in found:
        points = series.points
        start, since = points[0].value, points[0].where
        if release is not None:
            base = release.baseline(series.model, series.scheme, series.board, series.target)
            number = base.metrics[metric].get(part) if base else None
            if number is None:
                console.print(f"{series.combination}  not in {release.revision}", markup=False)
                continue
            start, since = number.value, release.revision
        total = points[-1].value - start
        if (-total if spec.higher_is_better(part) else total) > allowed.slack(start):
            crept += 1
            _show_steps(console, series, start, since, allowed)
    console.print(f"{crept} of {len(found)} crept beyond {allowed.text(found[0].points[-1].unit)}")
    return int(crept > 0)


def sparkline(values: Sequence[int | float], bars: str = _BARS) -> str:
    """Return a bar per value, from the least to the greatest of them."""
    low, high = min(values), max(values)
    if low == high:
        return bars[len(bars) // 2] * len(values)
    top = len(bars) - 1
    return "".join(bars[round((value - low) / (high - low) * top)] for value in values)


def _show_steps(
    console: Console, series: Series, start: float, since: str, limit: Tolerance
) -> None:
    """Print by how much a number crept and in which runs it did."""
    points = series.points
    last = points[-1]
    console.print(
        f"{series.combination}  {number_text(start)} -> {quantity_text(last.value, last.unit)}, "
        f"{growth_text(start, last.value)} since {since}, limit {limit.text(last.unit)}",
        markup=False,
        soft_wrap=True,
    )
    values = [start, *(point.value for point in points)]
    steps = [
        (after - before, point)
        for before, after, point in zip(values[:-1], values[1:], points, strict=True)
        if after != before
    ]
    for step, point in sorted(steps, key=lambda step: -step[0])[:MOST_STEPS]:
        verdict = f"  {point.verdict}" if point.verdict else ""
        console.print(f"  {point.where:<12} {delta_text(step):>12}{verdict}", markup=False)


def _overview(console: Console, metric: str, found: Sequence[Series]) -> object:
    from rich import box
    from rich.table import Table

    bars = _BARS if console.encoding.lower().startswith("utf") else _ASCII_BARS
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in (metric, "runs", "over them", "first", "last", "change"):
        right = column in ("runs", "first", "last", "change")
        table.add_column(column, justify="right" if right else "left")
    for series in found:
        values = [point.value for point in series.points]
        table.add_row(
            series.combination,
            str(len(values)),
            sparkline(values, bars),
            number_text(values[0]),
            quantity_text(values[-1], series.points[-1].unit),
            growth_text(values[0], values[-1]),
        )
    return table


def _runs(series: Series) -> object:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("started (UTC)", "revision", "value", "change", "class", "verdict"):
        table.add_column(column, justify="right" if column in ("value", "change") else "left")
    before = series.points[0].value
    for point in series.points:
        change = delta_text(point.value - before) if point.value != before else ""
        started = point.started.removesuffix("+00:00").replace("T", " ")
        value = quantity_text(point.value, point.unit)
        table.add_row(started, point.where, value, change, point.number_class, point.verdict)
        before = point.value
    return table


def _console() -> Console:

    return plain_console(highlight=False, emoji=False)
