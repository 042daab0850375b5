"""CONV_2D on int8 and int16 for SMLAD: pairs of channels interleaved in the weights."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import ScratchMemory
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering import convolution
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.dsp.reference_call import basis_of
from pytest_tinyquant.engine.lowering.dsp.reference_call import shared_fields
from pytest_tinyquant.engine.lowering.dsp.requantization import LARGEST
from pytest_tinyquant.engine.lowering.dsp.requantization import Channels
from pytest_tinyquant.engine.lowering.dsp.requantization import Integers
from pytest_tinyquant.engine.lowering.dsp.requantization import requantized
from pytest_tinyquant.models.graph import Operator


HEADER = "tq_kernels_dsp_conv.h"
INT4_HEADER = "tq_kernels_dsp_int4.h"

# Positions of a filter per step of the inner loop, and pixels per pass.
_STEP = 4
_PIXELS = 3

# Of groups of so many pixels, and steps whose weights the cache before the flash holds; without it
# weights are copied, which pays from some groups on.
_MOST_GROUPS = 16
_CACHED_STEPS = 20
_FEWEST_COPIED_GROUPS = 4

# Groups pay when so many steps of weights, and factors that take the time of so many, need not be
# read again: two loops over a few hundred bytes of code each take turns in the cache.
_WORTH = 250
_STEPS_OF_A_TABLE = 3

# A high channel's sum must leave the 8 bits of its factor 256 free.
_SUMMED_LIMIT = 1 << 23

# Sums of int4 weights are taken 16 times.
_INT4_LIMIT = 1 << 27


class _Layer(NamedTuple):
    """A convolution: its filters as [channels, positions], and the pairs of their channels."""

    basis: KernelCall
    filters: Integers
    channels: Channels
    pairs: Integers
    offsets: Integers | None


def conv_2d(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a convolution; one that 32-bit sums do not suffice for keeps its reference kernel."""
    basis = basis_of(convolution.conv_2d, operator, lowering)
    weights = lowering.values(operator, lowering.source(operator, 1), "weights")
    filters = weights.reshape(weights.shape[0], -1)
    call = None
    if basis.kernel in ("tq_conv_2d_s8", "tq_conv_2d_s4", "tq_conv_2d_s16"):
        call = convolve(operator, lowering, basis, filters.astype(np.int64))
    return call or convolution.conv_2d(operator, lowering)


def convolve(
    operator: Operator, lowering: Lowering, basis: KernelCall, filters: Integers
) -> KernelCall | None:
    """Return the call for int8 or int16 activations, if there is a kernel for it."""
    channels = requantized(operator, lowering, basis, filters)
    if channels is None or len(filters) < 2:
        return None
    source = lowering.source(operator, 0)
    offsets = _offsets(basis, np.dtype(source.dtype).itemsize, filters.shape[1])
    pairs = _pairs(len(filters))
    layer = _Layer(basis, channels.weights(filters), channels, pairs, offsets)
    if basis.kernel.endswith("_s4"):
        return _convolve_s4(lowering, layer)
    return (_convolve_s8 if source.dtype == "int8" else _convolve_s16)(lowering, layer)


def _convolve_s8(lowering: Lowering, layer: _Layer) -> KernelCall | None:
    factors = layer.channels.packed()
    if factors is None:
        return None
    bounds = _bounds(layer)[layer.pairs[:, 1]]
    summed = bool((bounds < _SUMMED_LIMIT).all()) and layer.filters.min() > -128
    words = _words(layer, _order_s8(layer), summed=summed)
    fields = _fields_s8(lowering, layer, words, factors)
    kernel = "tq_conv_2d_s8_dsp" if summed else "tq_conv_2d_plain_s8_dsp"
    return _call(lowering, kernel, "tq_conv_2d_s8_dsp_params", layer, fields)


def _convolve_s4(lowering: Lowering, layer: _Layer) -> KernelCall | None:
    factors = layer.channels.packed()
    if factors is None or _bounds(layer).max() >= _INT4_LIMIT:
        return None
    low, high = _ordered(layer, _order_s8(layer))
    # Positions 0 and 1 of a step become bytes 0 and 2.
    both = (high << 4 | low & 15).reshape(len(low), -1, _STEP)[:, :, (0, 2, 1, 3)]
    if len(layer.filters) % 2:
        # The walk takes the first pair by itself, and looks for the second where int8's would be.
        both = np.insert(both, 1, 0, axis=0)
    fields = _fields_s8(lowering, layer, both.astype(np.uint8).tobytes(), factors)
    call = _call(lowering, "tq_conv_2d_s4_dsp", "tq_conv_2d_s8_dsp_params", layer, fields)
    return replace(call, header=INT4_HEADER, growth=())


def _bounds(layer: _Layer) -> Integers:
    """Return the largest magnitude of every channel's sum, the bias apart."""
    bounds: Integers = LARGEST["int8"] * np.abs(layer.filters).sum(axis=1)
    return bounds


def _order_s8(layer: _Layer) -> Sequence[int]:
    """Return the order of the positions of a step, as the inputs are gathered."""
    return (0, 2, 1, 3) if layer.offsets is None else (0, 1, 2, 3)


def _fields_s8(
    lowering: Lowering, layer: _Layer, words: bytes, factors: Integers
) -> dict[str, Value]:
    return {
        "weights": lowering.blob.add(words),
        "channels": lowering.blob.add_array(factors[layer.pairs], "int32"),
        "input_zero_point": -layer.basis.number("input_offset"),
        "output_offset": layer.basis.number("output_offset"),
    }


def _convolve_s16(lowering: Lowering, layer: _Layer) -> KernelCall:
    low, high = (layer.channels.rows[layer.pairs[:, i]] for i in range(2))
    rows = np.column_stack([high[:, 0], low[:, 0], low[:, 1:], high[:, 1:]])
    fields: dict[str, Value] = {
        "weights": lowering.blob.add(_words(layer, (0, 1, 2, 3), summed=False)),
        "channels": lowering.blob.add_array(rows, "int32"),
    }
    return _call(lowering, "tq_conv_2d_s16_dsp", "tq_conv_2d_s16_dsp_params", layer, fields)


def _call(
    lowering: Lowering, kernel: str, params: str, layer: _Layer, fields: dict[str, Value]
) -> KernelCall:
    steps = -(-layer.filters.shape[1] // _STEP)
    fields |= shared_fields(layer.basis) | {
        "steps": steps,
        "groups": 1,
        "scratch": ScratchMemory(),
        "offsets": None,
    }
    if layer.offsets is not None:
        padded = np.pad(layer.offsets, (0, steps * _STEP - len(layer.offsets)))
        fields["offsets"] = lowering.blob.add_array(padded, "int32")
    call = KernelCall(
        kernel,
        params,
        fields,
        layer.basis.reads,
        layer.basis.writes,
        scratch_bytes=_group_bytes(steps),
        macs=layer.basis.macs,
        trails=lowering.trail_of(layer.basis, pixels=_PIXELS, gathers=True),
        header=HEADER,
    )
    return replace(call, growth=tuple(_in_groups(call, len(layer.filters), steps)))


def _group_bytes(steps: int) -> int:
    return steps * _STEP * _PIXELS * 2


def _in_groups(call: KernelCall, channels: int, steps: int) -> Iterator[KernelCall]:
    """Yield the calls that take several groups of pixels at a time, ever more."""
    if channels % 2:
        return
    size = call.numbers("window")
    pixels = size["batches"] * size["output_height"] * size["output_width"]
    cached = steps <= _CACHED_STEPS
    weights = 0 if cached else 2 * steps * _STEP
    worth = -(-_WORTH // (channels // 2 * (steps + _STEPS_OF_A_TABLE)))
    least = max(1 + worth, 2 if cached else _FEWEST_COPIED_GROUPS)
    for groups in range(least, min(pixels // _PIXELS, _MOST_GROUPS) + 1):
        yield replace(
            call,
            kernel=call.kernel.replace("_s", "_groups_s"),
            fields={**call.fields, "groups": groups},
            scratch_bytes=groups * _group_bytes(steps) + weights,
        )


def _offsets(basis: KernelCall, element: int, positions: int) -> Integers | None:
    """Return the bytes from a window's origin to its positions, None where rows are words."""
    size = basis.numbers("window")
    depth = size["input_channels"]
    if size["dilation_width"] == 1 and depth * element % 4 == 0:
        return None
    shape = (size["filter_height"], size["filter_width"], depth)
    y, x, channel = np.unravel_index(np.arange(positions), shape)
    column = x * size["dilation_width"] + y * size["dilation_height"] * size["input_width"]
    offsets: Integers = (column * depth + channel) * element
    return offsets


def _pairs(channels: int) -> Integers:
    """Return the (low, high) channels of every pair; an odd number repeats channel 1."""
    first = [0, *range(1, channels - 1, 2)] if channels % 2 else range(0, channels, 2)
    return np.array([(low, low + 1) for low in first], dtype=np.int64)


def _ordered(layer: _Layer, order: Sequence[int]) -> tuple[Integers, Integers]:
    """Return the weights of the low and the high channel of every pair [pairs, positions]."""
    filters = layer.filters
    padded = np.pad(filters, ((0, 0), (0, -filters.shape[1] % _STEP)))
    ordered = padded.reshape(len(filters), -1, _STEP)[:, :, order].reshape(padded.shape)
    return ordered[layer.pairs[:, 0]], ordered[layer.pairs[:, 1]]


def _words(layer: _Layer, order: Sequence[int], *, summed: bool) -> bytes:
    """Return the words of tq_kernels_dsp_conv.h, positions of each step in `order`."""
    low, high = _ordered(layer, order)
    halves = 256 * high + (low if summed else low & 0xFF)
    return halves.astype("<i2").tobytes()
