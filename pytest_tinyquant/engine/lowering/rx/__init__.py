"""Lowering for the kernel set rx_dsp: sums in the accumulator of a Renesas RX.

A function here takes the place of the one for the same operator in
:data:`pytest_tinyquant.engine.lowering.LOWERINGS`: it returns that one's result wherever this set
has no kernel for the case at hand.
"""

from __future__ import annotations

from pytest_tinyquant.engine.lowering.context import LoweringFunction
from pytest_tinyquant.engine.lowering.rx import convolution
from pytest_tinyquant.engine.lowering.rx import fully_connected
from pytest_tinyquant.engine.lowering.rx import pooling


LOWERINGS: dict[str, LoweringFunction] = {
    "CONV_2D": convolution.conv_2d,
    "DEPTHWISE_CONV_2D": convolution.depthwise_conv_2d,
    "FULLY_CONNECTED": fully_connected.fully_connected,
    "MAX_POOL_2D": pooling.max_pool_2d,
}
