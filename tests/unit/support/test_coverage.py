"""The page of operators is what the code says, and leaves no gap unexplained."""

from __future__ import annotations

from pathlib import Path

from pytest_tinyquant.support.coverage import REASONS
from pytest_tinyquant.support.coverage import missing
from pytest_tinyquant.support.coverage import page
from pytest_tinyquant.support.tables import TFLM
from pytest_tinyquant.support.tables import TINYQUANT


PAGE = Path(__file__).parents[3] / "docs" / "operators.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "python -m pytest_tinyquant.support.coverage > " + str(PAGE)


def test_the_engine_has_every_operator() -> None:
    assert set(TFLM) - set(TINYQUANT) == set()


def test_what_the_engine_lacks_has_a_reason_and_no_reason_is_left_over() -> None:
    assert {op for op, _ in missing()} == set(REASONS)
