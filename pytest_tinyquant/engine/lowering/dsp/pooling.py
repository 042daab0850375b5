"""MAX_POOL_2D and MEAN, several channels per instruction."""

from __future__ import annotations

import dataclasses

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.lowering import pooling
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.models.graph import Operator


HEADER = "tq_kernels_dsp_dense.h"

# Channels in a word.
_LANES = {"int8": 4, "int16": 2}

# Values whose sum surely fits the 16 bits in which it is formed.
_MAX_REDUCED = 256


def max_pool_2d(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a maximum over a window; channels that do not fill words keep the reference kernel."""
    call = pooling.pool_2d(operator, lowering)
    source = lowering.source(operator, 0)
    lanes = _LANES.get(source.dtype)
    if lanes is None or source.shape[3] % lanes:
        return call
    return dataclasses.replace(call, kernel=f"{call.kernel}_dsp", header=HEADER)


def mean(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a mean; one over too much, or not over words, keeps the reference kernel."""
    call = pooling.mean(operator, lowering)
    if call.kernel != "tq_mean_s8":
        return call
    if call.number("reduced") > _MAX_REDUCED or call.number("inner") % _LANES["int8"]:
        return call
    return dataclasses.replace(call, kernel="tq_mean_s8_dsp", header=HEADER)
