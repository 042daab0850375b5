"""The option table of every operator that the graph reader decodes.

Names are the fields of TensorFlow Lite's flatbuffer schema. An operator that stores no options
gets the schema's defaults, as it does in TensorFlow Lite itself.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import tflite

from pytest_tinyquant.errors import ModelError


def _names(enumeration: type) -> dict[int, str]:
    """Map the values of a generated flatbuffers enumeration to their names."""
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


_ACTIVATIONS = _names(tflite.ActivationFunctionType)
_PADDINGS = _names(tflite.Padding)
_MIRRORS = _names(tflite.MirrorPadMode)

# A table without any field: reading it yields the schema's defaults.
_EMPTY_TABLE = struct.pack("<HHi", 4, 4, 4)
_EMPTY_TABLE_POSITION = 4

_MAX_VECTOR = 16


def _positive(value: Any) -> int:
    if not 1 <= int(value) < 1 << 15:
        raise ModelError(f"{value} is not a size of at least 1")
    return int(value)


def _activation(value: Any) -> str:
    return _ACTIVATIONS[value]


def _padding(value: Any) -> str:
    return _PADDINGS[value]


def _mirror(value: Any) -> str:
    return _MIRRORS[value]


def _vector(value: Any) -> tuple[int, ...]:
    values = () if isinstance(value, int) else tuple(int(v) for v in value[: _MAX_VECTOR + 1])
    if len(values) > _MAX_VECTOR:
        raise ModelError(f"a list of more than {_MAX_VECTOR} numbers")
    return values


def _text(value: Any) -> str:
    return (value or b"").decode()


_Decoder = Callable[[Any], Any]

_ACTIVATION: dict[str, _Decoder] = {"fused_activation_function": _activation}
_STRIDES: dict[str, _Decoder] = {"padding": _padding, "stride_w": _positive, "stride_h": _positive}
_DILATION: dict[str, _Decoder] = {"dilation_w_factor": _positive, "dilation_h_factor": _positive}
_POOL: dict[str, _Decoder] = {
    **_STRIDES,
    "filter_width": _positive,
    "filter_height": _positive,
    **_ACTIVATION,
}
_ARITHMETIC: dict[str, _Decoder] = {**_ACTIVATION, "pot_scale_int16": bool}
_RESIZE: dict[str, _Decoder] = {"align_corners": bool, "half_pixel_centers": bool}
_LSTM: dict[str, _Decoder] = {
    **_ACTIVATION,
    "cell_clip": float,
    "proj_clip": float,
    "time_major": bool,
    "asymmetric_quantize_inputs": bool,
}

# Operator -> (name of its option table in the schema, field -> decoder).
OPTIONS: Mapping[str, tuple[str, Mapping[str, _Decoder]]] = {
    "FULLY_CONNECTED": (
        "FullyConnectedOptions",
        {**_ACTIVATION, "weights_format": int, "keep_num_dims": bool},
    ),
    "CONV_2D": ("Conv2DOptions", {**_STRIDES, **_DILATION, **_ACTIVATION}),
    "DEPTHWISE_CONV_2D": (
        "DepthwiseConv2DOptions",
        {**_STRIDES, **_DILATION, "depth_multiplier": int, **_ACTIVATION},
    ),
    "TRANSPOSE_CONV": ("TransposeConvOptions", {**_STRIDES, **_ACTIVATION}),
    "MAX_POOL_2D": ("Pool2DOptions", _POOL),
    "AVERAGE_POOL_2D": ("Pool2DOptions", _POOL),
    "L2_POOL_2D": ("Pool2DOptions", _POOL),
    **dict.fromkeys(
        ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ALL"),
        ("ReducerOptions", {"keep_dims": bool}),
    ),
    "ARG_MAX": ("ArgMaxOptions", {"output_type": int}),
    "ARG_MIN": ("ArgMinOptions", {"output_type": int}),
    "BATCH_MATMUL": ("BatchMatMulOptions", {"adj_x": bool, "adj_y": bool}),
    "CALL_ONCE": ("CallOnceOptions", {"init_subgraph_index": int}),
    "IF": ("IfOptions", {"then_subgraph_index": int, "else_subgraph_index": int}),
    "VAR_HANDLE": ("VarHandleOptions", {"container": _text, "shared_name": _text}),
    "WHILE": ("WhileOptions", {"cond_subgraph_index": int, "body_subgraph_index": int}),
    "CUMSUM": ("CumsumOptions", {"exclusive": bool, "reverse": bool}),
    "DEPTH_TO_SPACE": ("DepthToSpaceOptions", {"block_size": _positive}),
    "DIV": ("DivOptions", _ACTIVATION),
    "L2_NORMALIZATION": ("L2NormOptions", _ACTIVATION),
    "MIRROR_PAD": ("MirrorPadOptions", {"mode": _mirror}),
    "RESIZE_BILINEAR": ("ResizeBilinearOptions", _RESIZE),
    "RESIZE_NEAREST_NEIGHBOR": ("ResizeNearestNeighborOptions", _RESIZE),
    "SPACE_TO_DEPTH": ("SpaceToDepthOptions", {"block_size": _positive}),
    "SPLIT_V": ("SplitVOptions", {"num_splits": int}),
    "ADD": ("AddOptions", _ARITHMETIC),
    "SUB": ("SubOptions", _ARITHMETIC),
    "MUL": ("MulOptions", _ACTIVATION),
    "RESHAPE": ("ReshapeOptions", {"new_shape": _vector}),
    "SQUEEZE": ("SqueezeOptions", {"squeeze_dims": _vector}),
    "SOFTMAX": ("SoftmaxOptions", {"beta": float}),
    "LEAKY_RELU": ("LeakyReluOptions", {"alpha": float}),
    "CONCATENATION": ("ConcatenationOptions", {"axis": int, **_ACTIVATION}),
    "SPLIT": ("SplitOptions", {"num_splits": int}),
    "STRIDED_SLICE": (
        "StridedSliceOptions",
        {
            "begin_mask": int,
            "end_mask": int,
            "ellipsis_mask": int,
            "new_axis_mask": int,
            "shrink_axis_mask": int,
            "offset": bool,
        },
    ),
    "PACK": ("PackOptions", {"values_count": int, "axis": int}),
    "UNPACK": ("UnpackOptions", {"num": int, "axis": int}),
    "SHAPE": ("ShapeOptions", {"out_type": int}),
    "CAST": ("CastOptions", {"in_data_type": int, "out_data_type": int}),
    "GATHER": ("GatherOptions", {"axis": int, "batch_dims": int}),
    "SVDF": ("SVDFOptions", {"rank": int, **_ACTIVATION, "asymmetric_quantize_inputs": bool}),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": ("UnidirectionalSequenceLSTMOptions", _LSTM),
}


def read_options(operator: Any, op: str) -> dict[str, Any]:
    """Decode the options of a flatbuffer `operator` named `op`.

    Operators without an entry in :data:`OPTIONS` give an empty dict. Raises
    :class:`ModelError` for options of another operator and for values outside the schema.
    """
    if op not in OPTIONS:
        return {}
    table_name, fields = OPTIONS[op]
    stored = operator.BuiltinOptionsType()
    options = getattr(tflite, table_name)()
    if stored == tflite.BuiltinOptions.NONE:
        if any(decode is _positive for decode in fields.values()):
            raise ModelError("it has no options")
        options.Init(_EMPTY_TABLE, _EMPTY_TABLE_POSITION)
    elif stored == getattr(tflite.BuiltinOptions, table_name):
        table = operator.BuiltinOptions()
        if table is None:
            raise ModelError("its options are missing")
        options.Init(table.Bytes, table.Pos)
    else:
        raise ModelError(f"its options are those of another operator (type {stored})")
    return {field: _read_field(options, field, decode) for field, decode in fields.items()}


def _read_field(options: Any, field: str, decode: _Decoder) -> Any:
    method = "".join(part.capitalize() for part in field.split("_"))
    if decode is _vector:
        method += "AsNumpy"
    value = getattr(options, method)()
    try:
        return decode(value)
    except (KeyError, ModelError) as error:
        raise ModelError(f"its option {field} is {value}: {error}") from None
