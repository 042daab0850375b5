"""FULLY_CONNECTED on int8 and int16 for Helium."""

from __future__ import annotations

import numpy as np

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering import dsp
from pytest_tinyquant.engine.lowering import fully_connected as reference
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.dsp.reference_call import basis_of
from pytest_tinyquant.engine.lowering.dsp.reference_call import call_of
from pytest_tinyquant.engine.lowering.mve.channels import HEADER
from pytest_tinyquant.engine.lowering.mve.channels import channels
from pytest_tinyquant.engine.lowering.weights import row_factors
from pytest_tinyquant.models.graph import Operator


def fully_connected(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a dense layer; float, int4 and what 32 bits do not hold is left to cortex_m_dsp."""
    basis = basis_of(reference.fully_connected, operator, lowering)
    suffix = basis.kernel.rpartition("_")[2]
    source, weights = lowering.source(operator, 0), lowering.source(operator, 1)
    layer = None
    if suffix in ("s8", "s16") and basis.macs:
        filters = lowering.values(operator, weights, "weights").astype(np.int64)
        factors = row_factors(operator, lowering)
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
