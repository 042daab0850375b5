"""Which operators each runtime runs, on which types: data, no code.

An entry maps an operator to the type combinations it accepts, in the order of its roles
(:data:`ROLES`, one "input" if not listed there). An empty tuple accepts every type.

TFLM's table is measured: one-operator models given to the tflite-micro wheel, which must both
allocate and invoke them. tests/unit/support/test_support.py repeats that.
"""

from __future__ import annotations

from collections.abc import Mapping


Combinations = tuple[tuple[str, ...], ...]

# Role name -> (list of the operator's tensors it is taken from, position there).
Roles = Mapping[str, tuple[str, int]]

_INPUT: Roles = {"input": ("inputs", 0)}
_WEIGHTS: Roles = {"input": ("inputs", 0), "weights": ("inputs", 1)}
_CONVERSION: Roles = {"input": ("inputs", 0), "output": ("outputs", 0)}

DEFAULT_ROLES: Roles = _INPUT
ROLES: Mapping[str, Roles] = {
    "FULLY_CONNECTED": _WEIGHTS,
    "CONV_2D": _WEIGHTS,
    "DEPTHWISE_CONV_2D": _WEIGHTS,
    "QUANTIZE": _CONVERSION,
    "SPLIT": {"input": ("inputs", 1)},
    "SVDF": {
        "input": ("inputs", 0),
        "feature weights": ("inputs", 1),
        "time weights": ("inputs", 2),
        "bias": ("inputs", 3),
        "state": ("inputs", 4),
    },
    "TRANSPOSE_CONV": {
        "input": ("inputs", 2),
        "weights": ("inputs", 1),
        "bias": ("inputs", 3),
    },
    "UNIDIRECTIONAL_SEQUENCE_LSTM": {
        "input": ("inputs", 0),
        "weights": ("inputs", 2),
        "cell state": ("inputs", 19),
    },
}

_ANY: Combinations = ()
_ARITHMETIC: Combinations = (("float32",), ("int8",), ("int16",))
_WITH_INT32: Combinations = (*_ARITHMETIC, ("int32",))
_LAYERS: Combinations = (("float32", "float32"), ("int8", "int8"), ("int16", "int8"))
_REQUANTIZE: Combinations = (
    ("float32", "int8"),
    ("float32", "int16"),
    ("int8", "int8"),
    ("int8", "int16"),
    ("int16", "int8"),
    ("int16", "int16"),
)

_SVDF: Combinations = (
    ("float32",) * 5,
    ("int8", "int8", "int8", "int32", "int8"),
    ("int8", "int8", "int16", "int32", "int16"),
)
_LSTM: Combinations = (
    ("float32", "float32", "float32"),
    ("int8", "int8", "int16"),
    ("int16", "int8", "int16"),
)
_TRANSPOSE_CONV: Combinations = (
    ("float32", "float32", "float32"),
    ("float32", "float32", "missing"),
    ("int8", "int8", "int32"),
    ("int8", "int8", "missing"),
    ("int16", "int8", "int64"),
    ("int16", "int8", "missing"),
)

# The float and integer operators both runtimes have in common.
_COMMON: Mapping[str, Combinations] = {
    "AVERAGE_POOL_2D": _ARITHMETIC,
    "LEAKY_RELU": _ARITHMETIC,
    "LOGISTIC": _ARITHMETIC,
    "MAX_POOL_2D": _ARITHMETIC,
    "MEAN": _ARITHMETIC,
    "RELU": _ARITHMETIC,
    "RELU6": _ARITHMETIC,
    "RESHAPE": _ANY,
    "SOFTMAX": _ARITHMETIC,
    "SQUEEZE": _ANY,
    "TANH": _ARITHMETIC,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _LSTM,
}

# Registered in the wheel; which types each of these takes has not been measured.
_TFLM_UNMEASURED = (
    "ABS", "ADD_N", "ARG_MAX", "ARG_MIN", "ASSIGN_VARIABLE", "BATCH_MATMUL",
    "BATCH_TO_SPACE_ND", "BROADCAST_ARGS", "BROADCAST_TO", "CALL_ONCE", "CAST", "CEIL", "COS",
    "CUMSUM", "DEPTH_TO_SPACE", "DIV", "DYNAMIC_UPDATE_SLICE", "ELU", "EMBEDDING_LOOKUP",
    "EQUAL", "EXP", "FILL", "FLOOR", "FLOOR_DIV", "FLOOR_MOD", "GATHER", "GATHER_ND", "GREATER",
    "GREATER_EQUAL", "HARD_SWISH", "IF", "L2_NORMALIZATION", "L2_POOL_2D", "LESS", "LESS_EQUAL",
    "LOG", "LOGICAL_AND", "LOGICAL_NOT", "LOGICAL_OR", "LOG_SOFTMAX", "MAXIMUM", "MINIMUM",
    "MIRROR_PAD", "NEG", "NOT_EQUAL", "PADV2", "PRELU", "READ_VARIABLE", "REDUCE_ALL",
    "REDUCE_MAX", "REDUCE_MIN", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2",
    "ROUND", "RSQRT", "SELECT_V2", "SHAPE", "SIN", "SLICE", "SPACE_TO_BATCH_ND",
    "SPACE_TO_DEPTH", "SPLIT_V", "SQRT", "SQUARE", "SQUARED_DIFFERENCE", "SUM", "VAR_HANDLE",
    "WHILE", "ZEROS_LIKE",
)  # fmt: skip

TFLM: Mapping[str, Combinations] = {
    **dict.fromkeys(_TFLM_UNMEASURED, _ANY),
    **_COMMON,
    "ADD": _WITH_INT32,
    "CONCATENATION": (*_WITH_INT32, ("int64",), ("bool",)),
    "CONV_2D": (*_LAYERS, ("int8", "int4")),
    "DEPTHWISE_CONV_2D": (*_LAYERS, ("int8", "int4")),
    "DEQUANTIZE": (("int8",), ("int16",), ("uint8",)),
    "EXPAND_DIMS": _ARITHMETIC,
    "FULLY_CONNECTED": (*_LAYERS, ("int8", "int4")),
    "MUL": _WITH_INT32,
    "PACK": (*_WITH_INT32, ("int64",)),
    "PAD": _WITH_INT32,
    "QUANTIZE": (
        *_REQUANTIZE,
        ("int8", "uint8"),
        ("int8", "int32"),
        ("int16", "int32"),
        ("uint8", "int8"),
        ("int32", "int8"),
        ("int32", "int16"),
    ),
    "SPLIT": _WITH_INT32,
    "STRIDED_SLICE": (*_WITH_INT32, ("bool",)),
    "SUB": _WITH_INT32,
    # The time weights' type decides, whatever that of the state is.
    "SVDF": (
        *_SVDF,
        ("int8", "int8", "int8", "int32", "int16"),
        ("int8", "int8", "int16", "int32", "int8"),
    ),
    "TRANSPOSE": _ARITHMETIC,
    # It takes an int32 bias for int64 values.
    "TRANSPOSE_CONV": (
        *_TRANSPOSE_CONV,
        ("int16", "int8", "int16"),
        ("int16", "int8", "int32"),
    ),
    # It does not compare the cell state's type with the input's.
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (
        *_LSTM,
        ("float32", "float32", "int16"),
        ("int8", "int8", "float32"),
        ("int16", "int8", "float32"),
    ),
    "UNPACK": _WITH_INT32,
}

_MOVED: Combinations = (*_WITH_INT32, ("uint8",), ("bool",))

TINYQUANT: Mapping[str, Combinations] = {
    **_COMMON,
    "ADD": _ARITHMETIC,
    "CONCATENATION": _MOVED,
    "CONV_2D": _LAYERS,
    "DEPTHWISE_CONV_2D": _LAYERS,
    "DEQUANTIZE": (("int8",), ("int16",)),
    "EXPAND_DIMS": _ANY,
    "FULLY_CONNECTED": _LAYERS,
    "MUL": _ARITHMETIC,
    "PACK": _MOVED,
    "PAD": _ARITHMETIC,
    "PADV2": _ARITHMETIC,
    "QUANTIZE": _REQUANTIZE,
    "SPLIT": _MOVED,
    "STRIDED_SLICE": _MOVED,
    "SUB": _ARITHMETIC,
    "SVDF": _SVDF,
    "TRANSPOSE": _MOVED,
    "TRANSPOSE_CONV": _TRANSPOSE_CONV,
    "UNPACK": _MOVED,
}
