"""Where schemes stand in the chart of what they lose over what they cost."""

from __future__ import annotations

from pytest_tinyquant.baselines.verdict import Verdict
from pytest_tinyquant.metrics.limits import LimitCheck
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.report.choosing import Choice
from pytest_tinyquant.report.choosing import Option
from pytest_tinyquant.report.html.chart import HEIGHT
from pytest_tinyquant.report.html.drawn_limits import drawn_limits
from pytest_tinyquant.report.html.pareto import BOTTOM
from pytest_tinyquant.report.html.pareto import scatters
from pytest_tinyquant.report.results import Result


def option(scheme: str, error: float, flash: int, unit: str = "bytes") -> Option:
    numbers = {"mae": Metric(error, "of range", "exact"), "flash": Metric(flash, unit, "exact")}
    return Option(scheme, numbers)


def choice(*options: Option) -> Choice:
    return Choice("net", "board", "emulator", options)


def test_more_flash_lies_right_and_more_error_up() -> None:
    (chart,) = scatters(choice(option("basic", 1e-9, 5000), option("int8", 0.01, 2000)))
    basic, int8 = sorted(chart.spots, key=lambda spot: spot.scheme)
    assert int8.x < basic.x
    assert int8.y < basic.y


def test_the_rounding_of_float32_is_drawn_as_no_error() -> None:
    (chart,) = scatters(choice(option("basic", 9e-7, 5000), option("int8", 0.01, 2000)))
    (basic,) = (spot for spot in chart.spots if spot.scheme == "basic")
    assert basic.y == HEIGHT - BOTTOM
    assert "9e-07" in basic.text


def test_a_dominated_scheme_is_pale_without_label_and_off_the_front() -> None:
    schemes = [
        option("basic", 0, 5000),
        option("int8", 0.01, 2100),
        option("int8-only", 0.01, 2000),
    ]
    (chart,) = scatters(choice(*schemes))
    by_name = {spot.scheme: spot for spot in chart.spots}
    assert by_name["int8"].pale
    assert by_name["int8"].label is None
    assert len(chart.front.split()) == 2


def test_labels_do_not_lie_on_each_other() -> None:
    schemes = [option("int8-only", 0.01, 2000), option("16x8-only", 0.0099, 2001)]
    (chart,) = scatters(choice(*schemes))
    lines = [spot.label for spot in chart.spots]
    assert all(line is not None for line in lines)
    assert abs((lines[0] or 0) - (lines[1] or 0)) >= 12


def test_a_limit_is_drawn_on_the_axis_of_its_cost() -> None:
    schemes = [option("basic", 0, 5000), option("int8", 0.01, 2000)]
    (chart,) = scatters(choice(*schemes), {"flash": 2000})
    (int8,) = (spot for spot in chart.spots if spot.scheme == "int8")
    assert chart.limit == int8.x


def test_a_limit_of_the_quality_lies_at_its_height() -> None:
    schemes = [option("basic", 0, 5000), option("int8", 0.01, 2000)]
    (chart,) = scatters(choice(*schemes), {"mae": 0.01})
    (int8,) = (spot for spot in chart.spots if spot.scheme == "int8")
    assert (chart.bar, chart.limit) == (int8.y, None)


def limited(part: str, number: Metric, limit: str, headroom: float) -> Result:
    metric = "error" if part == "mae" else part
    check = LimitCheck(part, number, limit, "net.toml", headroom >= 0, headroom)
    verdict = Verdict("net-int8-board", metric, "ok", (), "net.json", limits=(check,))
    return Result("t", "net-int8-board", "net", "int8", "board", "ok", (verdict,), "", None)


def test_limits_are_taken_from_what_was_judged_by_them_the_tightest_first() -> None:
    found = choice(option("basic", 0, 5000), option("int8", 0.01, 2000))
    flash, other = Metric(2000, "bytes", "exact"), Metric(2000, "cycles", "exact")
    results = [
        limited("flash", flash, "3 kB", 1000),
        limited("flash", flash, "1.5 kB", -500),
        limited("flash", other, "1 cycles", -1999),
        limited("mae", Metric(0.01, "of range", "exact"), "0.02", 0.01),
    ]
    assert drawn_limits(results, found) == {"flash": 1500, "mae": 0.02}


def test_two_units_share_no_chart() -> None:
    assert not scatters(choice(option("basic", 0, 5000), option("int8", 0.01, 2000, "KiB")))
