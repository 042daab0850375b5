"""Fixed-point factors and tables against exact arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_tinyquant.engine import fixed_point
from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Quantization
from pytest_tinyquant.models.graph import Tensor


def _tensor(dtype: str, scale: float, zero_point: int = 0) -> Tensor:
    return Tensor(0, "t", (1, 4), dtype, Quantization((scale,), (zero_point,), 0), None)


@given(st.floats(min_value=2.0**-31, max_value=2.0**29))
def test_quantize_multiplier_is_the_nearest_31_bit_number(factor: float) -> None:
    value, shift = q.quantize_multiplier(factor)
    assert 1 << 30 <= value < 1 << 31
    step = Fraction(2) ** (shift - 31)
    assert abs(value * step - Fraction(factor)) <= step / 2


def test_quantize_multiplier_of_special_factors() -> None:
    assert q.quantize_multiplier(0.0) == (0, 0)
    assert q.quantize_multiplier(1.0) == (1 << 30, 1)
    assert q.quantize_multiplier(0.5) == (1 << 30, 0)
    # Rounds up to the next power of two, which needs one bit less.
    assert q.quantize_multiplier(1.0 - 2.0**-40) == (1 << 30, 1)
    assert q.quantize_multiplier(2.0**-40) == (0, 0)
    for factor in (-0.5, math.inf, math.nan, 2.0**31):
        with pytest.raises(ModelError, match="no kernel can apply"):
            q.quantize_multiplier(factor)


@given(st.floats(min_value=2.0**-20, max_value=64.0))
def test_narrow_multiplier_keeps_15_bits(factor: float) -> None:
    value, right_shift = q.narrow_multiplier(q.quantize_multiplier(factor))
    assert value < 1 << 15
    assert math.isclose(value * 2.0**-right_shift, factor, rel_tol=2.0**-14)


@given(st.floats(min_value=2.0**-10, max_value=2.0**10), st.integers(1, 5000))
def test_mean_multiplier_divides_by_the_count(factor: float, count: int) -> None:
    value, shift = q.mean_multiplier(factor, count)
    assert math.isclose(value * 2.0 ** (shift - 31), factor / count, rel_tol=2.0**-28)


@pytest.mark.parametrize(
    ("activation", "scale", "zero_point", "expected"),
    [
        ("NONE", 0.1, 5, (-128, 127)),
        ("RELU", 0.1, 5, (5, 127)),
        ("RELU6", 0.1, 5, (5, 65)),
        ("RELU6", 0.01, -128, (-128, 127)),
        ("RELU_N1_TO_1", 0.1, 0, (-10, 10)),
        # 6 / 4 is a tie: away from zero, not to even.
        ("RELU6", 4.0, 0, (0, 2)),
    ],
)
def test_activation_limits(
    activation: str, scale: float, zero_point: int, expected: tuple[int, int]
) -> None:
    assert q.activation_range(activation, _tensor("int8", scale, zero_point)) == expected


def test_fully_connected_factor_multiplies_scales_in_double_precision() -> None:
    # Scales as a .tflite file stores them.
    source, weights = (_tensor("int8", float(np.float32(scale))) for scale in (0.1, 0.3))
    factor = q.fully_connected_factor(source, weights, _tensor("int8", 1.0))
    assert factor == float(np.float32(0.1)) * float(np.float32(0.3))
    assert factor != float(np.float32(0.1) * np.float32(0.3))


def test_sigmoid_argument_is_exact_for_powers_of_two() -> None:
    assert q.sigmoid_argument(_tensor("int16", 2.0**-12), (0,)) == (3, 0)
    assert q.sigmoid_argument(_tensor("int16", 2.0**-11), (0, 1)) == (6, 0)
    multiplier, shift = q.sigmoid_argument(_tensor("int16", 1e-4), (0,))
    assert math.isclose(multiplier / 2**shift, 1e-4 * 3 * 4096, rel_tol=1e-4)


@pytest.mark.parametrize(
    ("function", "exact", "unit", "offset"),
    [
        ("LOGISTIC", lambda x: 1.0 / (1.0 + math.exp(-x)), 256, -128),
        ("TANH", math.tanh, 128, 0),
    ],
)
@pytest.mark.parametrize("scale", [0.003, 0.05, 0.4])
def test_sigmoid_tables_are_within_one_step(
    function: str, exact: Any, unit: int, offset: int, scale: float
) -> None:
    table = fixed_point.sigmoid_table(function, scale, 7)
    for raw, value in zip(range(-128, 128), table, strict=True):
        expected = max(-128.0, min(127.0, exact(scale * (raw - 7)) * unit + offset))
        assert abs(value - expected) <= 1.0, raw


def test_softmax_table_decays_from_one() -> None:
    table, count = fixed_point.softmax_exp_table(1.0, 0.1)
    assert table[0] == (1 << 31) - 1
    assert 0 < count <= 256
    assert table[count:] == [0] * (256 - count)
    for difference in range(100):
        exact = math.exp(-0.1 * difference)
        assert math.isclose(table[difference] / 2**31, exact, rel_tol=2e-4, abs_tol=1e-8)
