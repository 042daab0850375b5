"""Two runs of a model are compared tensor by tensor, each in its own unit and tolerance."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_tinyquant.measure.divergence import other_model
from pytest_tinyquant.measure.divergence import same_model
from pytest_tinyquant.measure.divergence import worst_sample
from pytest_tinyquant.models.graph import Quantization
from pytest_tinyquant.models.graph import Tensor


def tensor(
    dtype: str = "int8", scale: float = 0.5, zero_point: int = 3, elements: int = 4
) -> Tensor:
    quantization = Quantization((scale,), (zero_point,), 0) if scale else None
    return Tensor(0, "t", (1, elements), dtype, quantization, None)


def integers(*values: int, dtype: str = "int8") -> np.ndarray:
    return np.array([values], dtype)


def test_integers_of_one_model_are_equal_or_differ_in_steps() -> None:
    expected = integers(1, 2, 3, 4)
    assert same_model(tensor(), expected, expected.tobytes()) is None
    found = same_model(tensor(), expected, integers(1, 5, 3, 3).tobytes())
    assert found is not None
    assert found.text() == "2 of 4 elements differ, by up to 3 steps"


def test_one_step_is_singular() -> None:
    found = same_model(tensor(), integers(1, 2, 3, 4), integers(1, 2, 3, 5).tobytes())
    assert found is not None
    assert found.text() == "1 of 4 elements differ, by up to 1 step"


def test_the_ends_of_a_type_do_not_wrap() -> None:
    found = same_model(tensor(), integers(-128, 0, 0, 0), integers(127, 0, 0, 0).tobytes())
    assert found is not None
    assert found.largest == 255


@pytest.mark.parametrize(("offset", "differs"), [(5e-6, False), (5e-5, True), (np.nan, True)])
def test_floats_of_one_model_may_differ_in_their_last_bits(offset: float, differs: bool) -> None:
    expected = np.array([[0, 0.25, 0.5, 1]], "float32")
    actual = (expected + np.array([0, 0, 0, offset])).astype("float32")
    found = same_model(tensor("float32", scale=0), expected, actual.tobytes())
    assert (found is not None) == differs


def test_two_models_are_compared_by_the_values_that_integers_stand_for() -> None:
    old, new = tensor(scale=0.5, zero_point=0), tensor(scale=0.25, zero_point=10)
    before, after = integers(2, 4, 6, 8), integers(14, 18, 22, 26)
    assert other_model(old, before, new, after) is None
    assert other_model(old, before, new, after + np.int8(2)) is None, "one step of the coarser"
    found = other_model(old, before, new, after + np.int8(4))
    assert found is not None
    assert found.text() == "4 of 4 elements differ, by up to 2 steps"


def test_two_models_may_have_other_shapes() -> None:
    found = other_model(tensor(), integers(1, 2, 3, 4), tensor(), integers(1, 2))
    assert found is not None
    assert found.text() == "4 of 4 elements differ, by up to 2 elements"


def test_the_sample_that_differs_most_is_looked_at() -> None:
    expected = [bytes([1, 1]), bytes([1, 1]), bytes([1, 1])]
    assert worst_sample(expected, [bytes([1, 1]), bytes([1, 4]), bytes([2, 1])], "int8") == 1
    assert worst_sample(expected, expected, "int8") is None
