"""Lowering for the kernel set cortex_m_dsp: weights re-laid for its inner loops, scratch reserved.

A function here takes the place of the one for the same operator in
:data:`pytest_tinyquant.engine.lowering.LOWERINGS`. It returns that one's result wherever the set
has no kernel of its own for the case at hand; a :class:`KernelCall` to a kernel that only this
set has names the header that declares it.
"""

from __future__ import annotations

from pytest_tinyquant.engine.lowering.context import LoweringFunction
from pytest_tinyquant.engine.lowering.dsp import arithmetic
from pytest_tinyquant.engine.lowering.dsp import convolution
from pytest_tinyquant.engine.lowering.dsp import depthwise
from pytest_tinyquant.engine.lowering.dsp import float_layers
from pytest_tinyquant.engine.lowering.dsp import fully_connected
from pytest_tinyquant.engine.lowering.dsp import pooling
from pytest_tinyquant.engine.lowering.dsp.float_layers import by_type


LOWERINGS: dict[str, LoweringFunction] = {
    "ADD": arithmetic.add,
    "DEPTHWISE_CONV_2D": by_type(float_layers.depthwise_conv_2d, depthwise.depthwise_conv_2d),
    "CONV_2D": by_type(float_layers.conv_2d, convolution.conv_2d),
    "FULLY_CONNECTED": by_type(float_layers.fully_connected, fully_connected.fully_connected),
    "MAX_POOL_2D": pooling.max_pool_2d,
    "MEAN": pooling.mean,
}
