"""Every operator of the engine, with the element types it is drawn in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from drawn_layers import detection
from drawn_layers import elementwise
from drawn_layers import mathematics
from drawn_layers import movement
from drawn_layers import pairs
from drawn_layers import places
from drawn_layers import recurrent
from drawn_layers import reductions
from drawn_layers import signals
from drawn_layers import windows
from drawn_layers.draw import Draw
from drawn_layers.draw import Layer


FLOAT32, INT8, INT16 = DTYPES = ("float32", "int8", "int16")
CAST_TYPES = (*DTYPES, "int32", "bool")


@dataclass(frozen=True)
class Variant:
    """One way to draw layers of the family `op`; `name` says which, beginning with the type."""

    op: str
    name: str
    _draw: partial[Layer]

    def draw(self, draw: Draw) -> Layer:
        return self._draw(draw, self.name.partition("-")[0])

    def drawn_as(self, draw: Draw, dtype: str) -> Layer:
        """Draw a layer in the way of this variant, but of another type."""
        return self._draw(draw, dtype)

    @property
    def drawn_by(self) -> str:
        """What tells two ways to draw apart, whatever the type."""
        return f"{self._draw.func.__name__} {self._draw.keywords}"

    def __str__(self) -> str:
        return f"{self.op.lower()}-{self.name}"


def _family(family: str, draw: Any, *names: str, **given: Any) -> Iterator[Variant]:
    for name in names or DTYPES:
        yield Variant(family, name, partial(draw, **given))


def _all() -> Iterator[Variant]:
    yield from _family("CONV_2D", windows.conv_2d)
    yield from _family("CONV_2D", windows.conv_2d_with_int32_bias, "int16-int32_bias")
    yield from _family("DEPTHWISE_CONV_2D", windows.depthwise_conv_2d)
    yield from _family("FULLY_CONNECTED", windows.fully_connected)
    names: tuple[str, ...] = ("int8-per_channel", "int16-per_channel")
    yield from _family("FULLY_CONNECTED", windows.fully_connected, *names, per_channel=True)
    for op in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
        yield from _family(op, windows.int4_weights, "int8-int4_weights", op=op)
    names = tuple(f"{dtype}-grouped" for dtype in DTYPES)
    yield from _family("CONV_2D", windows.grouped_conv_2d, *names)
    for op in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
        yield from _family(op, windows.pool_2d, op=op)
    yield from _family("TRANSPOSE_CONV", windows.transpose_conv)
    yield from _family("MEAN", windows.mean)
    for op in ("ADD", "SUB", "MUL"):
        yield from _family(op, elementwise.two_inputs, op=op)
    names = tuple(f"{dtype}-constant" for dtype in DTYPES)
    for op in ("ADD", "MUL"):
        yield from _family(op, elementwise.constant_operand, *names, op=op)
    for op in ("ADD", "SUB"):
        yield from _family(op, elementwise.many_elements, "int16-many", op=op)
    yield from _family("SOFTMAX", elementwise.softmax)
    for op in ("LOGISTIC", "TANH"):
        yield from _family(op, elementwise.sigmoid, op=op)
    for op in ("RELU", "RELU6"):
        yield from _family(op, elementwise.relu, op=op)
    yield from _family("LEAKY_RELU", elementwise.leaky_relu)
    for to in (INT8, INT16):
        names = (f"int8-to_{to}", f"int16-to_{to}")
        yield from _family("QUANTIZE", elementwise.requantize, *names, to=to)
    yield from _family("QUANTIZE", elementwise.quantize, "int8-from_float", "int16-from_float")
    yield from _family("DEQUANTIZE", elementwise.dequantize, INT8, INT16)
    yield from _family("PAD", movement.pad, *DTYPES, "int32")
    yield from _family("TRANSPOSE", movement.transpose)
    yield from _family("STRIDED_SLICE", movement.strided_slice)
    yield from _family("CONCATENATION", movement.concatenation, *DTYPES, "int32", "int64")
    yield from _family("SPLIT", movement.split)
    yield from _family("PACK", movement.pack, FLOAT32, INT8, INT16, "int32", "int64")
    yield from _family("UNPACK", movement.unpack, FLOAT32, INT8)
    yield from _family("RESHAPE", movement.reshape)
    yield from _family("SQUEEZE", movement.squeeze)
    yield from _family("EXPAND_DIMS", movement.expand_dims)
    yield from _family("PADV2", movement.padv2, *DTYPES, "int32")
    yield from _family("SVDF", recurrent.svdf, FLOAT32, INT8)
    yield from _family("SVDF", recurrent.svdf, "int8-int16_state", time_dtype=INT16)
    yield from _family("UNIDIRECTIONAL_SEQUENCE_LSTM", recurrent.lstm)
    yield from _mathematics()
    yield from _pairs()
    yield from _reductions()
    yield from _places()
    yield from _custom()


def _custom() -> Iterator[Variant]:
    yield from _family("TFLite_Detection_PostProcess", detection.detection, "float32-fast")
    names: tuple[str, ...] = ("float32-regular",)
    yield from _family("TFLite_Detection_PostProcess", detection.detection, *names, regular=True)
    for name, draw in signals.DRAWS.items():
        yield from _family(f"Signal{name}", draw, INT16)
    for name in ("Rfft", "Irfft"):
        names = (INT16, "int32", FLOAT32)
        yield from _family(f"Signal{name}", signals.fft, *names, op=f"Signal{name}")
    yield from _family("SignalOverlapAdd", signals.overlap_add, INT16, FLOAT32)


def _mathematics() -> Iterator[Variant]:
    for op in ("ABS", "ELU", "RSQRT"):
        names: tuple[str, ...] = (FLOAT32, INT8) if op == "ELU" else DTYPES
        yield from _family(op, mathematics.unary, *names, op=op)
    for op in ("CEIL", "COS", "EXP", "FLOOR", "LOG", "NEG", "ROUND", "SIN", "SQRT", "SQUARE"):
        yield from _family(op, mathematics.unary, FLOAT32, op=op)
    yield from _family("HARD_SWISH", mathematics.hard_swish, FLOAT32, INT8)
    yield from _family("LOGICAL_NOT", mathematics.logical_not, "bool")
    for to in CAST_TYPES:
        names = tuple(f"{dtype}-to_{to}" for dtype in CAST_TYPES)
        yield from _family("CAST", mathematics.cast, *names, to=to)
    yield from _family("QUANTIZE", elementwise.requantize, "int8-to_uint8", to="uint8")
    yield from _family("QUANTIZE", elementwise.requantize, "uint8-to_int8", to=INT8)
    names = ("int8-to_int32", "int16-to_int32")
    yield from _family("QUANTIZE", elementwise.requantize, *names, to="int32")
    for to in (INT8, INT16):
        yield from _family("QUANTIZE", elementwise.requantize, f"int32-to_{to}", to=to)
    yield from _family("DEQUANTIZE", elementwise.dequantize, "uint8")
    yield from _family("LOG_SOFTMAX", mathematics.log_softmax, FLOAT32, INT8)
    yield from _family("L2_NORMALIZATION", mathematics.l2_normalization, FLOAT32, INT8)


def _pairs() -> Iterator[Variant]:
    for op in ("MAXIMUM", "MINIMUM"):
        yield from _family(op, pairs.pair, *DTYPES, "int32", "int64", op=op)
    for op in ("FLOOR_DIV", "FLOOR_MOD"):
        yield from _family(op, pairs.pair, FLOAT32, op=op)
    yield from _family("SQUARED_DIFFERENCE", pairs.pair, *DTYPES, "int32", op="SQUARED_DIFFERENCE")
    yield from _family("DIV", pairs.pair, FLOAT32, INT8, "int32", op="DIV")
    for op in ("ADD", "SUB", "MUL"):
        yield from _family(op, pairs.pair, "int32", op=op)
    for op in ("LOGICAL_AND", "LOGICAL_OR"):
        yield from _family(op, pairs.pair, "bool", op=op)
    for op in ("EQUAL", "NOT_EQUAL"):
        yield from _family(op, pairs.comparison, "bool", op=op)
    for op in ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"):
        yield from _family(op, pairs.comparison, FLOAT32, INT8, "int32", "int64", op=op)
    yield from _family("PRELU", pairs.prelu)
    yield from _family("SELECT_V2", pairs.select)
    yield from _family("ADD_N", pairs.add_n, FLOAT32, INT8)


def _reductions() -> Iterator[Variant]:
    for op in ("REDUCE_MAX", "REDUCE_MIN"):
        yield from _family(op, reductions.reduce, FLOAT32, INT8, op=op, same_scale=True)
    yield from _family("REDUCE_ALL", reductions.reduce, "bool", op="REDUCE_ALL")
    for op in ("SUM", "MEAN"):
        names = tuple(f"{dtype}-axes" for dtype in DTYPES)
        yield from _family(op, reductions.reduce, *names, op=op)
        names = ("int8-same_scale", "int16-same_scale")
        yield from _family(op, reductions.reduce, *names, op=op, same_scale=True)
    for op in ("ARG_MAX", "ARG_MIN"):
        yield from _family(op, reductions.arg, FLOAT32, INT8, op=op)
    yield from _family("CUMSUM", reductions.cumsum, FLOAT32, INT8)
    yield from _family("L2_POOL_2D", reductions.l2_pool, FLOAT32)
    yield from _family("BATCH_MATMUL", reductions.batch_matmul)
    names = tuple(f"{dtype}-constant" for dtype in DTYPES)
    yield from _family("BATCH_MATMUL", reductions.batch_matmul, *names, constant=True)


def _places() -> Iterator[Variant]:
    moved = (*DTYPES, "int32")
    yield from _family("SPLIT_V", places.split_v, *moved)
    yield from _family("SLICE", places.slice_, *moved, "bool")
    yield from _family("REVERSE_V2", places.reverse, *moved)
    yield from _family("BROADCAST_TO", places.broadcast_to, *moved)
    yield from _family("FILL", places.fill, FLOAT32, INT8, "int32")
    yield from _family("ZEROS_LIKE", places.zeros_like, FLOAT32, INT8, "int32", "int64")
    yield from _family("SHAPE", places.shape, *moved)
    yield from _family("DEPTH_TO_SPACE", places.depth_to_space, FLOAT32, INT8)
    yield from _family("SPACE_TO_DEPTH", places.space_to_depth, FLOAT32, INT8)
    yield from _family("SPACE_TO_BATCH_ND", places.space_to_batch, FLOAT32, INT8)
    yield from _family("BATCH_TO_SPACE_ND", places.batch_to_space, FLOAT32, INT8)
    yield from _family("MIRROR_PAD", places.mirror_pad, FLOAT32, INT8)
    yield from _family("RESIZE_BILINEAR", places.resize, FLOAT32, INT8, op="RESIZE_BILINEAR")
    op = "RESIZE_NEAREST_NEIGHBOR"
    yield from _family(op, places.resize, op=op)
    yield from _family("GATHER", places.gather, FLOAT32, INT8)
    names = ("float32-constant", "int8-constant")
    yield from _family("GATHER", places.gather, *names, constant=True)
    yield from _family("GATHER_ND", places.gather_nd, FLOAT32, INT8)
    yield from _family("EMBEDDING_LOOKUP", places.embedding_lookup, FLOAT32, INT8)
    yield from _family("EMBEDDING_LOOKUP", places.embedding_lookup, "int8-to_float32", to=FLOAT32)
    yield from _family("DYNAMIC_UPDATE_SLICE", places.update_slice, *moved)
    yield from _family("BROADCAST_ARGS", places.broadcast_args, "int32")


VARIANTS = tuple(_all())

# Those with state; a libm other than TensorFlow Lite Micro's gives float LSTMs other bits.
STATEFUL = tuple(
    variant
    for variant in VARIANTS
    if variant.op in {"SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM", "SignalDelay"}
    and str(variant) != "unidirectional_sequence_lstm-float32"
)
