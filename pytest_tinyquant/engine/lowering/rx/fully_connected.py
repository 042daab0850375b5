"""FULLY_CONNECTED on int8 for the RX."""

from __future__ import annotations

import numpy as np

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering import fully_connected as reference
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.dsp.reference_call import basis_of
from pytest_tinyquant.engine.lowering.dsp.requantization import channels_s8
from pytest_tinyquant.engine.lowering.dsp.requantization import sums
from pytest_tinyquant.engine.lowering.rx.channels import HEADER
from pytest_tinyquant.engine.lowering.rx.channels import channels
from pytest_tinyquant.engine.lowering.rx.reach import reach
from pytest_tinyquant.engine.lowering.weights import row_factors
from pytest_tinyquant.models.graph import Operator


def fully_connected(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a dense layer; what 32 bits do not hold keeps its reference kernel."""
    basis = basis_of(reference.fully_connected, operator, lowering)
    call = None
    if basis.kernel in ("tq_fully_connected_s8", "tq_fully_connected_per_channel_s8"):
        call = _int8(operator, lowering, basis)
    return call or reference.fully_connected(operator, lowering)


def _int8(operator: Operator, lowering: Lowering, basis: KernelCall) -> KernelCall | None:
    source, weights = lowering.source(operator, 0), lowering.source(operator, 1)
    filters = lowering.values(operator, weights, "weights").astype(np.int64)
    depth = basis.number("input_depth")
    beyond = reach(lowering, source, rows_are_words=not depth % 4)
    if not basis.macs or beyond is None:
        return None
    bounds = sums(lowering, source, filters, lowering.optional(operator, 2))
    factors = row_factors(operator, lowering)
    factors = factors * len(filters) if len(factors) == 1 else factors
    found = channels_s8(bounds, factors, basis.number("output_offset"))
    layer = channels(lowering, basis, found, filters)
    if layer is None:
        return None
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": basis.fields["output"],
        "batches": basis.fields["batches"],
        "input_depth": depth,
        "layer": layer.fields,
    }
    return KernelCall(
        layer.kernel("fully_connected"),
        "tq_fully_connected_s8_rx_params",
        fields,
        lowering.reads(source),
        basis.writes,
        scratch_bytes=layer.sums_bytes,
        macs=basis.macs,
        reach=beyond,
        header=HEADER,
    )
