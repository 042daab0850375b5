"""Every operator of the engine, with the element types it is drawn in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from drawn_layers import elementwise
from drawn_layers import movement
from drawn_layers import recurrent
from drawn_layers import windows
from drawn_layers.draw import Draw
from drawn_layers.draw import Layer


FLOAT32, INT8, INT16 = DTYPES = ("float32", "int8", "int16")


@dataclass(frozen=True)
class Variant:
    """One way to draw layers of the family `op`; `name` says which, beginning with the type."""

    op: str
    name: str
    _draw: Any

    def draw(self, draw: Draw) -> Layer:
        return self._draw(draw, self.name.partition("-")[0])

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
    names = ("int8-per_channel", "int16-per_channel")
    yield from _family("FULLY_CONNECTED", windows.fully_connected, *names, per_channel=True)
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
    yield from _family("PAD", movement.pad)
    yield from _family("TRANSPOSE", movement.transpose)
    yield from _family("STRIDED_SLICE", movement.strided_slice)
    yield from _family("CONCATENATION", movement.concatenation)
    yield from _family("SPLIT", movement.split)
    yield from _family("PACK", movement.pack, FLOAT32, INT8)
    yield from _family("UNPACK", movement.unpack, FLOAT32, INT8)
    yield from _family("RESHAPE", movement.reshape)
    yield from _family("SVDF", recurrent.svdf, FLOAT32, INT8)
    yield from _family("SVDF", recurrent.svdf, "int8-int16_state", time_dtype=INT16)
    yield from _family("UNIDIRECTIONAL_SEQUENCE_LSTM", recurrent.lstm)


VARIANTS = tuple(_all())

# Those with state; a libm other than TensorFlow Lite Micro's gives float LSTMs other bits.
STATEFUL = tuple(
    variant
    for variant in VARIANTS
    if variant.op in {"SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM"}
    and str(variant) != "unidirectional_sequence_lstm-float32"
)
