"""Numbers and changes in words, alike wherever they are shown."""

from __future__ import annotations

import pytest

from pytest_tinyquant.metrics.text import growth_text
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.metrics.text import shape_text
from pytest_tinyquant.metrics.text import share_text


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


def test_whole_numbers_have_separators_and_others_six_digits() -> None:
    assert (number_text(1234567), number_text(0.12345678)) == ("1,234,567", "0.123457")


def test_the_batch_of_one_is_left_out_of_a_shape() -> None:
    assert (shape_text((1, 16, 16, 32)), shape_text((10,))) == ("16x16x32", "10")
