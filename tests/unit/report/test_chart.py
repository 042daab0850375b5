"""The geometry of the report's charts."""

from __future__ import annotations

import pytest

from pytest_tinyquant.report.html.chart import BOTTOM
from pytest_tinyquant.report.html.chart import HEIGHT
from pytest_tinyquant.report.html.chart import TOP
from pytest_tinyquant.report.html.chart import ChartPoint
from pytest_tinyquant.report.html.chart import Line
from pytest_tinyquant.report.html.chart import draw
from pytest_tinyquant.report.html.chart import glyph
from pytest_tinyquant.report.html.chart import short_number
from pytest_tinyquant.schemes.scheme import SCHEMES


def points(*values: float) -> list[ChartPoint]:
    return [ChartPoint(f"m{index}", value, str(value)) for index, value in enumerate(values)]


def heights(line: Line) -> list[float]:
    return [float(spot.split(",")[1]) for spot in line.points.split()]


def test_a_decade_is_as_high_as_any_other() -> None:
    (line,) = draw({"int8": points(10, 100, 1000)}, ["m0", "m1", "m2"]).lines
    low, middle, high = heights(line)
    assert middle == pytest.approx((low + high) / 2)
    assert (low, high) == (HEIGHT - BOTTOM, TOP)


def test_zero_has_a_place_of_its_own_below_the_smallest_value() -> None:
    chart = draw({"int8": points(0, 0.001)}, ["m0", "m1"])
    zero, smallest = heights(chart.lines[0])
    assert zero - smallest > 10
    assert [label for _, label in chart.ticks] == ["0", "0.001", "0.01"]


def test_all_zeros_are_drawn() -> None:
    chart = draw({"basic": points(0, 0)}, ["m0", "m1"])
    assert heights(chart.lines[0]) == [HEIGHT - BOTTOM] * 2
    assert [label for _, label in chart.ticks] == ["0"]


def test_the_ends_of_an_axis_have_labels_although_decades_between_have_none() -> None:
    chart = draw({"int8": points(3e-9, 5e-3)}, ["m0", "m1"])
    assert [label for _, label in chart.ticks] == ["1e-10", "1e-08", "1e-06", "0.0001", "0.01"]


def test_many_decades_get_few_ticks() -> None:
    assert len(draw({"int8": points(1e-12, 1)}, ["m0", "m1"]).ticks) <= 7


def test_a_series_follows_the_order_of_the_axis_not_of_its_points() -> None:
    chart = draw({"int8": [ChartPoint("b", 2, "b"), ChartPoint("a", 1, "a")]}, ["a", "b"])
    assert [mark.text for mark in chart.lines[0].marks] == ["a", "b"]
    assert [label for _, label in chart.places] == ["a", "b"]


def test_equal_values_of_two_series_do_not_hide_each_other() -> None:
    first, second = draw({"int8": points(5), "16x8": points(5)}, ["m0"]).lines
    assert first.points != second.points


def test_series_that_share_a_shape_differ_in_being_filled() -> None:
    """Shape and filling tell every scheme without its colour."""
    shapes = {name: glyph(name, 0, 0) for name in SCHEMES}
    kinds = {(shape, "-only" in name or name == "basic") for name, shape in shapes.items()}
    assert len(kinds) == len(SCHEMES)


def test_long_names_keep_the_ends_that_tell_them_apart() -> None:
    chart = draw({"basic": points(1)}, ["m0", "mlperf-tiny/vww01_mobilenet_int8"])
    assert chart.places[1][1] == "vww01…_int8"


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (1e-6, "1e-06"), (10, "10"), (10_000, "10 k"), (1e7, "10 M")]
)
def test_ticks_are_short(value: float, text: str) -> None:
    assert short_number(value) == text
