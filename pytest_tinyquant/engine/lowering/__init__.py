"""Lowering: every operator of a graph to a kernel call, one module per operator family.

A lowering function takes the operator and a :class:`~.context.Lowering` and returns a
:class:`KernelCall`, or an :class:`Alias` when nothing has to be computed.
"""

from __future__ import annotations

from collections.abc import Mapping

from pytest_tinyquant.engine.lowering import activation
from pytest_tinyquant.engine.lowering import arithmetic
from pytest_tinyquant.engine.lowering import conversion
from pytest_tinyquant.engine.lowering import convolution
from pytest_tinyquant.engine.lowering import dsp
from pytest_tinyquant.engine.lowering import fully_connected
from pytest_tinyquant.engine.lowering import lstm
from pytest_tinyquant.engine.lowering import movement
from pytest_tinyquant.engine.lowering import pooling
from pytest_tinyquant.engine.lowering import svdf
from pytest_tinyquant.engine.lowering import transpose_conv
from pytest_tinyquant.engine.lowering.context import LoweringFunction


LOWERINGS: dict[str, LoweringFunction] = {
    "ADD": arithmetic.add,
    "AVERAGE_POOL_2D": pooling.pool_2d,
    "CONCATENATION": movement.concatenation,
    "CONV_2D": convolution.conv_2d,
    "DEPTHWISE_CONV_2D": convolution.depthwise_conv_2d,
    "DEQUANTIZE": conversion.dequantize,
    "EXPAND_DIMS": movement.reshape,
    "FULLY_CONNECTED": fully_connected.fully_connected,
    "LEAKY_RELU": activation.leaky_relu,
    "LOGISTIC": activation.sigmoid,
    "MAX_POOL_2D": pooling.pool_2d,
    "MEAN": pooling.mean,
    "MUL": arithmetic.mul,
    "PACK": movement.pack,
    "PAD": movement.pad,
    "PADV2": movement.pad,
    "QUANTIZE": conversion.quantize,
    "RELU": activation.relu,
    "RELU6": activation.relu,
    "RESHAPE": movement.reshape,
    "SOFTMAX": activation.softmax,
    "SPLIT": movement.split,
    "SQUEEZE": movement.reshape,
    "STRIDED_SLICE": movement.strided_slice,
    "SUB": arithmetic.sub,
    "SVDF": svdf.svdf,
    "TANH": activation.sigmoid,
    "TRANSPOSE": movement.transpose,
    "TRANSPOSE_CONV": transpose_conv.transpose_conv,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm.lstm,
    "UNPACK": movement.unpack,
}


def lowerings(kernels: str) -> Mapping[str, LoweringFunction]:
    """Return the lowering function of every operator for a board's kernel set.

    A set that has none of its own, such as a user's directory, has the reference set's
    prototypes.
    """
    own = {"cortex_m_dsp": dsp.LOWERINGS}
    return LOWERINGS | own.get(kernels, {})


__all__ = ["LOWERINGS", "LoweringFunction", "lowerings"]
