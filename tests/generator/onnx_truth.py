"""What onnxruntime computes for every integer of an ONNX model, and an import's own values.

Two comparisons: of whole runs, where the difference of one layer passes through those after it, and
of single operators, each of which gets onnxruntime's integers as its inputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
import onnx
import onnxruntime
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.interpreter import OpResolverType
from ai_edge_litert.tools import flatbuffer_utils


if TYPE_CHECKING:
    from pytest_tinyquant.models.graph import Graph
    from pytest_tinyquant.models.graph import Operator


def every_integer(path: Path, samples: Any) -> dict[str, Any]:
    """Return what onnxruntime computes for every int8 or uint8 value between operators.

    :param samples: [samples, ...], as the model takes them.
    :return: int8 values [samples, ...] by name, images channels-first; of uint8 the int8 128 below.
    """
    model = onnx.load(path)
    made = {
        name
        for node in model.graph.node
        if node.op_type == "QuantizeLinear" or node.op_type[:2] in ("QL", "QG")
        for name in node.output
    }
    types = {value.name for value in model.graph.output}
    for name in sorted(made - types):
        value = onnx.ValueInfoProto()
        value.name = name
        model.graph.output.append(value)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    rows = [session.run(None, {"x": sample[None]}) for sample in samples]
    return {
        name: _signed(np.stack([row[place][0] for row in rows]))
        for place, name in enumerate(names)
        if name in made
    }


def _signed(values: Any) -> Any:
    return (values.astype(np.int16) - 128).astype(np.int8) if values.dtype == np.uint8 else values


def channels_last(array: Any) -> Any:
    """Return a batch of images or sequences as TensorFlow Lite has it; others as they are."""
    array = array[:, :, None] if array.ndim == 3 else array
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


def interpreter_of(data: bytes, *, keep: bool = False) -> Any:
    """Return an interpreter with the reference kernels; `keep` leaves every tensor to be read."""
    interpreter = Interpreter(
        model_content=data,
        num_threads=1,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=keep,
    )
    interpreter.allocate_tensors()
    return interpreter


Step = tuple[str, str, int]
"""Name of a tensor, the operator that makes it, and the largest difference in steps."""


def whole_differences(
    data: bytes, graph: Graph, samples: Any, expected: dict[str, Any]
) -> Iterator[Step]:
    """Yield, per tensor, how far a run of the imported model is from onnxruntime's."""
    interpreter = interpreter_of(data, keep=True)
    (source,) = interpreter.get_input_details()
    details = {entry["name"]: entry for entry in interpreter.get_tensor_details()}
    wanted = dict(_comparable(graph, expected))
    largest = dict.fromkeys(wanted, 0)
    for place, sample in enumerate(samples):
        interpreter.set_tensor(source["index"], channels_last(sample[None]))
        interpreter.invoke()
        for name in wanted:
            if details[name]["dtype"] == np.int8:
                found = interpreter.get_tensor(details[name]["index"])
                largest[name] = max(largest[name], _steps(found, expected[name][place]))
    yield from ((name, wanted[name].op, steps) for name, steps in largest.items())


def single_differences(
    data: bytes, graph: Graph, samples: Any, expected: dict[str, Any]
) -> Iterator[Step]:
    """Yield, per tensor, how far its operator is from onnxruntime's, given the same inputs.

    What onnxruntime has no integers of (padding, parts in float) runs together with it.
    """
    for name, operator in _comparable(graph, expected):
        single = _cut(data, graph, operator, expected)
        interpreter = interpreter_of(single)
        largest = 0
        for place in range(len(samples)):
            for entry in interpreter.get_input_details():
                values = samples if entry["dtype"] == np.float32 else expected[entry["name"]]
                value = channels_last(values[place][None]).reshape(entry["shape"])
                interpreter.set_tensor(entry["index"], value)
            interpreter.invoke()
            (output,) = interpreter.get_output_details()
            found = interpreter.get_tensor(output["index"])
            largest = max(largest, _steps(found, expected[name][place]))
        yield name, operator.op, largest


def _steps(found: Any, wanted: Any) -> int:
    ours = found.reshape(-1).astype(np.int64)
    theirs = channels_last(wanted[None]).reshape(-1).astype(np.int64)
    return int(np.abs(ours - theirs).max())


def _comparable(graph: Graph, expected: dict[str, Any]) -> Iterator[tuple[str, Operator]]:
    """Yield the int8 tensors that both have, each with the operator that makes it.

    Not those that hold the numbers of another in other order.
    """
    for operator in graph.operators:
        tensor = graph.tensors[operator.outputs[0]]
        known = tensor.name in expected and tensor.dtype == "int8"
        if known and operator.op != "RESHAPE" and "Flatten" not in tensor.name:
            yield tensor.name, operator


def _cut(data: bytes, graph: Graph, last: Operator, expected: dict[str, Any]) -> bytes:
    """Return a model of `last` alone, with what leads to it from tensors of `expected`."""
    makers = {index: operator for operator in graph.operators for index in operator.outputs}
    known = {name for name, _ in _comparable(graph, expected)}
    taken, inputs, left = {last.index}, [], list(last.inputs)
    used = {*last.inputs, *last.outputs}
    while left:
        index = left.pop()
        if index < 0 or graph.tensors[index].data is not None:
            continue
        if index not in makers or graph.tensors[index].name in known:
            inputs += [index] if index not in inputs else []
        elif makers[index].index not in taken:
            taken.add(makers[index].index)
            left += makers[index].inputs
            used.update(makers[index].inputs)
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(data))
    (whole,) = model.subgraphs
    kept = {whole.tensors[index].buffer for index in used if index >= 0}
    for place, buffer in enumerate(model.buffers):
        if place not in kept:
            buffer.data = None
    whole.operators = [each for place, each in enumerate(whole.operators) if place in taken]
    whole.inputs, whole.outputs = inputs, [last.outputs[0]]
    model.signatureDefs = model.metadata = None
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
