"""How far the outputs of two runtimes are apart, in steps where there are steps."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_tinyquant.measure.disagreement import Disagreement
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.measure.output_difference import largest_difference
from pytest_tinyquant.models.graph import Quantization
from pytest_tinyquant.models.graph import Tensor
from pytest_tinyquant.report.second_opinion import second_opinions


STEPS = Tensor(0, "steps", (1, 2), "int16", Quantization((0.3,), (0,), 0), None)
FLOATS = Tensor(1, "floats", (1, 2), "float32", None, None)
CLASSES = Tensor(2, "classes", (1,), "int32", None, None)


def reals(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32)


def test_outputs_that_agree_to_the_step_are_no_difference() -> None:
    # 0.3 * 32767 has other last bits in float32 than in double precision.
    values = reals([0.3 * 32767, -0.3], [0.0, 0.3])
    assert largest_difference([values], [values.astype(np.float64) * (1 + 1e-8)], [STEPS]) is None
    assert largest_difference([values], [values * np.float32(1 + 9e-6)], [FLOATS]) is None


def test_steps_are_counted_and_each_sample_is_told_apart() -> None:
    found = largest_difference([reals([0, 0.3], [0.6, 0])], [reals([0, 0.3], [-0.3, 0])], [STEPS])
    assert found is not None
    assert (found.tensor.name, found.largest, found.unit) == ("steps", 3.0, "steps")
    assert found.samples == (0.0, 3.0)


def test_floats_are_measured_by_the_range_of_the_output() -> None:
    found = largest_difference([reals([0, 8], [4, 2])], [reals([0, 8], [4, 4])], [FLOATS])
    assert found is not None
    assert (found.largest, found.unit) == (0.25, "of its range")


def test_numbers_without_a_scale_count_as_they_are() -> None:
    found = largest_difference([reals([3], [7])], [reals([3], [6])], [CLASSES])
    assert found is not None
    assert (found.largest, found.unit) == (1.0, "units")


def test_of_several_outputs_the_worst_is_named() -> None:
    same, other = reals([0, 0.3]), reals([0, 0.6])
    second = Tensor(3, "worse", (1, 2), "int8", Quantization((0.1,), (0,), 0), None)
    found = largest_difference([same, same], [other, other], [STEPS, second])
    assert found is not None
    assert (found.tensor.name, found.largest) == ("worse", 3.0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_differs_without_an_amount(value: float) -> None:
    found = largest_difference([reals([0, 8])], [reals([0, value])], [FLOATS])
    assert found is not None
    assert found.finite is None
    assert Disagreement("optimized", "y", None, "of its range").amount == "NaN or infinity"


@pytest.mark.parametrize(
    ("largest", "unit", "text"),
    [
        (1.0, "steps", "1 step"),
        (3.0, "steps", "3 steps"),
        (0.012345, "of its range", "0.012 of its range"),
    ],
)
def test_amounts_are_read_as_words(largest: float, unit: str, text: str) -> None:
    assert Disagreement("reference", "y", largest, unit).amount == text


def measured(board: str, *disagreements: Disagreement) -> Measurement:
    return Measurement(
        "m", "int8-only", board, "host", {}, "", {}, "0" * 64, disagreements=disagreements
    )


def test_a_measurement_keeps_them_across_processes() -> None:
    one = Disagreement("reference", "y", 3.0, "steps", "sum[1]: 1 of 1 elements differ")
    before = measured("host", one)
    assert Measurement.from_json(before.to_json()).disagreements == (one,)
    old = before.to_json()
    del old["disagreements"]
    assert Measurement.from_json(old).disagreements == ()


def test_boards_share_a_row_and_agreement_has_none() -> None:
    one = Disagreement("reference", "y", 3.0, "steps", "", "no operator differs")
    (section,) = second_opinions([measured("host", one), measured("nucleo-l4r5zi", one)])
    assert section.rows == [("m", "reference", "3 steps (y)", "none: no operator differs")]
    assert second_opinions([measured("host")]) == []
