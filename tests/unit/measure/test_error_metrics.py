"""Error figures, and the outputs that are refused because no figure would mean much."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.errors import InvalidOutputError
from pytest_tinyquant.measure.error import MINIMUM_SAMPLES
from pytest_tinyquant.measure.error import error_metrics
from pytest_tinyquant.measure.error import measure_error
from pytest_tinyquant.measure.error import output_sha256
from pytest_tinyquant.models.graph import Quantization
from pytest_tinyquant.models.graph import Tensor


FLOATS = Tensor(9, "output", (1, 2), "float32", None, None)
REFERENCE = np.array([[0, 1], [2, 3], [4, 5], [6, 10]], np.float32)


def as_bytes(values: np.ndarray) -> list[bytes]:
    return [row.tobytes() for row in np.asarray(values, "<f4")]


def figures(expected: Any, predicted: Any) -> dict[str, float]:
    metrics = error_metrics(np.asarray(expected, float), np.asarray(predicted, float))
    return {name: metric.value for name, metric in metrics.items()}


def test_mae_and_rmse_are_shares_of_the_references_range() -> None:
    found = figures(REFERENCE, REFERENCE + np.array([[1, 0], [0, 0], [0, 0], [0, -3]]))
    assert found["mae"] == pytest.approx((1 + 3) / 8 / 10)
    assert found["rmse"] == pytest.approx(np.sqrt((1 + 9) / 8) / 10)
    assert found["max_abs"] == 3


def test_the_range_is_taken_over_all_samples_not_per_sample() -> None:
    assert figures([[0], [0.5], [100]], [[1], [1.5], [101]])["mae"] == pytest.approx(0.01)


def test_equal_outputs_have_no_error() -> None:
    found = figures(REFERENCE, REFERENCE)
    assert (found["mae"], found["max_abs"]) == (0, 0)
    assert found["cosine"] == pytest.approx(1)


def test_cosine_of_opposite_outputs_is_minus_one() -> None:
    assert figures([[1], [2]], [[-1], [-2]])["cosine"] == pytest.approx(-1)


def test_top1_counts_samples_with_the_same_class() -> None:
    expected = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]]
    predicted = [[0.6, 0.4], [0.6, 0.4], [0.6, 0.4], [0.1, 0.9]]
    assert figures(expected, predicted)["top1"] == 0.75


@pytest.mark.parametrize("expected", [[[0.0], [1.0]], [[3.0, 1.0], [-1.0, 0.0]]])
def test_top1_is_left_out_where_outputs_are_no_probabilities(expected: list[list[float]]) -> None:
    assert "top1" not in figures(expected, expected)


def test_every_figure_has_a_unit_and_is_exact() -> None:
    expected = np.array([[0.9, 0.1], [0.2, 0.8]])
    metrics = error_metrics(expected, expected)
    assert {name: metric.unit for name, metric in metrics.items()} == {
        "mae": "of range",
        "rmse": "of range",
        "max_abs": "output units",
        "cosine": "1",
        "l2r": "1",
        "mean": "output units",
        "std": "output units",
        "nse": "1",
        "top1": "1",
    }
    assert {metric.number_class for metric in metrics.values()} == {"exact"}
    assert {type(metric.value) for metric in metrics.values()} == {float}


def test_a_reference_without_range_is_refused() -> None:
    with pytest.raises(InvalidOutputError, match="range is 0"):
        error_metrics(np.full((4, 2), 3.0), np.zeros((4, 2)))


def test_integer_outputs_are_dequantized_before_comparing() -> None:
    tensor = Tensor(9, "output", (1, 2), "int8", Quantization((0.5,), (-128,), 0), None)
    raw = [np.array(row * 2 - 128, "<i1").tobytes() for row in REFERENCE]
    assert measure_error(raw, [REFERENCE], [tensor])["max_abs"].value == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_outputs_that_are_not_finite_are_refused(bad: float) -> None:
    predicted = REFERENCE.copy()
    predicted[2, 1] = bad
    with pytest.raises(InvalidOutputError, match=f"is {bad} at check sample 2, element 1"):
        measure_error(as_bytes(predicted), [REFERENCE], [FLOATS])


def test_a_reference_that_is_not_finite_is_refused() -> None:
    expected = REFERENCE.copy()
    expected[0, 0] = np.nan
    with pytest.raises(InvalidOutputError, match="reference is nan"):
        measure_error(as_bytes(REFERENCE), [expected], [FLOATS])


def test_an_output_that_never_changes_is_refused() -> None:
    with pytest.raises(InvalidOutputError, match="the same for all 4 check samples"):
        measure_error(as_bytes(np.tile([1, 2], (4, 1))), [REFERENCE], [FLOATS])


def test_an_output_may_stand_still_where_the_reference_moves_less_than_a_step() -> None:
    tensor = Tensor(9, "output", (1, 2), "int8", Quantization((20.0,), (0,), 0), None)
    assert measure_error([b"\0\0"] * 4, [REFERENCE], [tensor])["mae"].value > 0


def test_a_missing_sample_is_refused() -> None:
    with pytest.raises(InvalidOutputError, match="outputs for 3 of 4 check samples"):
        measure_error(as_bytes(REFERENCE)[:3], [REFERENCE], [FLOATS])


def test_an_output_of_the_wrong_size_is_refused() -> None:
    raw = as_bytes(REFERENCE)
    raw[1] += b"\0\0\0\0"
    with pytest.raises(InvalidOutputError, match="check sample 1 has 12 bytes, expected 8"):
        measure_error(raw, [REFERENCE], [FLOATS])


def test_a_reference_of_another_shape_is_refused() -> None:
    with pytest.raises(InvalidOutputError, match="3 elements per sample"):
        measure_error(as_bytes(REFERENCE), [np.zeros((4, 3))], [FLOATS])


def test_too_few_samples_are_refused() -> None:
    few = MINIMUM_SAMPLES - 1
    with pytest.raises(InvalidOutputError, match=f"minimum is {MINIMUM_SAMPLES}"):
        measure_error(as_bytes(REFERENCE[:few]), [REFERENCE[:few]], [FLOATS])


def test_output_digest_is_over_all_samples_in_order() -> None:
    assert output_sha256([b"ab", b"c"]) == hashlib.sha256(b"abc").hexdigest()


def two_outputs() -> tuple[list[Tensor], list[np.ndarray]]:
    """A pair of output tensors, references for them, and their samples' bytes."""
    small = Tensor(8, "small", (1, 1), "float32", None, None)
    expected = [REFERENCE, np.array([[0], [0.1], [0.2], [0.4]], np.float32)]
    return [FLOATS, small], expected


def test_with_several_outputs_every_figure_is_that_of_the_worst() -> None:
    tensors, expected = two_outputs()
    predicted = [REFERENCE + 1, expected[1] + np.float32(0.1)]
    raw = [a.tobytes() + b.tobytes() for a, b in zip(*predicted, strict=True)]
    found = measure_error(raw, expected, tensors)
    assert found["mae"].value == pytest.approx(0.25)  # of the small output's range
    assert found["max_abs"].value == pytest.approx(1)
    exact = [a.tobytes() + b.tobytes() for a, b in zip(REFERENCE, predicted[1], strict=True)]
    assert measure_error(exact, expected, tensors)["max_abs"].value < 0.2
    assert measure_error(exact, expected, tensors)["cosine"].value < 0.999


def test_a_reference_with_other_outputs_is_refused() -> None:
    tensors, expected = two_outputs()
    with pytest.raises(InvalidOutputError, match="has 2 outputs, the reference 1"):
        measure_error([b""] * 4, expected[:1], tensors)
