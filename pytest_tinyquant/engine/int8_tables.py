"""Tables of int8 operators whose result depends on one byte and the quantization parameters.

Each gives the 256 outputs for inputs -128..127, computed as TensorFlow Lite Micro's kernels
compute them at run time.
"""

from __future__ import annotations

import math

import numpy as np

from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.fixed_point import divide_by_power_of_two
from pytest_tinyquant.engine.fixed_point import multiply
from pytest_tinyquant.engine.fixed_point import multiply_high
from pytest_tinyquant.engine.quantization import Multiplier
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Tensor


_MIN, _MAX = q.LIMITS["int8"]
_INT32_MAX = (1 << 31) - 1

# Bits that RSQRT keeps behind the point between its two factors.
_RSQRT_BITS = 20


def absolute(source: Tensor, output: Tensor) -> list[int]:
    """Return the table of ABS."""
    factor = q.quantize_multiplier(q.scale(source) / q.scale(output))
    return [
        _clamp(multiply(abs(value), factor) + q.zero_point(output)) for value in _inputs(source)
    ]


def elu(source: Tensor, output: Tensor) -> list[int]:
    """Return the table of ELU: exp(x) - 1 below 0, in float32."""
    with np.errstate(over="ignore"):
        inverse = np.float32(1.0) / np.float32(q.scale(output))
    table = []
    for value in _inputs(source):
        real = np.float32(q.scale(source)) * np.float32(value)
        if real < 0:
            real = np.float32(math.exp(float(real))) - np.float32(1.0)
        with np.errstate(over="ignore", invalid="ignore"):
            steps = float(real * inverse)
        if not abs(steps) < 1 << 31:
            raise ModelError("its output's scale is too small for its input's")
        table.append(_clamp(q.round_half_away(steps) + q.zero_point(output)))
    return table


def hard_swish(source: Tensor, output: Tensor) -> list[int]:
    """Return the table of HARD_SWISH: x * relu6(x + 3) / 6 in 16-bit fixed point.

    :raises ModelError: the output's scale is so small that the kernel would have to shift left.
    """
    fine = np.float32(1.0 / 128.0) * np.float32(q.scale(source))
    with np.errstate(over="ignore"):
        ratio = float(fine / np.float32(q.scale(output)))
    to_output = q.quantize_multiplier(ratio)
    to_gate = q.quantize_multiplier(float(fine / np.float32(3.0 / 32768.0)))
    if to_output.shift > 0:
        raise ModelError("its output's scale is too small for its input's")
    return [
        _hard_swish(value, to_output, to_gate, q.zero_point(output)) for value in _inputs(source)
    ]


def rsqrt(source: Tensor, output: Tensor) -> list[int]:
    """Return the table of RSQRT; TensorFlow Lite Micro ends with an error below the zero point."""
    factor = rsqrt_factor(source, output)
    table = []
    for value in _inputs(source):
        if value <= 0:
            table.append(_MAX)
            continue
        root = _inverse_sqrt(value)
        fixed = multiply(1, Multiplier(root.value, root.shift + _RSQRT_BITS))
        table.append(_clamp(_scale(fixed, factor) + q.zero_point(output)))
    return table


def rsqrt_factor(source: Tensor, output: Tensor) -> Multiplier:
    """Return the factor of RSQRT for a root with 20 fraction bits."""
    factor = q.quantize_multiplier(1.0 / (math.sqrt(q.scale(source)) * q.scale(output)))
    return Multiplier(factor.value, factor.shift - _RSQRT_BITS)


def _inputs(source: Tensor) -> list[int]:
    """Return every int8 as its distance from the zero point."""
    return [value - q.zero_point(source) for value in range(_MIN, _MAX + 1)]


def _clamp(value: int) -> int:
    return max(_MIN, min(_MAX, value))


def _scale(value: int, multiplier: Multiplier) -> int:
    """Apply a factor that may shift out all bits."""
    return 0 if multiplier.shift < -31 else multiply(value, multiplier)


def _inverse_sqrt(value: int) -> Multiplier:
    """Return 1 / sqrt(`value`) by five Newton-Raphson steps in Q3.28, as tq_reciprocal.h does."""
    if value <= 1:
        return Multiplier(_INT32_MAX, 0)
    pairs = (31 - value.bit_length()) // 2 - 1
    right_shift = 11 - pairs
    half = divide_by_power_of_two((value << 2 * pairs) >> 1, 1)
    x = 1 << 28
    for _ in range(5):
        cube = _saturated(multiply_high(multiply_high(x, x), x) << 6)
        following = multiply_high((1 << 28) + (1 << 27), x) - multiply_high(half, cube)
        x = _saturated(following << 3)
    x = multiply_high(x, 1518500250)  # sqrt(1/2)
    if right_shift < 0:
        return Multiplier(x << -right_shift, 0)
    return Multiplier(x, -right_shift)


def _saturated(value: int) -> int:
    return max(-_INT32_MAX - 1, min(_INT32_MAX, value))


def _int16(value: int) -> int:
    return max(-32768, min(32767, value))


def _narrow(multiplier: Multiplier) -> int:
    if multiplier.value >= _INT32_MAX - (1 << 15):
        return 32767
    return (multiplier.value + (1 << 15)) >> 16


def _multiply_high_16(a: int, b: int) -> int:
    """Return a * b / 2**15, rounded, ties away from zero."""
    product = a * b
    nudged = product + ((1 << 14) if product >= 0 else 1 - (1 << 14))
    return _int16(_cut(nudged, 1 << 15))


def _cut(value: int, divisor: int) -> int:
    """Divide toward zero."""
    return abs(value) // divisor * (1 if value >= 0 else -1)


def _hard_swish(value: int, to_output: Multiplier, to_gate: Multiplier, zero_point: int) -> int:
    fine = value << 7
    # On overflow int16 wraps, as in the kernel.
    fine = (fine + 32768) % 65536 - 32768
    scaled = _multiply_high_16(fine, _narrow(to_output))
    gate = fine
    if to_gate.shift > 0:
        gate = _int16(gate << (to_gate.shift - 1))
    gate = _multiply_high_16(gate, _narrow(to_gate))
    if to_gate.shift > 0:
        gate = _int16(gate << 1)
    elif to_gate.shift < 0:
        gate = divide_by_power_of_two(gate, -to_gate.shift)
    gate = (gate + (1 << 15)) >> 1
    product = _cut(gate * scaled, 1 << 15)
    return _clamp(divide_by_power_of_two(product, -to_output.shift) + zero_point)
