"""The table of types that TensorFlow Lite Micro runs is what its wheel does."""

from __future__ import annotations

import os

import probe
import pytest

from pytest_tinyquant.support.tflm_table import TABLE
from pytest_tinyquant.support.tflm_table import WHEEL


# The others take minutes.
PART = ("ABS", "CAST", "EXP", "GREATER", "PRELU", "QUANTIZE", "SQUARED_DIFFERENCE", "SUM")
OPERATORS = sorted(TABLE) if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else PART


@pytest.mark.parametrize("op", OPERATORS)
def test_the_wheel_says_the_same_again(op: str) -> None:
    assert tuple(probe.table(iter([op]))[op]) == TABLE[op]


def test_every_drawn_operator_is_in_the_table() -> None:
    assert sorted(TABLE) == sorted(probe.operators())


def test_the_table_is_that_of_the_wheel_that_is_installed() -> None:
    assert probe.source({}).count(WHEEL) == 1
