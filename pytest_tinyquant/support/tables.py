"""Which operators each runtime runs, on which types: data, no code.

An entry maps an operator to the type combinations it accepts, in the order of its roles
(:data:`ROLES`, one "input" if not listed there). An empty tuple accepts every type.

TFLM's table is measured: one-operator models given to the tflite-micro wheel, which must both
allocate and invoke them. tests/generator/probe.py does that and writes the table.
"""

from __future__ import annotations

from collections.abc import Mapping

from pytest_tinyquant.support.tflm_table import TABLE
from pytest_tinyquant.support.tflm_table import TYPES


Combinations = tuple[tuple[str, ...], ...]

_ANY: Combinations = ()
_ARITHMETIC: Combinations = (("float32",), ("int8",), ("int16",))
_WITH_INT32: Combinations = (*_ARITHMETIC, ("int32",))
_LAYERS_WITH_INT4: Combinations = (
    ("float32", "float32"),
    ("int8", "int8"),
    ("int8", "int4"),
    ("int16", "int8"),
)
_LAYERS: Combinations = (("float32", "float32"), ("int8", "int8"), ("int16", "int8"))
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

# Operators of control flow and resources, which work on whatever tensors there are.
_UNTYPED = ("ASSIGN_VARIABLE", "CALL_ONCE", "IF", "READ_VARIABLE", "VAR_HANDLE", "WHILE")


def _measured(combinations: Combinations) -> Combinations:
    """Return what an operator takes; every type if it took all that were tried."""
    return _ANY if len(combinations) == len(TYPES) and len(combinations[0]) == 1 else combinations


TFLM: Mapping[str, Combinations] = {
    **dict.fromkeys(_UNTYPED, _ANY),
    **{op: _measured(combinations) for op, combinations in TABLE.items()},
}

_MOVED: Combinations = (*_WITH_INT32, ("uint8",), ("bool",))

# What TensorFlow Lite Micro runs, but not as the file says, or the engine has no kernel for.
_WITHOUT: Mapping[str, Combinations] = {
    "BROADCAST_ARGS": (("int64",),),
    "BROADCAST_TO": (("float16",),),
    # It compares int16 with factors that it never sets.
    "GREATER": (("int16",),),
    **dict.fromkeys(
        ("LOGICAL_AND", "LOGICAL_OR"),
        tuple((dtype,) for dtype in TYPES if dtype != "bool"),
    ),
    "PRELU": (
        ("float32", "int8"),
        ("float32", "int16"),
        ("int8", "float32"),
        ("int8", "int16"),
    ),
}

# Operators with the types of TensorFlow Lite Micro's kernels, since there is nothing else to
# compare the engine's with.
_AS_TFLM = (
    "ABS", "ADD_N", "ARG_MAX", "ARG_MIN", "BATCH_MATMUL", "BATCH_TO_SPACE_ND", "BROADCAST_ARGS",
    "BROADCAST_TO", "CAST", "CEIL", "COS", "CUMSUM", "DEPTH_TO_SPACE", "DIV",
    "DYNAMIC_UPDATE_SLICE", "ELU", "EMBEDDING_LOOKUP", "EQUAL", "EXP", "FILL", "FLOOR",
    "FLOOR_DIV", "FLOOR_MOD", "GATHER", "GATHER_ND", "GREATER", "GREATER_EQUAL", "HARD_SWISH",
    "L2_NORMALIZATION", "L2_POOL_2D", "LESS", "LESS_EQUAL", "LOG", "LOGICAL_AND", "LOGICAL_NOT",
    "LOGICAL_OR", "LOG_SOFTMAX", "MAXIMUM", "MINIMUM", "MIRROR_PAD", "NEG", "NOT_EQUAL", "PAD",
    "PADV2", "PRELU", "QUANTIZE", "REDUCE_ALL", "REDUCE_MAX", "REDUCE_MIN", "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "ROUND", "RSQRT", "SELECT_V2", "SIN", "SLICE",
    "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH", "SPLIT_V", "SQRT", "SQUARE", "SQUARED_DIFFERENCE",
    "SUM", "ZEROS_LIKE",
)  # fmt: skip

TINYQUANT: Mapping[str, Combinations] = {
    **_COMMON,
    **dict.fromkeys(_UNTYPED, _ANY),
    **{
        op: tuple(types for types in TABLE[op] if types not in _WITHOUT.get(op, ()))
        for op in _AS_TFLM
    },
    "ADD": _WITH_INT32,
    "CONCATENATION": (*_MOVED, ("int64",)),
    "CONV_2D": _LAYERS_WITH_INT4,
    "DEPTHWISE_CONV_2D": _LAYERS_WITH_INT4,
    "DEQUANTIZE": (("int8",), ("int16",), ("uint8",)),
    "EXPAND_DIMS": _ANY,
    "FULLY_CONNECTED": _LAYERS_WITH_INT4,
    "MUL": _WITH_INT32,
    "PACK": (*_MOVED, ("int64",)),
    "SHAPE": _ANY,
    "SPLIT": _MOVED,
    "STRIDED_SLICE": _MOVED,
    "SUB": _WITH_INT32,
    "SVDF": _SVDF,
    "TRANSPOSE": _MOVED,
    "TRANSPOSE_CONV": _TRANSPOSE_CONV,
    "UNPACK": _MOVED,
}
