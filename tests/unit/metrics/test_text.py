"""Numbers and changes in words, alike wherever they are shown."""

from __future__ import annotations

import ast
import math
import re
from pathlib import Path

import pytest

from pytest_tinyquant.metrics.text import delta_text
from pytest_tinyquant.metrics.text import growth_text
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.metrics.text import shape_text
from pytest_tinyquant.metrics.text import share_text


PACKAGE = Path(__file__).parents[3] / "pytest_tinyquant"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "+0.00 %"), (0.0123, "+1.23 %"), (1.9e-5, "+0.002 %"), (-3e-7, "-3e-05 %")],
)
def test_a_change_is_never_rounded_to_none(share: float, text: str) -> None:
    assert share_text(share) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [(1000, 1024, "+24 +2.40 %"), (0, 7, "+7"), (0.5, 0.25, "-0.25 -50.00 %")],
)
def test_growth_is_a_difference_and_its_share(before: float, after: float, text: str) -> None:
    assert growth_text(before, after) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1,234,567"),
        (0.12345678, "0.123457"),
        (6180.8, "6,180.8"),
        (6180.0, "6,180"),
        (123456.7, "123,457"),
        (1234567.8, "1,234,568"),
        (-2500000.0, "-2,500,000"),
        (3e-07, "3e-07"),
        (1e20, "1e+20"),
        (math.inf, "inf"),
        (math.nan, "nan"),
    ],
)
def test_numbers_have_separators_and_no_digit_before_the_point_is_lost(
    value: float, text: str
) -> None:
    assert number_text(value) == text
    assert delta_text(value).lstrip("+") == text


#: What writes a number in another way, and why.
OTHER_WAYS = {
    "metrics/text.py": "is the one place",
    "metrics/metric.py": "rounds, and reads it again",
    "paired/revision.py": "seconds of a time limit",
    "report/html/chart.py": "coordinates and ticks",
    "report/html/pareto.py": "coordinates and ticks",
    "report/choosing_text.py": "ratios, and three digits of an error in a narrow table",
    "report/wording.py": "a clock in MHz",
    "metrics/tolerance.py": "per cent",
    "metrics/tolerances.py": "what to type",
    "session/values.py": "what to type",
    "session/table.py": "defaults, as they are typed",
    "baselines/noise.py": "per cent",
    "report/live.py": "seconds of a run",
}


def own_formats(source: str) -> list[str]:
    """Return the expressions that are written by a number format of their own."""
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FormattedValue)
        and node.format_spec is not None
        and re.search(r",|[efgEG]'$", ast.unparse(node.format_spec))
    ]


def test_what_measures_and_reports_writes_numbers_by_the_one_formatter() -> None:
    rooms = ("metrics", "baselines", "report", "session", "paired", "history")
    found = {
        file.relative_to(PACKAGE).as_posix(): formats
        for room in rooms
        for file in sorted((PACKAGE / room).rglob("*.py"))
        if (formats := own_formats(file.read_text()))
    }
    others = {name: formats for name, formats in found.items() if name not in OTHER_WAYS}
    assert not others, "metrics/text.py writes numbers; an exception needs its reason above"
    assert own_formats("f'{value:,} bytes'") and own_formats("f'{share:.2f}x'")


def test_the_batch_of_one_is_left_out_of_a_shape() -> None:
    assert (shape_text((1, 16, 16, 32)), shape_text((10,))) == ("16x16x32", "10")
