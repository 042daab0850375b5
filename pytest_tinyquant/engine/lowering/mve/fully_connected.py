"""FULLY_CONNECTED on int8 and int16 for Helium."""

from __future__ import annotations

import numpy as np

from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering import dsp
from pytest_tinyquant.engine.lowering import fully_connected as reference
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.dsp.reference_call import basis_of
from pytest_tinyquant.engine.lowering.dsp.reference_call import call_of
from pytest_tinyquant.engine.lowering.mve.channels import HEADER
from pytest_tinyquant.engine.lowering.mve.channels import channels
from pytest_tinyquant.models.graph import Operator


def fully_connected(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a dense layer; float, int4 and what 32 bits do not hold is left to cortex_m_dsp."""
    basis = basis_of(reference.fully_connected, operator, lowering)
    suffix = basis.kernel.rpartition("_")[2]
    source, weights = lowering.source(operator, 0), lowering.source(operator, 1)
    layer = None
    if suffix in ("s8", "s16") and basis.macs:
        filters = lowering.values(operator, weights, "weights").astype(np.int64)
        factors = _factors(operator, lowering, len(filters))
        layer = channels(operator, lowering, filters, factors, basis.fields)
    if layer is None:
        return call_of(dsp.LOWERINGS["FULLY_CONNECTED"], operator, lowering)
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": basis.fields["output"],
        "batches": basis.fields["batches"],
        "layer": layer,
    }
    return KernelCall(
        f"tq_fully_connected_{suffix}_mve",
        f"tq_fully_connected_{suffix}_mve_params",
        fields,
        lowering.reads(source),
        basis.writes,
        macs=basis.macs,
        header=HEADER,
    )


def _factors(operator: Operator, lowering: Lowering, rows: int) -> list[q.Multiplier]:
    """Return the factor of every row, or the only one."""
    source, weights = lowering.source(operator, 0), lowering.source(operator, 1)
    output = lowering.output(operator)
    if weights.quantization is not None and weights.quantization.per_channel:
        scales = q.channel_scales(weights, rows)
        real = [q.scale(source) * channel / q.scale(output) for channel in scales]
    else:
        real = [q.fully_connected_factor(source, weights, output)]
    return [q.quantize_multiplier(factor) for factor in real]
