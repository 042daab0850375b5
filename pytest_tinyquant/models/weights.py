"""Exact facts about the weights that a model stores: zeros, different values, compressed size."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import Any

import numpy as np

from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Tensor


#: Operators with weights: the place of these among the inputs, and their axis of the outputs.
LAYERS = {
    "CONV_2D": (1, 0),
    "DEPTHWISE_CONV_2D": (1, 3),
    "FULLY_CONNECTED": (1, 0),
    "TRANSPOSE_CONV": (1, 0),
}


@dataclass(frozen=True)
class WeightFacts:
    """The weights of one layer as they are stored.

    :param label: the operator's, such as ``conv2d[0]``.
    :param sparsity: share of zeros, 0 to 1.
    :param unique: number of different values in the tensor.
    :param unique_per_output: the largest number of different values that one output has; a
        convolution with a scale per output has other values in each.
    """

    label: str
    op: str
    shape: tuple[int, ...]
    dtype: str
    sparsity: float
    unique: int
    unique_per_output: int


def weight_facts(graph: Graph) -> list[WeightFacts]:
    """Return the facts of every layer whose weights are constants, in execution order."""
    found = []
    for operator in graph.operators:
        if operator.op not in LAYERS:
            continue
        place, axis = LAYERS[operator.op]
        tensor = graph.tensors[operator.inputs[place]]
        if tensor.data is None:
            continue
        values = stored_values(tensor)
        rows = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
        found.append(
            WeightFacts(
                operator.label,
                operator.op,
                tensor.shape,
                tensor.dtype,
                float(np.mean(values == 0)),
                len(np.unique(values)),
                max(len(np.unique(row)) for row in rows),
            )
        )
    return found


def stored_values(tensor: Tensor) -> np.ndarray[Any, Any]:
    """Return a constant's values in its shape; two int4 of a byte as int8, the low half first."""
    if tensor.dtype != "int4":
        return tensor.array()
    packed = np.frombuffer(tensor.data or b"", np.int8)
    halves = np.stack([np.left_shift(packed, 4) >> 4, packed >> 4], axis=1).reshape(-1)
    return halves[: tensor.elements].reshape(tensor.shape)


def gzip_bytes(data: bytes) -> int:
    """Return the size of `data` compressed by gzip at its best, without name and time."""
    return len(gzip.compress(data, compresslevel=9, mtime=0))
