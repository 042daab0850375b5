"""Lowering for the kernel set cortex_m_mve: vectors of 16 bytes, for cores with Helium (M55).

A function here takes the place of the one for the same operator in
:mod:`pytest_tinyquant.engine.lowering.dsp`, on which the set builds: it returns that one's result
wherever this set has no kernel for the case at hand.
"""

from __future__ import annotations

from pytest_tinyquant.engine.lowering.context import LoweringFunction
from pytest_tinyquant.engine.lowering.mve import convolution
from pytest_tinyquant.engine.lowering.mve import depthwise
from pytest_tinyquant.engine.lowering.mve import elementwise
from pytest_tinyquant.engine.lowering.mve import fully_connected
from pytest_tinyquant.engine.lowering.mve import pooling


LOWERINGS: dict[str, LoweringFunction] = {
    "ADD": elementwise.add,
    "AVERAGE_POOL_2D": pooling.pool_2d,
    "CONV_2D": convolution.conv_2d,
    "DEPTHWISE_CONV_2D": depthwise.depthwise_conv_2d,
    "FULLY_CONNECTED": fully_connected.fully_connected,
    "MAX_POOL_2D": pooling.pool_2d,
    "MEAN": pooling.mean,
    "MUL": elementwise.mul,
}
