"""One chart: where the marks, lines and ticks of a panel lie, in the units of its drawing.

Values spread over decades, so the axis is logarithmic; zero, which is what a scheme that computes
the same as the reference measures, has a place of its own below it.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


WIDTH: Final = 330
HEIGHT: Final = 230
LEFT: Final = 50
RIGHT: Final = 8
TOP: Final = 10
BOTTOM: Final = 56

#: Height of the strip below the axis that holds the zeros.
_ZERO_STRIP: Final = 16
_MOST_TICKS: Final = 6
_MOST_CHARACTERS: Final = 10

#: Distance between the marks of neighbouring series at one place, so that equal values show.
_DODGE: Final = 3.0


@dataclass(frozen=True)
class ChartPoint:
    """A value of one series at one place of the horizontal axis.

    :param text: the value in words, for whoever points at the mark.
    :param target: the combination that the mark leads to; empty for none.
    """

    place: str
    value: float
    text: str
    target: str = ""


@dataclass(frozen=True)
class Mark:
    """A point as it is drawn."""

    path: str
    text: str
    target: str


@dataclass(frozen=True)
class Line:
    """A series as it is drawn: its marks and the line that joins them."""

    name: str
    points: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Chart:
    """Everything that the template draws; ticks and places are pairs of position and label."""

    places: tuple[tuple[float, str], ...]
    ticks: tuple[tuple[float, str], ...]
    lines: tuple[Line, ...]


def draw(series: Mapping[str, Sequence[ChartPoint]], order: Sequence[str]) -> Chart:
    """Return the chart of `series`, whose places lie in the given `order`."""
    step = (WIDTH - LEFT - RIGHT) / len(order)
    places = {place: LEFT + step * (index + 0.5) for index, place in enumerate(order)}
    height, ticks = log_axis([point.value for points in series.values() for point in points])
    dodge = min(_DODGE, step / (len(series) + 1))
    lines = []
    for index, (name, points) in enumerate(series.items()):
        shift = (index - (len(series) - 1) / 2) * dodge
        ordered = sorted(points, key=lambda point: order.index(point.place))
        spots = [(places[point.place] + shift, height(point.value)) for point in ordered]
        lines.append(
            Line(
                name=name,
                points=" ".join(f"{x:.1f},{y:.1f}" for x, y in spots),
                marks=tuple(
                    Mark(glyph(name, x, y), point.text, point.target)
                    for (x, y), point in zip(spots, ordered, strict=True)
                ),
            )
        )
    labels = tuple((x, _short_name(place)) for place, x in places.items())
    return Chart(labels, ticks, tuple(lines))


def glyph(name: str, x: float, y: float, size: float = 4.0) -> str:
    """Return the outline of a series' mark; its shape alone tells the series, without colour."""
    return f"M{x:.1f} {y:.1f}{_shape(name)(size)}"


def short_number(value: float) -> str:
    """Return a tick's value with few characters, such as ``10 k`` or ``1e-6``."""
    if value == 0:
        return "0"
    for scale, suffix in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= scale:
            return f"{value / scale:g}{suffix}"
    return f"{value:g}"


def _short_name(place: str) -> str:
    """Return a model's name as a label: its beginning and its end, where names differ."""
    name = place.rpartition("/")[2]
    if len(name) <= _MOST_CHARACTERS:
        return name
    half = _MOST_CHARACTERS // 2
    return f"{name[:half]}…{name[-half:]}"


def log_axis(
    values: Sequence[float], *, bottom: float = HEIGHT - BOTTOM
) -> tuple[Callable[[float], float], tuple[tuple[float, str], ...]]:
    """Return the function that places a value above `bottom`, and the ticks."""
    positive = [value for value in values if value > 0]
    floor = bottom - _ZERO_STRIP if len(positive) < len(values) else bottom
    low, high = _decades(positive)
    stride = math.ceil((high - low) / _MOST_TICKS)
    low -= (low - high) % stride  # so that the topmost decade has its label

    def height(value: float) -> float:
        if value <= 0:
            return bottom
        return floor - (math.log10(value) - low) / (high - low) * (floor - TOP)

    exponents = range(low, high + 1, stride) if positive else ()
    ticks = [(height(10.0**exponent), short_number(10.0**exponent)) for exponent in exponents]
    if floor != bottom:
        ticks.insert(0, (bottom, "0"))
    return height, tuple(ticks)


def _decades(positive: Sequence[float]) -> tuple[int, int]:
    """Return the exponents between which the values lie."""
    if not positive:
        return 0, 1
    low = math.floor(math.log10(min(positive)))
    return low, max(low + 1, math.ceil(math.log10(max(positive))))


def _shape(name: str) -> Callable[[float], str]:
    """Return what draws a series' mark; a project's own schemes share a few shapes by name."""
    others = (_wedge, _hexagon, _plus)
    return _GLYPHS.get(name, others[zlib.crc32(name.encode()) % len(others)])


def _wedge(r: float) -> str:
    return f"m0 {1.1 * r:g}l{1.1 * r:g} {-2 * r:g}h{-2.2 * r:g}z"


def _hexagon(r: float) -> str:
    w, h = 0.6 * r, 1.1 * r
    return f"m{-w:g} {-h:g}h{2 * w:g}l{w:g} {h:g}l{-w:g} {h:g}h{-2 * w:g}l{-w:g} {-h:g}z"


def _plus(r: float) -> str:
    return f"m0 {-r:g}v{2 * r:g}m{-r:g} {-r:g}h{2 * r:g}"


def _circle(r: float) -> str:
    return f"m{-r:g} 0a{r:g} {r:g} 0 1 0 {2 * r:g} 0a{r:g} {r:g} 0 1 0 {-2 * r:g} 0z"


def _square(r: float) -> str:
    return f"m{-r:g} {-r:g}h{2 * r:g}v{2 * r:g}h{-2 * r:g}z"


def _diamond(r: float) -> str:
    d = 1.2 * r
    return f"m0 {-d:g}l{d:g} {d:g}l{-d:g} {d:g}l{-d:g} {-d:g}z"


def _triangle(r: float) -> str:
    return f"m0 {-1.1 * r:g}l{1.1 * r:g} {2 * r:g}h{-2.2 * r:g}z"


def _cross(r: float) -> str:
    return f"m{-r:g} {-r:g}l{2 * r:g} {2 * r:g}m{-2 * r:g} 0l{2 * r:g} {-2 * r:g}"


#: A scheme with integer inputs has the shape of its sister with float ones; the style fills it.
_GLYPHS: Final[Mapping[str, Callable[[float], str]]] = {
    "basic": _circle,
    "dynamic": _diamond,
    "float16": _cross,
    "int8": _square,
    "int8-only": _square,
    "16x8": _triangle,
    "16x8-only": _triangle,
}
