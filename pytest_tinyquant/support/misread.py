"""What TensorFlow Lite Micro computes otherwise than a model's file says, without a word.

It takes these files, Invoke says OK, and the outputs are those of another model: a regression test
would record them and hold the user to them. Each rule was found by giving the tflite-micro package
one-operator models and comparing it with TensorFlow Lite's interpreter and with the arithmetic
itself; tests/unit/support/test_misread.py repeats that.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Subgraph
from pytest_tinyquant.models.graph import Tensor


#: Layers whose kernels read a scale per output: place of the weights, their axis of the outputs.
_LAYERS = {
    "CONV_2D": (1, 0),
    "DEPTHWISE_CONV_2D": (1, 3),
    "FULLY_CONNECTED": (1, 0),
    "TRANSPOSE_CONV": (1, 0),
}

#: Inputs that carry the product of two scales, which no kernel reads.
_BIASES = {
    "CONV_2D": 2,
    "DEPTHWISE_CONV_2D": 2,
    "FULLY_CONNECTED": 2,
    "TRANSPOSE_CONV": 3,
}

#: Layers that take a bias of int32 beside int16 activations for one of int64.
_WIDE_BIASES = ("DEPTHWISE_CONV_2D", "TRANSPOSE_CONV")

#: Operators that move values and never look at a scale.
_MOVERS = frozenset(
    {
        "BATCH_TO_SPACE_ND", "BROADCAST_TO", "DEPTH_TO_SPACE", "EXPAND_DIMS", "GATHER",
        "GATHER_ND", "RESHAPE", "REVERSE_V2", "SHAPE", "SLICE", "SPACE_TO_BATCH_ND",
        "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "TRANSPOSE", "UNPACK",
    }
)  # fmt: skip


def check_read_as_written(graph: Graph) -> None:
    """Check that TensorFlow Lite Micro computes what the file says.

    :raises UnsupportedModelError: it would take the model for another one.
    """
    operators = [(part, operator) for part in graph.parts() for operator in part.operators]
    for part, operator in operators:
        for reason in _misreadings(part, operator):
            dtype = part.input_dtype(operator)
            raise UnsupportedModelError(
                f"TensorFlow Lite Micro would run {operator.label} and say OK, but "
                f"compute something else than the file says: {reason}. Convert the model "
                "with another scheme or in another way; a board with another runtime may read it "
                "right.",
                op=operator.op,
                dtype=dtype,
                reason=reason,
            )


def _misreadings(graph: Subgraph, operator: Operator) -> Iterator[str]:
    """Yield what is read wrong of `operator`."""
    yield from _several_scales(graph, operator)
    if operator.op in _LAYERS:
        yield from _layer(graph, operator)


def _several_scales(graph: Subgraph, operator: Operator) -> Iterator[str]:
    """Yield tensors with a scale per channel where one scale, the first, is taken for all."""
    if operator.op in _MOVERS:
        return
    readers = {_LAYERS.get(operator.op, (-1, 0))[0], _BIASES.get(operator.op, -1)}
    places = [i for place, i in enumerate(operator.inputs) if place not in readers and i >= 0]
    for index in (*places, *operator.outputs):
        tensor = graph.tensors[index]
        scales = tensor.quantization.scales if tensor.quantization else ()
        if len(set(scales)) > 1:
            yield f"its tensor {tensor.name!r} has {len(scales)} scales, the first is taken for all"


def _layer(graph: Subgraph, operator: Operator) -> Iterator[str]:
    """Yield what is wrong with the weights, activations and bias of a layer."""
    place, axis = _LAYERS[operator.op]
    weights = graph.tensors[operator.inputs[place]]
    yield from _weights(operator, weights, axis)
    source = graph.tensors[operator.inputs[2 if operator.op == "TRANSPOSE_CONV" else 0]]
    if source.dtype == "int16" and operator.op != "FULLY_CONNECTED":
        for tensor in (source, graph.tensors[operator.outputs[0]]):
            if tensor.quantization and any(tensor.quantization.zero_points):
                yield f"int16 tensor {tensor.name!r} has a zero point other than 0, taken for 0"
        bias = operator.inputs[_BIASES[operator.op]] if len(operator.inputs) > place + 1 else -1
        if operator.op in _WIDE_BIASES and bias >= 0 and graph.tensors[bias].dtype == "int32":
            yield f"its bias {graph.tensors[bias].name!r} is int32, and is read as int64"


def _weights(operator: Operator, weights: Tensor, axis: int) -> Iterator[str]:
    """Yield what is wrong with how the weights are quantized or stored."""
    if operator.options.get("weights_format"):
        yield "its weights are stored shuffled, and are read in the usual order"
    quantization = weights.quantization
    if quantization is None:
        return
    # Dense layers subtract zero points, those of weights if they have one scale; no other does.
    reads_zero_point = operator.op == "FULLY_CONNECTED" and not quantization.per_channel
    if any(quantization.zero_points) and not reads_zero_point:
        yield f"its weights {weights.name!r} have a zero point other than 0, which is taken for 0"
    if len(set(quantization.scales)) > 1 and quantization.axis != axis:
        yield (
            f"its weights {weights.name!r} have a scale for each entry along axis "
            f"{quantization.axis}, which is taken for axis {axis}, that of the outputs"
        )
