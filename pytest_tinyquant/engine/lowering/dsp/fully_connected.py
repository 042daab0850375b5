"""FULLY_CONNECTED on int8 and int16 for SMLAD: weights in groups of four rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering import fully_connected as reference
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.dsp.reference_call import without_constants
from pytest_tinyquant.engine.lowering.dsp.requantization import Sums
from pytest_tinyquant.engine.lowering.dsp.requantization import sums
from pytest_tinyquant.engine.lowering.dsp.row_groups import BYTES
from pytest_tinyquant.engine.lowering.dsp.row_groups import HALFWORDS
from pytest_tinyquant.engine.lowering.dsp.row_groups import ROWS
from pytest_tinyquant.engine.lowering.dsp.row_groups import pack_int4
from pytest_tinyquant.engine.lowering.dsp.row_groups import pack_int8
from pytest_tinyquant.engine.lowering.dsp.row_groups import pad_inputs
from pytest_tinyquant.engine.quantization import Multiplier
from pytest_tinyquant.models.graph import BITS
from pytest_tinyquant.models.graph import Operator


HEADER = "tq_kernels_dsp_dense.h"
INT4_HEADER = "tq_kernels_dsp_int4.h"

# Inputs after which sums are taken out of the words that two rows share. An int16 layer's sums are
# then below 2**31 in magnitude: 512 * 32768 * 127. An int8 layer's odd rows are below 2**23, even
# if up to 12 inputs join the last 496: 508 * 128 * 127.
_CHUNK_S8 = 496
_CHUNK_S16 = 512

# Shifts of the output's zero point beyond this one do not fit 32 bits.
_MAX_RIGHT_SHIFT = 22


class _DenseLayer(NamedTuple):
    """The layer's numbers; `weights` [rows, inputs] are padded to a multiple of four inputs."""

    weights: NDArray[np.int8]
    sums: Sums
    factors: list[Multiplier]
    zero_point: int

    @property
    def largest(self) -> int:
        """Bound of every row's sum."""
        return int((np.abs(self.sums.bias) + self.sums.bound).max())

    @property
    def shifts(self) -> list[int]:
        """How far to the right scaled sums are shifted."""
        return [-factor.shift for factor in self.factors]

    @property
    def is_narrow(self) -> bool:
        """Whether 32 bits hold what becomes of sums of int8 inputs."""
        in_range = all(1 <= shift <= _MAX_RIGHT_SHIFT for shift in self.shifts)
        return in_range and self.largest < 1 << 30


def fully_connected(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a fully connected layer; one that the packed kernels cannot run keeps its reference."""
    basis = reference.fully_connected(operator, without_constants(lowering))
    source, output = lowering.source(operator, 0), lowering.output(operator)
    output_depth, input_depth = lowering.source(operator, 1).shape
    # Batches whose inputs or outputs do not begin at a word cannot be moved by words.
    aligned = basis.fields["batches"] == 1 or not (input_depth % 4 or output_depth % 4)
    padded_depth = -(-input_depth // 4) * 4
    # A constant's last word may be the last word of the flash.
    in_arena = padded_depth == input_depth or bool(lowering.reads(source))
    packed = None
    if basis.macs and aligned and in_arena:
        lower = {"s8": _int8, "s4": _int4}.get(basis.kernel.rpartition("_")[2], _int16)
        packed = lower(lowering, _layer(operator, lowering))
    if packed is None:
        return reference.fully_connected(operator, lowering)
    kernel, fields = packed
    shared = ("output", "batches", "output_depth", "activation_min", "activation_max")
    fields |= {name: basis.fields[name] for name in shared}
    fields |= {"input": lowering.address(source), "input_depth": padded_depth}
    reach = padded_depth * BITS[source.dtype] // 8
    return KernelCall(
        kernel,
        f"{kernel}_params",
        fields,
        lowering.reads(source),
        (output.index,),
        macs=basis.macs,
        reach={source.index: reach}
        if reach > source.bytes and basis.fields["batches"] == 1
        else {},
        header=INT4_HEADER if lower is _int4 else HEADER,
    )


def _layer(operator: Operator, lowering: Lowering) -> _DenseLayer:
    source, weights = lowering.source(operator, 0), lowering.source(operator, 1)
    output = lowering.output(operator)
    values = lowering.values(operator, weights, "weights")
    if weights.quantization is not None and weights.quantization.per_channel:
        scales = q.channel_scales(weights, len(values))
        real = [q.scale(source) * channel / q.scale(output) for channel in scales]
    else:
        real = [q.fully_connected_factor(source, weights, output)]
    factors = [q.quantize_multiplier(factor) for factor in real]
    return _DenseLayer(
        pad_inputs(values),
        sums(lowering, source, values.astype(np.int64), lowering.optional(operator, 2)),
        [factor if factor.value else Multiplier(0, -1) for factor in factors],
        q.zero_point(output),
    )


def _int8(lowering: Lowering, layer: _DenseLayer) -> tuple[str, dict[str, Value]] | None:
    """Return the int8 kernel with its own fields; None if it cannot run the layer."""
    packed = pack_int8(layer.weights, BYTES)
    if packed is None or not layer.is_narrow:
        return None
    grouped = len(layer.weights) // ROWS * ROWS
    bias = layer.sums.bias.copy()
    bias[1:grouped:2] *= 2
    in_one = (layer.sums.bound[1:grouped:2] < 1 << 23).all()
    fields: dict[str, Value] = {
        "weights": lowering.blob.add(packed),
        "bias": lowering.blob.add_array(bias, "int32"),
        "chunk": layer.weights.shape[1] if in_one else _CHUNK_S8,
    }
    fields |= _scaling(lowering, layer)
    one = len(layer.factors) == 1
    return f"tq_fully_connected{'' if one else '_per_channel'}_s8_dsp", fields


def _int4(lowering: Lowering, layer: _DenseLayer) -> tuple[str, dict[str, Value]] | None:
    """Return the kernel for int4 weights with its own fields; None if it cannot run the layer."""
    # Groups are filled up: few rows would take more flash than they do as they are stored.
    if len(layer.weights) < ROWS - 1 or not layer.is_narrow:
        return None
    fields: dict[str, Value] = {
        "weights": lowering.blob.add(pack_int4(layer.weights)),
        "bias": lowering.blob.add_array(layer.sums.bias, "int32"),
    }
    fields |= _scaling(lowering, layer)
    one = len(layer.factors) == 1
    return f"tq_fully_connected{'' if one else '_per_channel'}_s4_dsp", fields


def _scaling(lowering: Lowering, layer: _DenseLayer) -> dict[str, Value]:
    """Return the fields that make sums of int8 inputs outputs."""
    shifts = layer.shifts
    rounding = 2 * layer.zero_point + 1
    if len(shifts) == 1:
        return {
            "multiplier": layer.factors[0].value,
            "right_shift": shifts[0] - 1,
            "rounding": rounding << (shifts[0] - 1),
        }
    return {
        "multipliers": lowering.blob.add_array([f.value for f in layer.factors], "int32"),
        "right_shifts": lowering.blob.add_array([shift - 1 for shift in shifts], "uint8"),
        "rounding": rounding,
    }


def _int16(lowering: Lowering, layer: _DenseLayer) -> tuple[str, dict[str, Value]] | None:
    """Return the int16 kernel with its own fields; None if it cannot run the layer."""
    packed = pack_int8(layer.weights, HALFWORDS)
    if packed is None:
        return None
    add = lowering.blob.add_array
    fields: dict[str, Value] = {"weights": lowering.blob.add(packed)}
    factors = [q.narrow_multiplier(factor) for factor in layer.factors]
    in_range = all(16 <= factor.right_shift <= 32 for factor in factors)
    if not in_range or layer.largest >= 1 << 31:
        rows = factors * (len(layer.weights) // len(factors))
        fields |= {
            "bias": add(layer.sums.bias, "int64"),
            "multipliers": add([f.value for f in rows], "int16"),
            "right_shifts": add([f.right_shift for f in rows], "int8"),
            "chunk": _CHUNK_S16,
        }
        return "tq_fully_connected_deep_s16_dsp", fields
    fields["bias"] = add(layer.sums.bias, "int32")
    wide = [factor.value << (32 - factor.right_shift) for factor in factors]
    if len(wide) == 1:
        return "tq_fully_connected_s16_dsp", fields | {"multiplier": wide[0]}
    return "tq_fully_connected_per_channel_s16_dsp", fields | {"multipliers": add(wide, "int32")}
