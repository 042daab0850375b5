"""Weights and numbers of all channels of a layer: the struct tq_channels_rx."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import ScratchMemory
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.dsp.requantization import Channels
from pytest_tinyquant.engine.lowering.dsp.requantization import Integers


HEADER = "tq_kernels_rx.h"

# What inputs and low weights have more than their values.
_MORE = 128

# The order of four positions, and the words of inputs of a block of each size.
_ORDER = [0, 2, 1, 3]
_FIVE, _TWO, _ONE = 5, 2, 1

# 256 times a high channel's sum of inputs from 0 to 255 needs 32 bits.
_LARGEST_INPUT = 255
_HIGH_LIMIT = 1 << 23


class Layer(NamedTuple):
    """The struct, the bytes of working memory for sums, and whether those need the deep kernel."""

    fields: dict[str, Value]
    sums_bytes: int
    is_deep: bool

    def kernel(self, name: str) -> str:
        """Return the name of the kernel for this layer; `name` is that of the operator."""
        return f"tq_{name}_{'deep_' if self.is_deep else ''}s8_rx"


def channels(
    lowering: Lowering, basis: KernelCall, found: Channels | None, filters: Integers
) -> Layer | None:
    """Return what a layer needs whose `filters` have the shape [channels, depth].

    :param basis: the reference kernel's call; its output's zero point and limits are used.
    :param found: what becomes of the sums; None if 32 bits are too few for that.
    :returns: None where 32 bits are too few.
    """
    if found is None or not filters.size:
        return None
    filters = found.weights(filters)
    count = len(filters)
    words = -(-filters.shape[1] // 4)
    fives, rest = divmod(words, _FIVE)
    add = lowering.blob.add_array
    pairs = (count + 1) // 2
    fields: dict[str, Value] = {
        "weights": add(np.concatenate(list(_blocks(filters, words))), "uint16"),
        "channels": add(_numbers(found, filters, basis.number("output_offset")), "int32"),
        "sums": ScratchMemory(),
        "pairs": pairs,
        "count": count,
        "fives": fives,
        "twos": rest // _TWO,
        "ones": rest % _TWO,
        "activation_min": basis.fields["activation_min"],
        "activation_max": basis.fields["activation_max"],
    }
    return Layer(fields, 2 * 4 * pairs, _largest(filters[1::2]) >= _HIGH_LIMIT)


def _largest(filters: Integers) -> int:
    """Return the largest magnitude of a sum of inputs from 0 to 255; 0 without channels."""
    ends = [np.maximum(sign * filters, 0).sum(axis=1).max(initial=0) for sign in (-1, 1)]
    return int(max(ends)) * _LARGEST_INPUT


def _numbers(found: Channels, filters: Integers, zero_point: int) -> Integers:
    """Return tq_channel_rx: rows of (bias, multiplier, rounding, shift)."""
    bias, multiplier, shift = found.rows.T
    rounding = (zero_point << shift) + (1 << shift - 1)
    return np.column_stack([bias - 2 * _MORE * filters.sum(axis=1), multiplier, rounding, shift])


def _blocks(filters: Integers, words: int) -> Iterator[Integers]:
    """Yield the halfwords of each block, pair of channels by pair."""
    count, depth = filters.shape
    padded = np.pad(filters, ((0, count % 2), (0, 4 * words - depth)))
    ordered = padded.reshape(len(padded), words, 4)[:, :, _ORDER]
    halfwords = 256 * ordered[1::2] + ordered[::2] + _MORE & 0xFFFF
    begin = 0
    for size in (_FIVE, _TWO, _ONE):
        while words - begin >= size:
            yield halfwords[:, begin : begin + size].reshape(-1)
            begin += size
