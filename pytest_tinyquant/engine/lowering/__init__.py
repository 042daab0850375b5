"""Lowering: every operator of a graph to a kernel call, one module per operator family.

A lowering function takes the operator and a :class:`~.context.Lowering` and returns a
:class:`KernelCall`, or an :class:`Alias` when nothing has to be computed.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping
from typing import Final

from pytest_tinyquant.engine.kernel_call import Alias
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.lowering import activation
from pytest_tinyquant.engine.lowering import arithmetic
from pytest_tinyquant.engine.lowering import batches
from pytest_tinyquant.engine.lowering import control
from pytest_tinyquant.engine.lowering import conversion
from pytest_tinyquant.engine.lowering import convolution
from pytest_tinyquant.engine.lowering import detection
from pytest_tinyquant.engine.lowering import dsp
from pytest_tinyquant.engine.lowering import elementwise
from pytest_tinyquant.engine.lowering import folding
from pytest_tinyquant.engine.lowering import fully_connected
from pytest_tinyquant.engine.lowering import gathering
from pytest_tinyquant.engine.lowering import lstm
from pytest_tinyquant.engine.lowering import matmul
from pytest_tinyquant.engine.lowering import movement
from pytest_tinyquant.engine.lowering import mve
from pytest_tinyquant.engine.lowering import pairwise
from pytest_tinyquant.engine.lowering import pooling
from pytest_tinyquant.engine.lowering import reduction
from pytest_tinyquant.engine.lowering import resize
from pytest_tinyquant.engine.lowering import rx
from pytest_tinyquant.engine.lowering import signal_filter_bank
from pytest_tinyquant.engine.lowering import signal_frames
from pytest_tinyquant.engine.lowering import signal_spectrum
from pytest_tinyquant.engine.lowering import strided
from pytest_tinyquant.engine.lowering import svdf
from pytest_tinyquant.engine.lowering import transpose_conv
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.context import LoweringFunction
from pytest_tinyquant.engine.lowering.dsp.reference_call import without_constants
from pytest_tinyquant.models.graph import Operator


LOWERINGS: dict[str, LoweringFunction] = {
    "ABS": elementwise.unary,
    "ADD": arithmetic.add,
    "ADD_N": pairwise.add_n,
    "ARG_MAX": reduction.arg,
    "ARG_MIN": reduction.arg,
    "ASSIGN_VARIABLE": control.assign_variable,
    "AVERAGE_POOL_2D": pooling.pool_2d,
    "BATCH_MATMUL": matmul.batch_matmul,
    "BATCH_TO_SPACE_ND": batches.batch_to_space,
    "BROADCAST_ARGS": strided.broadcast_args,
    "BROADCAST_TO": strided.broadcast_to,
    "CALL_ONCE": control.call_once,
    "CAST": elementwise.cast,
    "CEIL": elementwise.unary,
    "CONCATENATION": movement.concatenation,
    "CONV_2D": convolution.conv_2d,
    "COS": elementwise.unary,
    "CUMSUM": reduction.cumsum,
    "DEPTHWISE_CONV_2D": convolution.depthwise_conv_2d,
    "DEPTH_TO_SPACE": strided.depth_to_space,
    "DEQUANTIZE": conversion.dequantize,
    "DIV": arithmetic.div,
    "DYNAMIC_UPDATE_SLICE": gathering.update_slice,
    "ELU": elementwise.unary,
    "EMBEDDING_LOOKUP": gathering.embedding_lookup,
    "EQUAL": pairwise.comparison,
    "EXP": elementwise.unary,
    "EXPAND_DIMS": movement.reshape,
    "FILL": strided.fill,
    "FLOOR": elementwise.unary,
    "FLOOR_DIV": pairwise.floor_div_or_mod,
    "FLOOR_MOD": pairwise.floor_div_or_mod,
    "FULLY_CONNECTED": fully_connected.fully_connected,
    "GATHER": gathering.gather,
    "GATHER_ND": gathering.gather_nd,
    "GREATER": pairwise.comparison,
    "GREATER_EQUAL": pairwise.comparison,
    "HARD_SWISH": elementwise.unary,
    "IF": control.if_,
    "L2_NORMALIZATION": reduction.l2_normalization,
    "L2_POOL_2D": pooling.pool_2d,
    "LEAKY_RELU": activation.leaky_relu,
    "LESS": pairwise.comparison,
    "LESS_EQUAL": pairwise.comparison,
    "LOG": elementwise.unary,
    "LOGICAL_AND": pairwise.logical,
    "LOGICAL_NOT": elementwise.logical_not,
    "LOGICAL_OR": pairwise.logical,
    "LOGISTIC": activation.sigmoid,
    "LOG_SOFTMAX": reduction.log_softmax,
    "MAXIMUM": pairwise.extreme,
    "MAX_POOL_2D": pooling.pool_2d,
    "MEAN": pooling.mean,
    "MINIMUM": pairwise.extreme,
    "MIRROR_PAD": gathering.mirror_pad,
    "MUL": arithmetic.mul,
    "NEG": elementwise.unary,
    "NOT_EQUAL": pairwise.comparison,
    "PACK": movement.pack,
    "PAD": movement.pad,
    "PADV2": movement.pad,
    "PRELU": pairwise.prelu,
    "QUANTIZE": conversion.quantize,
    "READ_VARIABLE": control.read_variable,
    "REDUCE_ALL": reduction.reduce_all,
    "REDUCE_MAX": reduction.reduce,
    "REDUCE_MIN": reduction.reduce,
    "RELU": activation.relu,
    "RELU6": activation.relu,
    "RESHAPE": movement.reshape,
    "RESIZE_BILINEAR": resize.resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": gathering.resize_nearest_neighbor,
    "REVERSE_V2": strided.reverse,
    "ROUND": elementwise.unary,
    "RSQRT": elementwise.unary,
    "SELECT_V2": pairwise.select,
    "SHAPE": folding.shape,
    "SIN": elementwise.unary,
    "SLICE": strided.slice_,
    "SOFTMAX": activation.softmax,
    "SPACE_TO_BATCH_ND": batches.space_to_batch,
    "SPACE_TO_DEPTH": strided.space_to_depth,
    "SPLIT": movement.split,
    "SPLIT_V": movement.split_v,
    "SQRT": elementwise.unary,
    "SQUARE": elementwise.unary,
    "SQUARED_DIFFERENCE": pairwise.squared_difference,
    "SQUEEZE": movement.reshape,
    "STRIDED_SLICE": movement.strided_slice,
    "SUB": arithmetic.sub,
    "SUM": reduction.sum_,
    "SVDF": svdf.svdf,
    "TFLite_Detection_PostProcess": detection.detection_postprocess,
    "TANH": activation.sigmoid,
    "TRANSPOSE": movement.transpose,
    "TRANSPOSE_CONV": transpose_conv.transpose_conv,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm.lstm,
    "UNPACK": movement.unpack,
    "VAR_HANDLE": control.var_handle,
    "SignalDelay": signal_frames.delay,
    "SignalEnergy": signal_spectrum.energy,
    "SignalFftAutoScale": signal_spectrum.auto_scale,
    "SignalFilterBank": signal_filter_bank.filter_bank,
    "SignalFilterBankLog": signal_filter_bank.log,
    "SignalFilterBankSpectralSubtraction": signal_filter_bank.spectral_subtraction,
    "SignalFilterBankSquareRoot": signal_filter_bank.square_root,
    "SignalFramer": signal_frames.framer,
    "SignalIrfft": signal_spectrum.irfft,
    "SignalOverlapAdd": signal_frames.overlap_add,
    "SignalPCAN": signal_filter_bank.pcan,
    "SignalRfft": signal_spectrum.rfft,
    "SignalStacker": signal_frames.stacker,
    "SignalWindow": signal_spectrum.window,
    "WHILE": control.while_,
    "ZEROS_LIKE": strided.zeros_like,
}


#: The kernel sets of this package.
SETS: Final = ("reference", "cortex_m_dsp", "cortex_m_mve", "rx_dsp")


def lowerings(
    kernels: str, replaced: Collection[str] = frozenset()
) -> Mapping[str, LoweringFunction]:
    """Return the lowering function of every operator for a board's kernel set.

    A set that has none of its own, such as a user's directory, has the reference set's
    prototypes.

    :param replaced: reference kernels that a user's own ones replace: what the reference set would
        run by one of these is lowered to it, whatever the board's set has.
    """
    own = {
        "cortex_m_dsp": dsp.LOWERINGS,
        "cortex_m_mve": dsp.LOWERINGS | mve.LOWERINGS,
        "rx_dsp": rx.LOWERINGS,
    }
    functions = own.get(kernels, {})
    if replaced:
        functions = {
            name: _replaceable(LOWERINGS[name], function, replaced)
            for name, function in functions.items()
        }
    return LOWERINGS | functions


def _replaceable(
    reference: LoweringFunction, function: LoweringFunction, replaced: Collection[str]
) -> LoweringFunction:
    """Return a lowering to a replaced kernel where the reference set would run that."""

    def lower(operator: Operator, lowering: Lowering) -> KernelCall | Alias | None:
        basis = reference(operator, without_constants(lowering))
        is_replaced = isinstance(basis, KernelCall) and basis.kernel in replaced
        return (reference if is_replaced else function)(operator, lowering)

    return lower


__all__ = ["LOWERINGS", "SETS", "LoweringFunction", "lowerings"]
