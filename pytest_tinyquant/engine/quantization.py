"""Integer arithmetic of quantized kernels, computed as TensorFlow Lite Micro does at start-up.

Bit-exactness with its reference kernels hangs on these: which products are taken in float32,
which in double, and how each is rounded.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Tensor


LIMITS = {"int8": (-128, 127), "int16": (-32768, 32767)}

FLOAT_MAX = float(np.finfo(np.float32).max)

# Real limits of each fused activation; None is the end of the type's range.
ACTIVATIONS: dict[str, tuple[float | None, float | None]] = {
    "NONE": (None, None),
    "RELU": (0.0, None),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}


class Multiplier(NamedTuple):
    """A real factor as `value` * 2**(`shift` - 31)."""

    value: int
    shift: int


class NarrowMultiplier(NamedTuple):
    """A real factor as `value` * 2**-`right_shift`, `value` in 16 bits."""

    value: int
    right_shift: int


def round_half_away(value: float) -> int:
    """Round to nearest, ties away from zero (C's round)."""
    magnitude = math.floor(abs(value))
    if abs(value) - magnitude >= 0.5:
        magnitude += 1
    return magnitude if value >= 0 else -magnitude


def quantize_multiplier(factor: float) -> Multiplier:
    """Return `factor` >= 0 in fixed point (TensorFlow Lite's QuantizeMultiplier).

    Factors below 2**-32 become zero. Raises :class:`ModelError` for factors beyond 2**30, which
    the kernels cannot apply.
    """
    if not 0.0 <= factor < 1 << 30:
        raise ModelError(f"the scales ask for a factor of {factor:g}, which no kernel can apply")
    fraction, shift = math.frexp(factor)
    value = round_half_away(fraction * (1 << 31))
    if value == 1 << 31:
        value //= 2
        shift += 1
    if shift < -31 or factor == 0.0:
        return Multiplier(0, 0)
    return Multiplier(value, shift)


def narrow_multiplier(multiplier: Multiplier) -> NarrowMultiplier:
    """Reduce a multiplier to the 16 bits that kernels with 64-bit sums use.

    Raises :class:`ModelError` for factors of 2**7 and more, outside of those kernels' range.
    """
    value, shift = multiplier
    if shift > 7:
        raise ModelError("the scales ask for a factor above 128 on int16 tensors")
    narrow = (value + (1 << 15)) >> 16 if value < 0x7FFF0000 else 0x7FFF
    return NarrowMultiplier(narrow, 15 - shift)


def mean_multiplier(factor: float, count: int) -> Multiplier:
    """Return `factor` / `count`, divided after conversion to fixed point."""
    value, shift = quantize_multiplier(factor)
    bits = min(count.bit_length() - 1, 32, 31 + shift)
    return Multiplier((value << bits) // count, shift - bits)


def scale(tensor: Tensor) -> float:
    """Return the one scale of a tensor quantized as a whole."""
    if tensor.quantization is None or tensor.quantization.per_channel:
        raise ModelError(f"tensor {tensor.name!r} ({tensor.dtype}) has not exactly one scale")
    return tensor.quantization.scales[0]


def zero_point(tensor: Tensor) -> int:
    """Return the one zero point of a tensor quantized as a whole."""
    scale(tensor)
    assert tensor.quantization is not None
    return tensor.quantization.zero_points[0]


def channel_scales(tensor: Tensor, channels: int) -> tuple[float, ...]:
    """Return one weight scale per output channel; a single one applies to all."""
    if tensor.quantization is None:
        raise ModelError(f"weights {tensor.name!r} ({tensor.dtype}) have no scale")
    scales = tensor.quantization.scales
    return scales if len(scales) == channels else scales * channels


def quantize(value: float, tensor: Tensor) -> int:
    """Quantize a constant to the scale of `tensor`, dividing in float32, without clamping."""
    steps = np.float32(value) / np.float32(scale(tensor))
    if not abs(steps) < 2**31:
        raise ModelError(f"{value:g} does not fit the scale of tensor {tensor.name!r}")
    return zero_point(tensor) + round_half_away(float(steps))


def activation_range(activation: str, tensor: Tensor) -> tuple[int, int]:
    """Return the limits of a fused activation on the integer output `tensor`."""
    low, high = LIMITS[tensor.dtype]
    real_low, real_high = ACTIVATIONS[activation]
    if real_low is not None:
        low = max(low, quantize(real_low, tensor))
    if real_high is not None:
        high = min(high, quantize(real_high, tensor))
    return low, high


def float_activation_range(activation: str) -> tuple[float, float]:
    """Return the limits of a fused activation on a float32 output."""
    low, high = ACTIVATIONS[activation]
    return (-FLOAT_MAX if low is None else low), (FLOAT_MAX if high is None else high)


def int32_activation_range(activation: str) -> tuple[int, int]:
    """Return the limits of a fused activation on an int32 output, whose numbers have no scale."""
    low, high = ACTIVATIONS[activation]
    limits = -(1 << 31), (1 << 31) - 1
    return limits[0] if low is None else int(low), limits[1] if high is None else int(high)


def fully_connected_factor(source: Tensor, weights: Tensor, output: Tensor) -> float:
    """Return the factor of a fully connected layer with one weight scale, in double precision."""
    return scale(source) * scale(weights) / scale(output)


def checked_log2(value: float) -> int | None:
    """Return log2 of `value` if it is within 0.001 of an integer, else None."""
    exact = np.log(np.float32(value)) * (np.float32(1.0) / np.log(np.float32(2.0)))
    nearest = round_half_away(float(exact))
    return nearest if abs(float(exact) - nearest) < 1e-3 else None


def sigmoid_argument(source: Tensor, pot_shifts: tuple[int, ...]) -> tuple[int, int]:
    """Return (multiplier, right shift) that bring an int16 input to units of 1 / (3 * 2**12).

    Power-of-two scales 2**(k - 12) with k in `pot_shifts` are exact.
    """
    exponent = checked_log2(scale(source))
    if exponent is not None and 12 + exponent in pot_shifts:
        return 3 << (12 + exponent), 0
    factor = scale(source) * 4096.0 * 3.0
    shift = 0
    while factor <= 32767.0 / 2.0 and shift <= 30:
        shift += 1
        factor *= 2.0
    if factor > 32767.0:
        raise ModelError(f"the scale of tensor {source.name!r} is too large for its kernel")
    return int(factor), shift
