"""Fixed-point exp, logistic and tanh on 32-bit integers, and the tables made of them.

The formulas are those of gemmlowp's fixedpoint.h, which TensorFlow Lite Micro's int8 kernels
evaluate at run time. An int8 operator has 256 possible arguments, so the engine evaluates them
here and ships a table. Qm.n below: m integer bits, n fractional bits, sign besides.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any
from typing import TypeVar

import numpy as np

from pytest_tinyquant.engine.quantization import Multiplier
from pytest_tinyquant.engine.quantization import quantize_multiplier
from pytest_tinyquant.engine.quantization import round_half_away
from pytest_tinyquant.errors import ModelError


Integers = np.ndarray[Any, np.dtype[np.int64]]

_MIN = -(1 << 31)
_MAX = (1 << 31) - 1

# exp(-2**k) in Q0.31 for k = -2 .. 4.
_EXP_FACTORS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
_EXP_MINUS_ONE_EIGHTH = 1895147668
_ONE_THIRD = 715827883
_48_OVER_17 = 1515870810
_MINUS_32_OVER_17 = -1010580540


Number = TypeVar("Number", int, Integers)


def _saturate(value: Number) -> Number:
    if isinstance(value, int):
        return max(_MIN, min(_MAX, value))
    return np.clip(value, _MIN, _MAX)


def multiply_high(a: Number, b: int | Number) -> Number:
    """Return a * b / 2**31, rounded half away from zero, saturated."""
    product = a * b
    nudged = product + (1 << 30) + (product < 0) * (1 - (1 << 31))
    # The quotient is cut toward zero.
    return _saturate((nudged + (nudged < 0) * _MAX) >> 31)


def divide_by_power_of_two(value: Number, exponent: int) -> Number:
    """Return value / 2**exponent, rounded half away from zero."""
    mask = (1 << exponent) - 1
    threshold = (mask >> 1) + (value < 0)
    return (value >> exponent) + ((value & mask) > threshold)


def multiply(value: Number, multiplier: Multiplier) -> Number:
    """Apply a fixed-point multiplier with the kernels' double rounding."""
    shifted = value << max(multiplier.shift, 0)
    return divide_by_power_of_two(
        multiply_high(shifted, multiplier.value), max(-multiplier.shift, 0)
    )


def exp_on_negative_values(value: Integers, integer_bits: int) -> Integers:
    """Return exp(value) in Q0.31 for value <= 0 in Q`integer_bits`."""
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    remainder_mod_quarter = (value & (quarter - 1)) - quarter
    result = _exp_between_minus_quarter_and_0(remainder_mod_quarter << integer_bits)
    remainder = remainder_mod_quarter - value
    for exponent, factor in enumerate(_EXP_FACTORS, start=-2):
        if exponent < integer_bits:
            taken = (remainder & (1 << (fraction_bits + exponent))) != 0
            result = np.where(taken, multiply_high(result, factor), result)
    return np.where(value == 0, _MAX, result)


def _exp_between_minus_quarter_and_0(value: Integers) -> Integers:
    """Evaluate the Taylor series of exp around -1/8; Q0.31 in and out."""
    x = value + (1 << 28)
    x2 = multiply_high(x, x)
    x3 = multiply_high(x2, x)
    x4 = multiply_high(x2, x2)
    higher = multiply_high(divide_by_power_of_two(x4, 2) + x3, _ONE_THIRD) + x2
    terms = x + divide_by_power_of_two(higher, 1)
    return _EXP_MINUS_ONE_EIGHTH + multiply_high(terms, _EXP_MINUS_ONE_EIGHTH)


def _reciprocal_of_half_one_plus(value: Integers) -> Integers:
    """Return 2 / (1 + value) in Q2.29 by Newton-Raphson, for value in [0, 1] in Q0.31."""
    half_denominator = (value + _MAX + 1) // 2
    x = _48_OVER_17 + multiply_high(half_denominator, _MINUS_32_OVER_17)
    for _ in range(3):
        error = (1 << 29) - multiply_high(half_denominator, x)
        x += _saturate(multiply_high(x, error) << 2)
    return x


def logistic(value: Integers, integer_bits: int) -> Integers:
    """Return 1 / (1 + exp(-value)) in Q0.31."""
    exponential = exp_on_negative_values(-abs(value), integer_bits)
    positive = _saturate(_reciprocal_of_half_one_plus(exponential) << 1)
    return np.where(value == 0, 1 << 30, np.where(value > 0, positive, _MAX - positive))


def tanh(value: Integers, integer_bits: int) -> Integers:
    """Return the hyperbolic tangent in Q0.31."""
    exponential = exp_on_negative_values(-abs(value), integer_bits + 1)
    positive = _saturate((_reciprocal_of_half_one_plus(exponential) - (1 << 29)) << 2)
    return np.where(value == 0, 0, np.where(value > 0, positive, -positive))


def input_radius(integer_bits: int, left_shift: int) -> int:
    """Return the largest input that stays below 2**integer_bits after scaling."""
    return math.floor(((1 << integer_bits) - 1) * (1 << (31 - integer_bits)) / 2.0**left_shift)


def softmax_exp_table(beta: float, input_scale: float) -> tuple[list[int], int]:
    """Return exp(-d * beta * input_scale) in Q0.31 for d in 0..255, and how many are not skipped.

    Differences so large that the kernel takes the result for zero are 0 in the table.
    """
    factor = min(beta * input_scale * (1 << 26), (1 << 31) - 1.0)
    if not factor > 1.0:
        raise ModelError(f"the softmax input scale {input_scale:g} is too small")
    fraction, shift = math.frexp(factor)
    value = round_half_away(fraction * (1 << 31))
    if value == 1 << 31:
        value //= 2
        shift += 1
    count = min(256, input_radius(5, shift) + 1)
    exponents = multiply_high(-np.arange(count) << shift, value)
    table = exp_on_negative_values(exponents, 5).tolist() + [0] * (256 - count)
    return table, count


@lru_cache(maxsize=1024)
def sigmoid_table(function: str, input_scale: float, input_zero_point: int) -> tuple[int, ...]:
    """Return the int8 outputs of `function` (LOGISTIC or TANH) for inputs -128..127."""
    multiplier = quantize_multiplier(input_scale * (1 << 27))
    radius = input_radius(4, multiplier.shift)
    inputs = np.arange(-128, 128) - input_zero_point
    scaled = multiply(np.clip(inputs, -radius, radius), multiplier)
    if function == "LOGISTIC":
        result = divide_by_power_of_two(logistic(scaled, 4), 23) - 128
    else:
        result = divide_by_power_of_two(tanh(scaled, 4), 24)
    result = np.where(inputs >= radius, 127, np.where(inputs <= -radius, -128, result))
    return tuple(np.clip(result, -128, 127).tolist())
