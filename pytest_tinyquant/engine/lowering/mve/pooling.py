"""MAX_POOL_2D, AVERAGE_POOL_2D and MEAN for Helium: a vector of channels at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.lowering import dsp
from pytest_tinyquant.engine.lowering import pooling as reference
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.dsp.reference_call import call_of
from pytest_tinyquant.engine.lowering.mve.channels import HEADER
from pytest_tinyquant.models.graph import Operator


#: Fewer channels leave most of a vector of four empty.
_FEWEST: Final = 3

#: Positions of a window whose number the kernel can divide sums of int16 by.
_MOST_POSITIONS: Final = 361


def pool_2d(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a maximum or an average over a window."""
    call = reference.pool_2d(operator, lowering)
    source = lowering.source(operator, 0)
    window = call.numbers("window")
    positions = window["filter_height"] * window["filter_width"]
    averages = operator.op == "AVERAGE_POOL_2D"
    if source.dtype == "float32" or source.shape[3] < _FEWEST:
        return _other(operator, lowering, call)
    if averages and positions > _MOST_POSITIONS:
        return call
    return replace(call, kernel=f"{call.kernel}_mve", header=HEADER)


def mean(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a mean over adjacent axes; of other axes and few numbers it stays as it was."""
    call = reference.mean(operator, lowering)
    if call.kernel not in ("tq_mean_s8", "tq_mean_s16") or call.number("inner") < _FEWEST:
        return _other(operator, lowering, call)
    return replace(call, kernel=f"{call.kernel}_mve", header=HEADER)


def _other(operator: Operator, lowering: Lowering, call: KernelCall) -> KernelCall:
    """Return what cortex_m_dsp has for the operator, if it has anything."""
    function = dsp.LOWERINGS.get(operator.op)
    return call if function is None else call_of(function, operator, lowering)
