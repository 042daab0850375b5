"""Weights in groups of four rows, as the packed kernels read them (tq_kernels_dsp_dense.h)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


ROWS = 4

# Which of each 4 inputs a word of weights holds, low half first: how SXTB16 splits int8 inputs,
# and how int16 inputs lie in memory.
BYTES = ((0, 2), (1, 3))
HALFWORDS = ((0, 1), (2, 3))


def pad_inputs(weights: NDArray[np.int8]) -> NDArray[np.int8]:
    """Append zero weights [rows, inputs] up to a multiple of four inputs."""
    return np.pad(weights, ((0, 0), (0, -weights.shape[1] % 4)))


def pack_int8(weights: NDArray[np.int8], order: tuple[tuple[int, int], ...]) -> bytes | None:
    """Return padded weights [rows, inputs] in groups, or None if they cannot be packed.

    The rows left over are int8, in an order that SXTB16 turns into that of the inputs.

    A halfword holds 256 * odd row + even row, which overflows for -128 over a negative weight.
    """
    grouped = len(weights) // ROWS * ROWS
    inputs = weights.shape[1]
    pairs = weights[:grouped].astype(np.int32).reshape(-1, 2, 2, inputs // 4, 4)
    halves = 256 * pairs[:, :, 1] + pairs[:, :, 0]  # [groups, pairs, quads, 4]
    if halves.size and halves.min() < -(1 << 15):
        return None
    if order == BYTES:
        # [groups, quads, pairs, words, halves]: all words of one pair of rows, then of the other.
        packed = halves.transpose(0, 2, 1, 3)[..., np.array(order)]
        rest = weights[grouped:]
    else:
        # [groups, quads, words, pairs, halves]: in the order of the inputs.
        packed = halves.transpose(0, 2, 3, 1)[:, :, np.array(order)].transpose(0, 1, 2, 4, 3)
        rest = weights[grouped:].reshape(-1, inputs // 4, 4)[..., [0, 2, 1, 3]]
    return packed.astype("<i2").tobytes() + rest.tobytes()


def pack_int4(weights: NDArray[np.int8]) -> bytes:
    """Return padded int4 weights [rows, inputs] in groups (tq_kernels_dsp_int4.h)."""
    filled = np.pad(weights, ((0, -len(weights) % ROWS), (0, 0))).astype(np.int32) + 8
    groups = filled.reshape(-1, ROWS, weights.shape[1] // 4, 4)
    halves = sum(groups[:, row] << 4 * row for row in range(ROWS))
    # [groups, quads, words, halves]
    return np.asarray(halves)[..., np.array(BYTES)].astype("<u2").tobytes()


def interleave_float_padded(weights: NDArray[Any]) -> bytes:
    """Return float weights [rows, inputs] in groups, the last one filled up with zeros."""
    return interleave_float(np.pad(weights, ((0, -len(weights) % ROWS), (0, 0))))


def interleave_float(weights: NDArray[Any]) -> bytes:
    """Return float weights [rows, inputs] in groups."""
    grouped = len(weights) // ROWS * ROWS
    groups = weights[:grouped].reshape(-1, ROWS, weights.shape[1]).transpose(0, 2, 1)
    return groups.astype("<f4").tobytes() + weights[grouped:].astype("<f4").tobytes()
