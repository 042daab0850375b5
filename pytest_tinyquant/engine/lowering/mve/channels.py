"""Rows of weights with what makes their sums outputs: the structs tq_channels_*_mve."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.dsp.requantization import Integers
from pytest_tinyquant.engine.lowering.dsp.requantization import Sums
from pytest_tinyquant.engine.lowering.dsp.requantization import sums
from pytest_tinyquant.models.graph import Operator


HEADER = "tq_kernels_mve.h"

# Channels per vector of sums.
_LANES = 4

# Shifts of the 64-bit kernels that the upper half of a product of 32 bits stands for.
_RIGHT_SHIFTS = range(16, 33)


def channels(
    operator: Operator,
    lowering: Lowering,
    filters: Integers,
    factors: Sequence[q.Multiplier],
    limits: Mapping[str, Value],
) -> dict[str, Value] | None:
    """Return the struct for a layer whose `filters` have the shape [channels, depth].

    :param factors: one per channel, or one for all.
    :param limits: fields of the reference call; the activation's are used.
    :returns: None where int16 sums may leave 32 bits, or a factor has no room.
    """
    source, output = lowering.source(operator, 0), lowering.output(operator)
    found = sums(lowering, source, filters, lowering.optional(operator, 2))
    add = lowering.blob.add_array
    if source.dtype == "int8":
        fields: dict[str, Value] = {
            "bias": add(_filled(found.bias & 0xFFFFFFFF), "uint32"),
            "multipliers": add(_filled([f.value for f in factors]), "int32"),
            "shifts": add(_filled([f.shift for f in factors]), "int8"),
            "output_offset": q.zero_point(output),
        }
    else:
        tables = tables_s16(found, factors)
        if tables is None:
            return None
        fields = {name: add(_filled(table), "int32") for name, table in tables.items()}
    rows, depth = filters.shape
    return fields | {
        "weights": lowering.blob.add(filters.astype(np.int8).tobytes()),
        "depth": depth,
        "channels": rows,
        "step": 0 if len(factors) == 1 else _LANES,
        "activation_min": limits["activation_min"],
        "activation_max": limits["activation_max"],
    }


def tables_s16(found: Sums, factors: Sequence[q.Multiplier]) -> dict[str, Integers] | None:
    """Return biases and multipliers * 2^(32 - right shift) of int16 sums, by field.

    :returns: None where sums may leave 32 bits, or a factor has no room.
    """
    narrow = [q.narrow_multiplier(factor) for factor in factors]
    if int((np.abs(found.bias) + found.bound).max()) >= 1 << 31:
        return None
    if any(factor.right_shift not in _RIGHT_SHIFTS for factor in narrow):
        return None
    wide = [factor.value << 32 - factor.right_shift for factor in narrow]
    return {"bias": found.bias, "multipliers": np.array(wide, dtype=np.int64)}


def _filled(values: Sequence[int] | Integers) -> Integers:
    """Return a table filled up to whole vectors; one value is repeated."""
    table = np.asarray(values, dtype=np.int64)
    return np.pad(table, (0, -len(table) % _LANES), mode="edge" if len(table) == 1 else "constant")
