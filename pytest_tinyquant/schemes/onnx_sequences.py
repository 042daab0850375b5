"""Models of sequences [batch, channels, length]: rewritten as models of images of height 1.

TensorFlow Lite Micro has windows over images only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import Final

import numpy as np
from onnx import helper
from onnx import numpy_helper


_WINDOWS: Final = ("Conv", "QLinearConv", "MaxPool", "AveragePool", "QLinearAveragePool")
_OVER_AXES: Final = ("ReduceMean", "Squeeze")
_LENGTH: Final = 2  # of the axes

_WIDER: Final[dict[str, Callable[[list[int]], list[int]]]] = {
    "kernel_shape": lambda sizes: [1, *sizes],
    "strides": lambda sizes: [1, *sizes],
    "dilations": lambda sizes: [1, *sizes],
    "pads": lambda ends: [0, ends[0], 0, ends[1]],
}
_SIZES: Final = {"kernel_shape": 1, "strides": 1, "dilations": 1, "pads": 2}


def as_images(model: Any) -> Any:
    """Return the model as one of images if it takes sequences; else the model itself.

    :param model: an ``onnx.ModelProto``, which is not changed.
    """
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    if not any(len(value.type.tensor_type.shape.dim) == 3 for value in inputs):
        return model
    copy = type(model)()
    copy.CopyFrom(model)
    for value in copy.graph.input:
        sizes = value.type.tensor_type.shape.dim
        if value.name not in constants and len(sizes) == 3:
            length = sizes[_LENGTH].dim_value
            sizes[_LENGTH].dim_value = 1
            sizes.add().dim_value = length
    axes = set()
    for node in copy.graph.node:
        if node.op_type in _WINDOWS:
            _widen(node)
        if node.op_type in _OVER_AXES:
            axes |= set(node.input[1:2])
            _over_both(node)
    _reshape(copy.graph, axes)
    return copy


def _widen(node: Any) -> None:
    """Give a window a height of 1."""
    for entry in node.attribute:
        if len(entry.ints) == _SIZES.get(entry.name):
            wider = _WIDER[entry.name](list(entry.ints))
            del entry.ints[:]
            entry.ints.extend(wider)


def _over_both(node: Any) -> None:
    """Let an operator over the length work over height and length."""
    for entry in node.attribute:
        if entry.name == "axes" and list(entry.ints) in ([_LENGTH], [-1]):
            entry.CopyFrom(helper.make_attribute("axes", [2, 3]))


def _reshape(graph: Any, axes: set[str]) -> None:
    """Give the filters of convolutions a height of 1, and constant axes their second one."""
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.ndim == 3:
            wider = values[:, :, np.newaxis, :]
        elif tensor.name in axes and values.tolist() in ([_LENGTH], [-1]):
            wider = np.array([2, 3], values.dtype)
        else:
            continue
        tensor.CopyFrom(numpy_helper.from_array(wider, tensor.name))
