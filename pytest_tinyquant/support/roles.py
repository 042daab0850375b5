"""Which tensors of an operator decide on the kernel it needs, by the role they play."""

from __future__ import annotations

from collections.abc import Mapping


# Role name -> (list of the operator's tensors it is taken from, position there).
Roles = Mapping[str, tuple[str, int]]

_INPUT: Roles = {"input": ("inputs", 0)}
_WEIGHTS: Roles = {"input": ("inputs", 0), "weights": ("inputs", 1)}
_CONVERSION: Roles = {"input": ("inputs", 0), "output": ("outputs", 0)}

_INDEXED: Roles = {"input": ("inputs", 0), "indices": ("inputs", 1)}

DEFAULT_ROLES: Roles = _INPUT
ROLES: Mapping[str, Roles] = {
    "FULLY_CONNECTED": _WEIGHTS,
    "CONV_2D": _WEIGHTS,
    "DEPTHWISE_CONV_2D": _WEIGHTS,
    "QUANTIZE": _CONVERSION,
    "CAST": _CONVERSION,
    "ARG_MAX": _CONVERSION,
    "ARG_MIN": _CONVERSION,
    "EMBEDDING_LOOKUP": {"table": ("inputs", 1), "output": ("outputs", 0)},
    "FILL": {"value": ("inputs", 1)},
    "GATHER": _INDEXED,
    "GATHER_ND": _INDEXED,
    "PRELU": {"input": ("inputs", 0), "alpha": ("inputs", 1)},
    "SELECT_V2": {"input": ("inputs", 1)},
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
