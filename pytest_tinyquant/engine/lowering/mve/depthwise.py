"""DEPTHWISE_CONV_2D on int8 and int16 for Helium: eight channels at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering import convolution as reference
from pytest_tinyquant.engine.lowering import dsp
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.dsp.reference_call import basis_of
from pytest_tinyquant.engine.lowering.dsp.reference_call import call_of
from pytest_tinyquant.engine.lowering.dsp.reference_call import shared_fields
from pytest_tinyquant.engine.lowering.dsp.requantization import Integers
from pytest_tinyquant.engine.lowering.dsp.requantization import factors_of
from pytest_tinyquant.engine.lowering.dsp.requantization import sums
from pytest_tinyquant.engine.lowering.mve.channels import HEADER
from pytest_tinyquant.engine.lowering.mve.channels import tables_s16
from pytest_tinyquant.engine.lowering.mve.convolution import convolution
from pytest_tinyquant.models.graph import Operator


#: Up to so many channels the four lanes of cortex_m_dsp do as well.
_FEW: Final = 4

#: Rows of more outputs are faster by the 3x3 kernel of cortex_m_dsp: it keeps what the next output
#: of a row sees as well.
_WIDE: Final = 8

_KERNELS: Final = ("tq_depthwise_conv_2d_s8", "tq_depthwise_conv_2d_s16")


def depthwise_conv_2d(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a depthwise convolution.

    With a single input channel it is a convolution. Float, int4, few channels, wide rows of 3x3
    windows, another depth multiplier than 1 and what 32 bits do not hold is left to cortex_m_dsp.
    """
    basis = basis_of(reference.depthwise_conv_2d, operator, lowering)
    call = None
    if basis.kernel in _KERNELS:
        weights = lowering.values(operator, lowering.source(operator, 1), "weights")
        filters = weights.reshape(-1, weights.shape[3]).T.astype(np.int64)
        if lowering.source(operator, 0).shape[3] == 1:
            call = convolution(operator, lowering, basis, filters)
        elif _is_faster(operator, lowering, basis):
            call = _by_channels(operator, lowering, basis, filters)
    return call or call_of(dsp.LOWERINGS["DEPTHWISE_CONV_2D"], operator, lowering)


def _is_faster(operator: Operator, lowering: Lowering, basis: KernelCall) -> bool:
    """Return whether eight channels at a time take fewer instructions than cortex_m_dsp."""
    window = basis.numbers("window")
    if basis.number("depth_multiplier") != 1 or window["output_channels"] <= _FEW:
        return False
    if window["stride_width"] > 1 or window["output_width"] <= _WIDE:
        return True
    other = basis_of(dsp.LOWERINGS["DEPTHWISE_CONV_2D"], operator, lowering)
    return "_3x3_" not in other.kernel


def _by_channels(
    operator: Operator, lowering: Lowering, basis: KernelCall, filters: Integers
) -> KernelCall | None:
    """Return the call of this set's kernel.

    It reads what the reference kernel reads, each input no later: that one's trail holds.

    :param filters: weights of shape [channels, positions].
    """
    kernel = f"{basis.kernel}_mve"
    if basis.kernel.endswith("_s8"):
        call = call_of(reference.depthwise_conv_2d, operator, lowering)
        return replace(call, kernel=kernel, header=HEADER)
    found = sums(lowering, lowering.source(operator, 0), filters, lowering.optional(operator, 2))
    tables = tables_s16(found, factors_of(operator, lowering, len(filters)))
    if tables is None:
        return None
    fields: dict[str, Value] = {
        **shared_fields(basis),
        "weights": lowering.blob.add(filters.T.astype(np.int8).tobytes()),
        **{name: lowering.blob.add_array(table, "int32") for name, table in tables.items()},
    }
    return replace(
        basis, kernel=kernel, params_type=f"{kernel}_params", fields=fields, header=HEADER
    )
