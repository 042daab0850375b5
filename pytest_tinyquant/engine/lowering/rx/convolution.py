"""CONV_2D on int8 for the RX: the window of a pixel as one column of inputs."""

from __future__ import annotations

import numpy as np

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import ScratchMemory
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering import convolution as reference
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.dsp.reference_call import basis_of
from pytest_tinyquant.engine.lowering.dsp.requantization import Integers
from pytest_tinyquant.engine.lowering.dsp.requantization import requantized
from pytest_tinyquant.engine.lowering.rx.channels import HEADER
from pytest_tinyquant.engine.lowering.rx.channels import channels
from pytest_tinyquant.engine.lowering.rx.reach import reach
from pytest_tinyquant.engine.lowering.window import is_one_pixel
from pytest_tinyquant.models.graph import Operator


def conv_2d(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a convolution; what 32 bits do not hold keeps its reference kernel."""
    basis = basis_of(reference.conv_2d, operator, lowering)
    call = None
    if basis.kernel == "tq_conv_2d_s8":
        weights = lowering.values(operator, lowering.source(operator, 1), "weights")
        filters = weights.reshape(weights.shape[0], -1).astype(np.int64)
        call = _convolution(operator, lowering, basis, filters)
    return call or reference.conv_2d(operator, lowering)


def depthwise_conv_2d(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a depthwise convolution: with a single input channel it is a convolution."""
    basis = basis_of(reference.depthwise_conv_2d, operator, lowering)
    call = None
    if lowering.source(operator, 0).shape[3] == 1 and basis.kernel == "tq_depthwise_conv_2d_s8":
        weights = lowering.values(operator, lowering.source(operator, 1), "weights")
        filters = weights.reshape(-1, weights.shape[3]).T.astype(np.int64)
        call = _convolution(operator, lowering, basis, filters)
    return call or reference.depthwise_conv_2d(operator, lowering)


def _convolution(
    operator: Operator, lowering: Lowering, basis: KernelCall, filters: Integers
) -> KernelCall | None:
    found = requantized(operator, lowering, basis, filters)
    layer = channels(lowering, basis, found, filters)
    source = lowering.source(operator, 0)
    depth = filters.shape[1]
    gathers = not is_one_pixel(basis.numbers("window"))
    beyond = reach(lowering, source, rows_are_words=not source.shape[3] % 4)
    if layer is None or beyond is None:
        return None
    fields: dict[str, Value] = {name: basis.fields[name] for name in ("window", "input", "output")}
    fields |= {
        "column": ScratchMemory(layer.sums_bytes) if gathers else None,
        "input_zero_point": -basis.number("input_offset"),
        "layer": layer.fields,
    }
    return KernelCall(
        layer.kernel("conv_2d"),
        "tq_conv_2d_s8_rx_params",
        fields,
        basis.reads,
        basis.writes,
        # What is copied last ends with a whole word.
        scratch_bytes=layer.sums_bytes + (depth + 3 if gathers else 0),
        macs=basis.macs,
        reach=beyond,
        trails=lowering.trail_of(basis, pixels=1, gathers=True),
        header=HEADER,
    )
