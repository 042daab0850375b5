"""MAX_POOL_2D on int8 for the RX: windows of up to 2 x 2."""

from __future__ import annotations

from dataclasses import replace

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.lowering import pooling as reference
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.rx.channels import HEADER
from pytest_tinyquant.models.graph import Operator


def max_pool_2d(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a maximum over a window; a larger one keeps its reference kernel."""
    call = reference.pool_2d(operator, lowering)
    window = call.numbers("window")
    if (
        call.kernel != "tq_max_pool_2d_s8"
        or max(window["filter_height"], window["filter_width"]) > 2
    ):
        return call
    return replace(call, kernel="tq_max_pool_2d_s8_rx", header=HEADER)
