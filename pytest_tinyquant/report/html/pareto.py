"""What a scheme loses over what it costs: one chart per cost, for one model on one board.

A scheme that another one beats or equals in everything is pale; the others are joined by a line,
the Pareto front of that chart. Limits of the project are drawn where there are any.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import Final

from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.metrics.text import quantity_text
from pytest_tinyquant.report.choosing import Choice
from pytest_tinyquant.report.choosing import Option
from pytest_tinyquant.report.choosing import costs
from pytest_tinyquant.report.choosing import qualities
from pytest_tinyquant.report.html.chart import HEIGHT
from pytest_tinyquant.report.html.chart import LEFT
from pytest_tinyquant.report.html.chart import RIGHT
from pytest_tinyquant.report.html.chart import TOP
from pytest_tinyquant.report.html.chart import WIDTH
from pytest_tinyquant.report.html.chart import glyph
from pytest_tinyquant.report.html.chart import log_axis
from pytest_tinyquant.report.html.chart import short_number


#: Room below the horizontal axis for its numbers.
BOTTOM: Final = 24

_TICKS: Final = 4

#: An error below this share of the output's range is drawn as none; see docs/measurements.md.
_ROUNDING: Final = 1e-6

#: Least distance between two labels' lines.
_LINE: Final = 12.0

Ticks = tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Spot:
    """A scheme as it is drawn.

    :param label: where the label's line stands; None for a pale one, which has none.
    """

    scheme: str
    path: str
    text: str
    x: float
    y: float
    anchor: str
    pale: bool
    label: float | None = None


@dataclass(frozen=True)
class Scatter:
    """One chart.

    :param front: the points of the line that joins the Pareto front.
    :param limit: where the limit of the cost lies; None for none.
    :param bar: how high the limit of the quality lies; None for none.
    """

    cost: str
    title: str
    x_axis: str
    y_axis: str
    x_ticks: Ticks
    y_ticks: Ticks
    spots: tuple[Spot, ...]
    front: str
    limit: float | None = None
    bar: float | None = None


def scatters(choice: Choice, limits: Mapping[str, float] | None = None) -> tuple[Scatter, ...]:
    """Return a chart per cost that at least two schemes have in the same unit and class.

    :param limits: what each cost may be at most, in its unit, and how good a scheme must be.
    """
    found = []
    for cost in costs():
        options = [o for o in choice.options if {cost, choice.quality} <= o.numbers.keys()]
        units = {(o.numbers[cost].unit, o.numbers[cost].number_class) for o in options}
        if len(options) > 1 and len(units) == 1:
            found.append(_scatter(choice, options, cost, limits or {}))
    return tuple(found)


def _scatter(
    choice: Choice, options: Sequence[Option], cost: str, limits: Mapping[str, float]
) -> Scatter:
    quality = choice.quality
    limit, bar = limits.get(cost), limits.get(quality)
    costs = [option.numbers[cost].value for option in options]
    across, x_ticks = _linear(max([*costs, *([limit] if limit else [])]))
    good = [option.numbers[quality].value for option in options]
    height, y_ticks = _vertical([*good, *([] if bar is None else [bar])], quality)
    spots = [_spot(choice, option, cost, across, height) for option in options]
    return Scatter(
        cost=cost,
        title=METRICS[cost].title,
        x_axis=_axis_text(options[0].numbers[cost]),
        y_axis="accuracy"
        if quality == "accuracy"
        else f"error, {options[0].numbers[quality].unit}",
        x_ticks=x_ticks,
        y_ticks=y_ticks,
        spots=_labelled(spots),
        front=_front(spots),
        limit=None if limit is None else across(limit),
        bar=None if bar is None else height(_told(bar)),
    )


def _spot(
    choice: Choice,
    option: Option,
    cost: str,
    across: Callable[[float], float],
    height: Callable[[float], float],
) -> Spot:
    number, quality = option.numbers[cost], option.numbers[choice.quality]
    x, y = across(number.value), height(_told(quality.value))
    text = (
        f"{option.scheme}: {choice.quality} {number_text(quality.value)}, "
        f"{quantity_text(number.value, number.unit)}"
    )
    right = x < WIDTH * 0.7
    return Spot(
        option.scheme,
        glyph(option.scheme, x, y),
        text,
        x,
        y,
        "start" if right else "end",
        choice.dominated(option),
    )


def _labelled(spots: Sequence[Spot]) -> tuple[Spot, ...]:
    """Return the spots with labels that do not lie on each other."""
    placed: list[Spot] = []
    taken: list[float] = []
    for spot in sorted(spots, key=lambda spot: (spot.y, spot.x)):
        if spot.pale:
            placed.append(spot)
            continue
        label = next(y for y in _label_places(spot.y) if all(abs(y - t) >= _LINE for t in taken))
        taken.append(label)
        placed.append(replace(spot, label=label))
    return tuple(placed)


def _label_places(y: float) -> Iterator[float]:
    """Yield where a point's label may stand, nearest first: never on a line through the point."""
    for step in itertools.count():
        yield y - 6 - step * _LINE
        yield y + 15 + step * _LINE


def _front(spots: Sequence[Spot]) -> str:
    """Return the line through the schemes that none beats in everything, from left to right."""
    front = sorted((spot for spot in spots if not spot.pale), key=lambda spot: (spot.x, spot.y))
    return " ".join(f"{spot.x:.1f},{spot.y:.1f}" for spot in front) if len(front) > 1 else ""


def _linear(most: float) -> tuple[Callable[[float], float], Ticks]:
    """Return the horizontal axis from 0 to a little more than `most`."""
    step = _nice(most / _TICKS) or 1.0
    top = step * (math.floor(most / step) + 1)
    room = WIDTH - LEFT - RIGHT

    def across(value: float) -> float:
        return LEFT + value / top * room

    ticks = tuple((across(step * n), short_number(step * n)) for n in range(round(top / step) + 1))
    return across, ticks


def _vertical(values: Sequence[float], quality: str) -> tuple[Callable[[float], float], Ticks]:
    """Return the vertical axis: logarithmic for an error, from a round share to 1 for accuracy."""
    if not qualities()[quality]:
        return log_axis([_told(value) for value in values], bottom=HEIGHT - BOTTOM)
    low = max(0.0, math.floor(min(values) * 20 - 0.5) / 20)
    room = HEIGHT - BOTTOM - TOP

    def height(value: float) -> float:
        return HEIGHT - BOTTOM - (value - low) / (1.0 - low) * room if low < 1 else TOP

    step = (1.0 - low) / _TICKS
    return height, tuple(
        (height(low + step * n), f"{low + step * n:.3g}") for n in range(_TICKS + 1)
    )


def _told(error: float) -> float:
    """Return an error, and 0 for one that is the rounding of float32 alone."""
    return error if error >= _ROUNDING else 0.0


def _nice(step: float) -> float:
    """Return 1, 2 or 5 times a power of ten, the nearest above `step`; 0 for 0."""
    if step <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * 0.999)


def _axis_text(number: Metric) -> str:
    return (
        number.unit if number.number_class == "exact" else f"{number.unit}, {number.number_class}"
    )
