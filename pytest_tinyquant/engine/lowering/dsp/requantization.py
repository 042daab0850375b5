"""What the DSP kernels ask of scales and biases so that 32 bits hold every intermediate result.

A layer that does not fulfil it keeps its reference kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import numpy as np

from pytest_tinyquant.engine import fixed_point
from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.weights import factors
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


Integers = np.ndarray[Any, np.dtype[np.int64]]

# The largest magnitude of an activation.
LARGEST = {"int8": 128, "int16": 32768}

_MAX_RIGHT_SHIFT = 22
_SHIFT_BITS = 5


class Sums(NamedTuple):
    """Per output channel: the bias with the input's zero point folded in, and a bound.

    `bound` is the largest magnitude that the sum of products can have, the bias apart.
    """

    bias: Integers
    bound: Integers


def sums(lowering: Lowering, source: Tensor, weights: Integers, bias: Tensor | None) -> Sums:
    """Return the sums of a layer whose `weights` have the shape [channels, positions]."""
    folded = -q.zero_point(source) * weights.sum(axis=1)
    if bias is not None:
        folded = folded + np.frombuffer(lowering.constants[bias.index], dtype=bias.dtype)
    return Sums(folded, LARGEST[source.dtype] * np.abs(weights).sum(axis=1))


def factors_of(operator: Operator, lowering: Lowering, channels: int) -> list[q.Multiplier]:
    """Return the factor of every output channel."""
    source, weights = lowering.source(operator, 0), lowering.source(operator, 1)
    return factors(source, weights, lowering.output(operator), channels=channels)


class Channels(NamedTuple):
    """Rows of (bias, multiplier, right shift), and which channels are `constant`.

    A constant channel has the same output for every input. It has a row of its own making, and
    its weights must be taken for 0.
    """

    rows: Integers
    constant: np.ndarray[Any, np.dtype[np.bool_]]

    def packed(self) -> Integers | None:
        """Return ``tq_conv_s8_dsp_channel``: rows of (bias above the right shift, multiplier).

        None if a bias is too large for that.
        """
        bias, multiplier, shift = self.rows.T
        if np.abs(bias).max() >= 1 << 31 - _SHIFT_BITS:
            return None
        return np.column_stack([(bias << _SHIFT_BITS) + shift, multiplier])

    def weights(self, filters: Integers) -> Integers:
        """Return `filters` [channels, positions] as the rows need them."""
        return np.where(self.constant[:, np.newaxis], 0, filters)


def requantized(
    operator: Operator, lowering: Lowering, basis: KernelCall, filters: Integers
) -> Channels | None:
    """Return what becomes of the sums of every channel; None where 32 bits are too few."""
    source = lowering.source(operator, 0)
    bounds = sums(lowering, source, filters, lowering.optional(operator, 2))
    factors = factors_of(operator, lowering, len(filters))
    if source.dtype == "int8":
        return channels_s8(bounds, factors, basis.number("output_offset"))
    return channels_s16(bounds, factors)


def channels_s8(layer: Sums, scales: Sequence[q.Multiplier], offset: int) -> Channels | None:
    """Return rows with doubled bias; None where 32 bits are too few.

    `offset` is the output's zero point.
    """
    rows, constant = [], []
    for bias, bound, factor in _python_ints(layer, scales):
        low, high = bias - bound, bias + bound
        largest = max(-low, high)
        if largest >= 1 << 31 - max(factor.shift, 0):
            return None
        ends = [fixed_point.multiply(end, factor) for end in (low, high)]
        value = _same(ends, -128 - offset, 127 - offset)
        constant.append(value is not None)
        if value is not None:
            rows.append(_constant(value))
        elif largest < 1 << 30 and 1 <= -factor.shift <= _MAX_RIGHT_SHIFT:
            rows.append((2 * bias, factor.value, -factor.shift))
        else:
            return None
    return Channels(np.array(rows, dtype=np.int64), np.array(constant))


def channels_s16(layer: Sums, scales: Sequence[q.Multiplier]) -> Channels | None:
    """Return rows with multiplier * 2**16; None where 32 bits are too few."""
    rows, constant = [], []
    for bias, bound, factor in _python_ints(layer, scales):
        narrow = q.narrow_multiplier(factor)
        low, high = bias - bound, bias + bound
        half = 1 << narrow.right_shift - 1
        ends = [(end * narrow.value + half) >> narrow.right_shift for end in (low, high)]
        value = _same(ends, -32768, 32767)
        constant.append(value is not None)
        if value is not None:
            rows.append(_constant(value))
        elif max(-low, high) < 1 << 31 and narrow.right_shift > 16:
            rows.append((bias, narrow.value << 16, narrow.right_shift - 16))
        else:
            return None
    return Channels(np.array(rows, dtype=np.int64), np.array(constant))


def _same(ends: Sequence[int], low: int, high: int) -> int | None:
    """Return what both ends of a range are saturated to, if it is one number.

    The reference kernels saturate after they have cut a result to 32 bits; what comes near that
    is left to them.
    """
    if max(map(abs, ends)) >= 1 << 30:
        return None
    first, last = (min(max(end, low), high) for end in ends)
    return first if first == last else None


def _constant(value: int) -> tuple[int, int, int]:
    """Return the row that gives `value` for a sum of 0: two bits left after the multiplication."""
    return 8 * value, 1 << 30, 1


def _python_ints(
    layer: Sums, scales: Sequence[q.Multiplier]
) -> Iterator[tuple[int, int, q.Multiplier]]:
    for bias, bound, factor in zip(layer.bias, layer.bound, scales, strict=True):
        yield int(bias), int(bound), factor
