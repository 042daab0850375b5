"""The study's six figures: size, error, latency, flash and RAM, per board and model family.

Numbers of different classes or units, and published ones, get panels of their own: no axis and no
series mixes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.metrics.text import quantity_text
from pytest_tinyquant.report.html.chart import Chart
from pytest_tinyquant.report.html.chart import ChartPoint
from pytest_tinyquant.report.html.chart import draw
from pytest_tinyquant.report.published import Published
from pytest_tinyquant.report.published import columns
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.schemes.scheme import in_order
from pytest_tinyquant.system.natural_order import natural_order


#: Name, heading and explanation of each figure that is about the model alone.
SIZES: Final = (
    ("parameters", "Parameters", "Weights and biases of each model, whatever the scheme."),
    ("macs", "Multiply-accumulates", "One inference of each model."),
)

#: The one series of figures that no scheme changes.
MODEL_SERIES: Final = "model"


@dataclass(frozen=True)
class Panel:
    """One chart of a figure.

    :param source: ``run`` or ``published``.
    :param axis: what the vertical axis holds, with unit and class.
    """

    title: str
    source: str
    axis: str
    chart: Chart


@dataclass(frozen=True)
class Figure:
    """A figure; each group holds this run's panels of one board and family, then published ones."""

    name: str
    title: str
    text: str
    groups: tuple[tuple[Panel, ...], ...]

    @property
    def has_published(self) -> bool:
        """Whether the study published anything that stands here."""
        return any(panel.source == "published" for group in self.groups for panel in group)


@dataclass(frozen=True)
class _Value:
    """A number to be drawn, and the panel that it belongs to: board, target and family first."""

    group: tuple[str, str, str]
    source: str
    axis: str
    series: str
    point: ChartPoint


def figures(
    measurements: Iterable[Measurement],
    published: Iterable[Published],
    families: Mapping[str, str],
) -> tuple[Figure, ...]:
    """Return the figures; `families` maps every model of the project to its family."""
    measurements = tuple(measurements)
    measured = {(m.board, m.model) for m in measurements}
    # A published figure without one of this run's beside it belongs into the study, not in here.
    published = [row for row in published if (row.board, row.model) in measured]
    drawn = []
    for name, title, text in SIZES:
        values = _sizes(name, measurements, published, families)
        drawn.append(Figure(name, title, text, _groups(values)))
    for name, spec in METRICS.items():
        values = _metrics(name, measurements, published, families)
        drawn.append(Figure(name, spec.title, spec.description, _groups(values)))
    return tuple(figure for figure in drawn if figure.groups)


def _sizes(
    name: str,
    measurements: Sequence[Measurement],
    published: Sequence[Published],
    families: Mapping[str, str],
) -> list[_Value]:
    """Return one value per model, and the published one where there is one."""
    own: dict[str, _Value] = {}
    for m in measurements:
        if m.structure is None or m.model in own:
            continue
        count = m.structure.parameters if name == "parameters" else sum(m.structure.macs)
        point = ChartPoint(m.model, count, f"{m.model}: {number_text(count)}")
        axis = "parameters, exact" if name == "parameters" else "multiply-accumulates, exact"
        own[m.model] = _Value(
            ("", "", _family(m.model, families)), "run", axis, MODEL_SERIES, point
        )
    theirs = {row.model: row for row in published if name in row.figures}
    return [*own.values()] + [
        _Value(
            ("", "", _family(model, families)),
            "published",
            columns()[name].holds,
            MODEL_SERIES,
            ChartPoint(
                model, row.figures[name], f"{model}: {number_text(row.figures[name])}, {row.source}"
            ),
        )
        for model, row in theirs.items()
    ]


def _metrics(
    name: str,
    measurements: Sequence[Measurement],
    published: Sequence[Published],
    families: Mapping[str, str],
) -> list[_Value]:
    """Return one value per combination, and the published one where there is one."""
    values = []
    for m in measurements:
        for metric in list(m.gating(name).values())[:1]:
            text = f"{m.model} {m.scheme}: {quantity_text(metric.value, metric.unit)}"
            point = ChartPoint(m.model, metric.value, text, m.combination)
            group = (m.board, m.target, _family(m.model, families))
            values.append(_Value(group, "run", _axis_name(name, m, metric), m.scheme, point))
    targets = {m.board: m.target for m in measurements if m.metrics.get(name)}
    for row in published:
        if row.board in targets and name in row.figures and row.scheme in SCHEMES:
            unit = columns()[name].holds
            text = (
                f"{row.model} {row.scheme}: {quantity_text(row.figures[name], unit)}, {row.source}"
            )
            point = ChartPoint(row.model, row.figures[name], text)
            group = (row.board, targets[row.board], _family(row.model, families))
            values.append(_Value(group, "published", unit, row.scheme, point))
    return values


def _axis_name(name: str, measurement: Measurement, metric: Metric) -> str:
    part = next(iter(measurement.gating(name)))
    what = f"{part}, " if part != METRICS[name].primary else ""
    return f"{what}{metric.unit}, {metric.number_class}"


def _groups(values: Sequence[_Value]) -> tuple[tuple[Panel, ...], ...]:
    """Return one panel per board, family, source, unit and class."""
    grouped: dict[tuple[str, str, str], dict[tuple[bool, str], list[_Value]]] = {}
    for value in values:
        panels = grouped.setdefault(value.group, {})
        panels.setdefault((value.source == "published", value.axis), []).append(value)
    return tuple(
        tuple(_panel(panels[key]) for key in sorted(panels))
        for _, panels in sorted(grouped.items())
    )


def _panel(values: Sequence[_Value]) -> Panel:
    first = values[0]
    return Panel(_title(*first.group, first.source), first.source, first.axis, _chart(values))


def _title(board: str, target: str, family: str, source: str) -> str:
    """Return a panel's title; what was published ran on hardware, not where this run did."""
    where = f"{board} ({target})" if target not in ("", board) and source == "run" else board
    return ", ".join(filter(None, (where, family)))


def _chart(values: Sequence[_Value]) -> Chart:
    series: dict[str, list[ChartPoint]] = {}
    for name in in_order(value.series for value in values):
        points = [value.point for value in values if value.series == name]
        if points:
            series[name] = points
    places = sorted({value.point.place for value in values}, key=natural_order)
    return draw(series, places)


def _family(model: str, families: Mapping[str, str]) -> str:
    return families.get(model) or re.split(r"[/_]", model)[0]
