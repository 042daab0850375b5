"""CONV_2D on int8 and int16 for Helium: the window of a pixel as one column of inputs."""

from __future__ import annotations

import numpy as np

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import ScratchMemory
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering import convolution as reference
from pytest_tinyquant.engine.lowering import dsp
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.dsp.reference_call import basis_of
from pytest_tinyquant.engine.lowering.dsp.reference_call import call_of
from pytest_tinyquant.engine.lowering.dsp.requantization import Integers
from pytest_tinyquant.engine.lowering.dsp.requantization import factors_of
from pytest_tinyquant.engine.lowering.mve.channels import HEADER
from pytest_tinyquant.engine.lowering.mve.channels import channels
from pytest_tinyquant.engine.lowering.window import is_one_pixel
from pytest_tinyquant.models.graph import Operator


def conv_2d(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a convolution; float, int4 and what 32 bits do not hold is left to cortex_m_dsp."""
    basis = basis_of(reference.conv_2d, operator, lowering)
    call = None
    if basis.kernel in ("tq_conv_2d_s8", "tq_conv_2d_s16"):
        weights = lowering.values(operator, lowering.source(operator, 1), "weights")
        filters = weights.reshape(weights.shape[0], -1).astype(np.int64)
        call = convolution(operator, lowering, basis, filters)
    return call or call_of(dsp.LOWERINGS["CONV_2D"], operator, lowering)


def convolution(
    operator: Operator, lowering: Lowering, basis: KernelCall, filters: Integers
) -> KernelCall | None:
    """Return the call for `filters` [channels, depth]; None for what 32 bits do not hold.

    :param basis: the reference kernel's call.
    """
    factors = factors_of(operator, lowering, len(filters))
    layer = channels(operator, lowering, filters, factors, basis.fields)
    if layer is None:
        return None
    source = lowering.source(operator, 0)
    suffix = basis.kernel.rpartition("_")[2]
    gathers = not is_one_pixel(basis.numbers("window"))
    fields: dict[str, Value] = {name: basis.fields[name] for name in ("window", "input", "output")}
    fields |= {"layer": layer, "scratch": ScratchMemory() if gathers else None}
    if suffix == "s8":
        fields["input_zero_point"] = -basis.number("input_offset")
    return KernelCall(
        f"tq_conv_2d_{suffix}_mve",
        f"tq_conv_2d_{suffix}_mve_params",
        fields,
        basis.reads,
        basis.writes,
        scratch_bytes=filters.shape[1] * np.dtype(source.dtype).itemsize if gathers else 0,
        macs=basis.macs,
        trails=lowering.trail_of(basis, pixels=1, gathers=gathers),
        header=HEADER,
    )
