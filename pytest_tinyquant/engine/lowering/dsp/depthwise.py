"""DEPTHWISE_CONV_2D on int8 and int16 for SMLAD: pairs of positions, four channels at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import numpy as np

from pytest_tinyquant.engine.kernel_call import Constant
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import ScratchMemory
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering import convolution
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.dsp.convolution import HEADER
from pytest_tinyquant.engine.lowering.dsp.convolution import INT4_HEADER
from pytest_tinyquant.engine.lowering.dsp.convolution import convolve
from pytest_tinyquant.engine.lowering.dsp.reference_call import basis_of
from pytest_tinyquant.engine.lowering.dsp.reference_call import shared_fields
from pytest_tinyquant.engine.lowering.dsp.requantization import Integers
from pytest_tinyquant.engine.lowering.dsp.requantization import requantized
from pytest_tinyquant.engine.trail import rows_trail
from pytest_tinyquant.models.graph import Operator


_GROUP = 4  # channels
_POINTER_BYTES = 4
_AXES = ("height", "width")
_KERNELS = tuple(f"tq_depthwise_conv_2d_{suffix}" for suffix in ("s8", "s4", "s16"))

# Rows of so few outputs do not make up for a start of each row in each channel.
_NARROW = 3

# tq_dsp_depthwise_rows.h
_TABLE_BYTES = _GROUP * 40
_SLOTS = 4


def depthwise_conv_2d(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a depthwise convolution.

    One with a single input channel is a convolution. One with another depth multiplier than 1,
    or whose channels are no multiple of 4, keeps its reference kernel.
    """
    basis = basis_of(convolution.depthwise_conv_2d, operator, lowering)
    weights = lowering.values(operator, lowering.source(operator, 1), "weights")
    call = None
    if basis.kernel in _KERNELS:
        channels = weights.shape[3]
        filters = weights.astype(np.int64).reshape(-1, channels).T
        if lowering.source(operator, 0).shape[3] == 1:
            call = convolve(operator, lowering, basis, filters)
        elif basis.fields["depth_multiplier"] == 1 and channels % _GROUP == 0:
            call = _depthwise(operator, lowering, basis, filters)
    return call or convolution.depthwise_conv_2d(operator, lowering)


def _store(lowering: Lowering, basis: KernelCall, weights: bytes) -> Constant:
    """Store int8 weights; those of an int4 layer two to a byte, the first in its lower half."""
    if not _is_int4(basis):
        return lowering.blob.add(weights)
    values = np.frombuffer(weights + bytes(len(weights) % 2), dtype=np.uint8)
    return lowering.blob.add((values[0::2] & 15 | values[1::2] << 4).tobytes())


def _is_int4(basis: KernelCall) -> bool:
    return basis.kernel.endswith("_s4")


def _unpacking(call: KernelCall, count: int) -> KernelCall:
    """Return the call that unpacks `count` weights of `call` and then does what it does."""
    place = ScratchMemory(-(-call.scratch_bytes // _POINTER_BYTES) * _POINTER_BYTES)
    kernel = call.kernel.replace("_s8", "_s4")
    return replace(
        call,
        kernel=kernel,
        params_type=f"{kernel}_params",
        fields={
            "packed": call.fields["weights"],
            "unpacked": place,
            "count": count,
            "layer": {**call.fields, "weights": place},
        },
        scratch_bytes=place.offset + count,
        header=INT4_HEADER,
    )


def _depthwise(
    operator: Operator, lowering: Lowering, basis: KernelCall, filters: Integers
) -> KernelCall | None:
    channels = requantized(operator, lowering, basis, filters)
    if channels is None:
        return None
    on_int8 = not basis.kernel.endswith("_s16")
    factors = channels.packed() if on_int8 and _is_3x3(basis) else None
    if factors is not None:
        return _rows_of_3x3(lowering, basis, factors, channels.weights(filters))
    offset = 0
    fields: dict[str, Value] = shared_fields(basis) | {"scratch": ScratchMemory()}
    if on_int8:
        offset = basis.number("output_offset")
        fields["input_zero_point"] = -basis.number("input_offset")
    shift = channels.rows[:, 2]
    rounding = (1 << shift - 1) + (offset << shift)
    rows = np.column_stack([channels.rows, rounding])
    words = _words(channels.weights(filters))
    fields["weights"] = _store(lowering, basis, words)
    fields["channels"] = lowering.blob.add_array(rows, "int32")
    pairs = -(-filters.shape[1] // 2)
    pixel = len(filters) * np.dtype(lowering.source(operator, 0).dtype).itemsize
    kernel = basis.kernel.replace("_s4", "_s8")
    call = KernelCall(
        f"{kernel}_dsp",
        f"{kernel}_dsp_params",
        fields,
        basis.reads,
        basis.writes,
        scratch_bytes=2 * _POINTER_BYTES * pairs + pixel,
        macs=basis.macs,
        trails=basis.trails,
        header=HEADER,
    )
    return _unpacking(call, len(words)) if _is_int4(basis) else call


def _is_3x3(basis: KernelCall) -> bool:
    """Tell whether the kernel that goes row by row is made for such a window."""
    window = cast(Mapping[str, int], basis.fields["window"])
    shape = tuple(window[f"{what}_{axis}"] for what in ("filter", "dilation") for axis in _AXES)
    strides = window["stride_width"] in (1, 2)
    return shape == (3, 3, 1, 1) and strides and window["output_width"] > _NARROW


def _rows_of_3x3(
    lowering: Lowering, basis: KernelCall, factors: Integers, filters: Integers
) -> KernelCall:
    """Return the call of the kernel that takes four channels of the whole image at a time."""
    window = cast(Mapping[str, int], basis.fields["window"])
    outputs = window["output_width"]
    width = (outputs + 4) // 2 * 2 if window["stride_width"] == 1 else 2 * outputs + 4
    weights = filters.T.astype(np.int8).tobytes()
    fields: dict[str, Value] = shared_fields(basis) | {
        "scratch": ScratchMemory(),
        "weights": _store(lowering, basis, weights),
        "channels": lowering.blob.add_array(factors, "int32"),
        "input_zero_point": -basis.number("input_offset"),
        "output_offset": basis.number("output_offset"),
    }
    # Channel by channel through the image: what is written must have been copied before.
    in_place = rows_trail(window, 1).lag <= 0
    call = KernelCall(
        "tq_depthwise_conv_2d_3x3_s8_dsp",
        "tq_depthwise_conv_2d_3x3_s8_dsp_params",
        fields,
        basis.reads,
        basis.writes,
        tuple(basis.trails) if in_place else (),
        scratch_bytes=_TABLE_BYTES + _GROUP * _SLOTS * width * 2,
        macs=basis.macs,
        header=HEADER,
    )
    return _unpacking(call, len(weights)) if _is_int4(basis) else call


def _words(filters: Integers) -> bytes:
    """Return the words of tq_kernels_dsp_conv.h from filters [channels, positions]."""
    padded = np.pad(filters, ((0, 0), (0, filters.shape[1] % 2)))
    # Group of channels, two channels of it, one channel; pair of positions, position.
    words = padded.reshape(-1, _GROUP // 2, 2, padded.shape[1] // 2, 2)
    return words.transpose(0, 3, 1, 4, 2).astype(np.int8).tobytes()
