"""ADD on int8, four elements at a time."""

from __future__ import annotations

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering import arithmetic
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.models.graph import Operator


HEADER = "tq_kernels_dsp_dense.h"

# The factor 1/2 as a multiplier and a shift.
_HALF = (1 << 30, 0)
_MAX_RIGHT_SHIFT = 22


def add(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower an addition; other types, and shapes that broadcast, keep the reference kernel."""
    call = arithmetic.add(operator, lowering)
    first, second = lowering.source(operator, 0), lowering.source(operator, 1)
    if call.kernel != "tq_add_s8" or first.shape != second.shape:
        return call
    factors = {
        name: (call.number(f"{name}_multiplier"), -call.number(f"{name}_shift"))
        for name in ("input1", "input2", "output")
    }
    coarser, finer = ("input1", "input2") if factors["input1"] == _HALF else ("input2", "input1")
    multiplier, right_shift = factors["output"]
    if factors[coarser] != _HALF or not 1 <= right_shift <= _MAX_RIGHT_SHIFT:
        return call
    finer_multiplier, finer_shift = factors[finer]
    equal = factors[finer] == _HALF
    if not equal and not 1 <= finer_shift <= _MAX_RIGHT_SHIFT:
        return call
    offsets = [call.number(f"{name}_offset") for name in (coarser, finer)]
    zero_point = call.number("output_offset")
    fields: dict[str, Value] = {
        "coarser": call.fields[coarser],
        "finer": call.fields[finer],
        "output": call.fields["output"],
        "count": first.elements,
        "base": sum(offsets) << 20 if equal else offsets[0] << 20,
        "finer_base": offsets[1] << 21,
        "finer_multiplier": finer_multiplier,
        "finer_rounding": 0 if equal else 1 << finer_shift - 1,
        "finer_right_shift": finer_shift,
        "multiplier": multiplier,
        "rounding": (2 * zero_point + 1) << right_shift - 1,
        "right_shift": right_shift,
        "activation_min": call.fields["activation_min"],
        "activation_max": call.fields["activation_max"],
    }
    return KernelCall(
        "tq_add_equal_s8_dsp" if equal else "tq_add_s8_dsp",
        "tq_add_s8_dsp_params",
        fields,
        call.reads,
        call.writes,
        call.in_place,
        header=HEADER,
    )
