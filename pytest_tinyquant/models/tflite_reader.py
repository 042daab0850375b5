"""Read and check the flatbuffer of a .tflite file.

The flatbuffers bindings return whatever the bytes say, so every length, index and shape is
checked here; the stages behind this one rely on it. Anything wrong ends in one
:class:`ModelError`.
"""

from __future__ import annotations

import hashlib
import math
import struct
from typing import Any

import numpy as np
import tflite

from pytest_tinyquant.errors import CompiledModelError
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import BITS
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Quantization
from pytest_tinyquant.models.graph import Subgraph
from pytest_tinyquant.models.graph import Tensor
from pytest_tinyquant.models.operator_options import read_options


IDENTIFIER = b"TFL3"

#: The custom operator that Vela puts in the place of all that an Ethos-U runs.
ETHOS_U = "ethos-u"

# Type names by TensorType, and bits per element (0: no fixed size).
_DTYPES = {
    value: name.lower() for name, value in vars(tflite.TensorType).items() if isinstance(value, int)
}
_OPERATORS = {
    value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)
}

MAX_RANK = 8
MAX_TENSOR_BYTES = 1 << 30
_MAX_ENTRIES = 1 << 16
_MAX_SUBGRAPHS = 1 << 8
_MAX_OPERATOR_TENSORS = 1 << 10


def read_graph(data: bytes, *, where: str = "model") -> Graph:
    """Read the .tflite file `data`; `where` names it in messages.

    Raises :class:`ModelError` for bytes that are not one complete, consistent model with static
    shapes, and nothing else; :class:`CompiledModelError` for what a compiler made of one.
    """
    try:
        return _read(bytes(data))
    except CompiledModelError as error:
        raise CompiledModelError(f"{where}: {error}") from None
    except ModelError as error:
        problem = str(error)
    except Exception as error:
        # The generated bindings raise whatever the bytes lead them to.
        problem = f"the file is corrupt or truncated ({type(error).__name__}: {error})"
    raise ModelError(
        f"{where} is not a usable .tflite file: {problem}. Convert or copy the model again."
    )


def _read(data: bytes) -> Graph:
    if len(data) < 8 or data[4:8] != IDENTIFIER:
        raise ModelError(f"bytes 4 to 7 are {data[4:8]!r}, not the identifier {IDENTIFIER!r}")
    model = tflite.Model.GetRootAs(data, 0)
    if model.Version() != 3:
        raise ModelError(f"schema version {model.Version()} instead of 3")
    if not 1 <= model.SubgraphsLength() <= _MAX_SUBGRAPHS:
        raise ModelError(f"it has {model.SubgraphsLength()} subgraphs")
    buffers = _read_buffers(model, data)
    parts: list[Subgraph] = []
    for number in range(model.SubgraphsLength()):
        operators = sum(len(part.operators) for part in parts)
        parts.append(_read_subgraph(model, model.Subgraphs(number), data, buffers, operators))
    main = parts[0]
    if not main.outputs:
        raise ModelError("it has no outputs")
    graph = Graph(
        main.tensors, main.operators, main.inputs, main.outputs, _string(model, 10, data),
        hashlib.sha256(data).hexdigest(), tuple(parts[1:]),
    )  # fmt: skip
    _check_inputs_static(model.Subgraphs(0), graph)
    return graph


def _read_subgraph(
    model: Any, table: Any, data: bytes, buffers: list[bytes | None], first_operator: int
) -> Subgraph:
    """Read a subgraph; its operators are numbered from `first_operator`."""
    tensors = tuple(
        _read_tensor(table.Tensors(i), i, buffers, data)
        for i in _count(table.TensorsLength(), "tensors")
    )
    operators = _read_operators(model, table, len(tensors), first_operator)
    inputs = _indices(table.InputsAsNumpy(), len(tensors), "the model's inputs")
    outputs = _indices(table.OutputsAsNumpy(), len(tensors), "the model's outputs")
    part = Subgraph(tensors, operators, inputs, outputs)
    _check_order(part)
    return part


def _string(table: Any, slot: int, data: bytes) -> str:
    """Read a string field; the bindings would silently shorten one that leaves the file."""
    offset = table._tab.Offset(slot)
    if offset == 0:
        return ""
    start = table._tab.Indirect(offset + table._tab.Pos)
    (length,) = struct.unpack_from("<I", data, start)
    if start < 0 or start + 4 + length >= len(data):
        raise ModelError("the file is truncated (a name reaches beyond its end)")
    return data[start + 4 : start + 4 + length].decode()


def _numbers(vector: Any) -> list[Any]:
    """Return a flatbuffer vector as a list; an absent one is 0 in the bindings."""
    return [] if isinstance(vector, int) else list(vector.tolist())


def _count(length: int, what: str, limit: int = _MAX_ENTRIES) -> range:
    if length > limit:
        raise ModelError(f"it claims {length} {what}")
    return range(length)


def _indices(vector: Any, limit: int, what: str, *, lowest: int = 0) -> tuple[int, ...]:
    if not isinstance(vector, int):
        _count(len(vector), f"tensors in {what}", _MAX_OPERATOR_TENSORS)
    values = _numbers(vector)
    for value in values:
        if not lowest <= value < limit:
            raise ModelError(f"{what} name tensor {value}, but there are {limit} tensors")
    return tuple(values)


def _read_buffers(model: Any, data: bytes) -> list[bytes | None]:
    buffers: list[bytes | None] = []
    for i in _count(model.BuffersLength(), "buffers"):
        buffer = model.Buffers(i)
        if buffer.Size():
            raise ModelError("its buffers lie outside of the flatbuffer")
        values = buffer.DataAsNumpy()
        buffers.append(None if isinstance(values, int) else values.tobytes())
    if sum(len(b) for b in buffers if b) > len(data):
        raise ModelError("its buffers overlap")
    return buffers


def _read_tensor(table: Any, index: int, buffers: list[bytes | None], data: bytes) -> Tensor:
    name = _string(table, 10, data)
    what = f"tensor {index} ({name!r})"
    dtype = _DTYPES.get(table.Type())
    if dtype is None:
        raise ModelError(f"{what} has the unknown type {table.Type()}")
    if table.Sparsity() is not None:
        raise ModelError(f"{what} is stored sparse, which is not supported")
    _count(table.ShapeLength(), f"dimensions of {what}", MAX_RANK)
    shape = tuple(_numbers(table.ShapeAsNumpy()))
    if any(size < 0 for size in shape):
        raise ModelError(f"{what} has the shape {list(shape)}; dynamic shapes are not supported")
    if not 0 <= table.Buffer() < len(buffers):
        raise ModelError(f"{what} names buffer {table.Buffer()} of {len(buffers)}")
    tensor = Tensor(
        index, name, shape, dtype, _read_quantization(table, shape, dtype, what),
        buffers[table.Buffer()] or None, table.IsVariable(),
    )  # fmt: skip
    if tensor.bytes > MAX_TENSOR_BYTES:
        raise ModelError(f"{what} of shape {list(shape)} needs {tensor.bytes} bytes")
    if tensor.data is not None and BITS[dtype] and len(tensor.data) != tensor.bytes:
        raise ModelError(
            f"{what} of shape {list(shape)} and type {dtype} needs {tensor.bytes} bytes, "
            f"its buffer has {len(tensor.data)}"
        )
    return tensor


def _read_quantization(
    table: Any, shape: tuple[int, ...], dtype: str, what: str
) -> Quantization | None:
    stored = table.Quantization()
    if stored is None or stored.ScaleLength() == 0:
        return None
    _count(stored.ScaleLength(), f"scales of {what}")
    _count(stored.ZeroPointLength(), f"zero points of {what}")
    scales = _numbers(stored.ScaleAsNumpy())
    zero_points = _numbers(stored.ZeroPointAsNumpy()) or [0]
    if len(zero_points) == 1:
        zero_points *= len(scales)
    # A list has one axis only, whatever old converters wrote (axis 3 for the biases of filters).
    axis = stored.QuantizedDimension() if len(shape) != 1 else 0
    if len(scales) > 1 and not (0 <= axis < len(shape) and shape[axis] == len(scales)):
        raise ModelError(f"{what} has {len(scales)} scales along axis {axis} of {list(shape)}")
    if len(zero_points) != len(scales):
        raise ModelError(f"{what} has {len(scales)} scales, {len(zero_points)} zero points")
    # The converter gives an all-zero channel the scale zero; elsewhere it would divide by it.
    lowest = 0.0 if len(scales) > 1 else math.ulp(0.0)
    if not all(math.isfinite(scale) and scale >= lowest for scale in scales):
        raise ModelError(f"{what} has a scale that is not a positive number")
    if dtype in {"int8", "uint8", "int16", "int32"}:
        limits = np.iinfo(dtype)
        if min(zero_points) < limits.min or max(zero_points) > limits.max:
            raise ModelError(f"{what} has a zero point outside of {dtype}")
    return Quantization(tuple(scales), tuple(zero_points), axis)


def _read_operators(model: Any, subgraph: Any, tensors: int, first: int) -> tuple[Operator, ...]:
    codes = [model.OperatorCodes(i) for i in _count(model.OperatorCodesLength(), "operator codes")]
    operators = []
    for position in _count(subgraph.OperatorsLength(), "operators"):
        table, index = subgraph.Operators(position), first + position
        if not 0 <= table.OpcodeIndex() < len(codes):
            raise ModelError(
                f"operator {index} names operator code {table.OpcodeIndex()} of {len(codes)}"
            )
        code = codes[table.OpcodeIndex()]
        number = max(_builtin_code(code), code.DeprecatedBuiltinCode())
        op = _OPERATORS.get(number)
        if op is None:
            raise ModelError(f"operator {index} has the unknown code {number}")
        what = f"operator {index} ({op})"
        try:
            options = read_options(table, op)
        except ModelError as error:
            raise ModelError(f"{what}: {error}") from None
        custom = (code.CustomCode() or b"").decode() if op == "CUSTOM" else ""
        if custom == ETHOS_U:
            raise CompiledModelError(
                f"operator {index} is {ETHOS_U}: Vela compiled this file for an Ethos-U, and "
                "nothing else runs it. Give the .tflite that it was made from; a board ethos-u... "
                "compiles it by itself"
            )
        operators.append(
            Operator(
                index, op, code.Version(),
                _indices(table.InputsAsNumpy(), tensors, f"the inputs of {what}", lowest=-1),
                _indices(table.OutputsAsNumpy(), tensors, f"the outputs of {what}"),
                options, custom, _custom_options(table),
            )
        )  # fmt: skip
    return tuple(operators)


def _custom_options(table: Any) -> bytes:
    values = table.CustomOptionsAsNumpy()
    return b"" if isinstance(values, int) else values.tobytes()


def _builtin_code(code: Any) -> int:
    """Read the newer of the two fields that hold an operator's code.

    Codes above 127 do not fit the old one, which LiteRT's quantizer leaves 0 for every operator;
    the newer one is 0 in old files. The schema says to take the larger. The bindings' method of
    this name returns the old field for any code below 127.
    """
    offset = code._tab.Offset(10)
    if offset == 0:
        return 0
    (number,) = struct.unpack_from("<i", code._tab.Bytes, code._tab.Pos + offset)
    return int(number)


def _check_inputs_static(subgraph: Any, graph: Graph) -> None:
    """Accept an open batch size only: the converter stores 1 for every open dimension."""
    for index in graph.inputs:
        signature = _numbers(subgraph.Tensors(index).ShapeSignatureAsNumpy())
        if any(size < 0 for size in signature[1:]):
            raise ModelError(
                f"input {graph.tensors[index].name!r} has the dynamic shape {signature}; "
                "convert the model with a fixed input shape"
            )


def _check_order(graph: Subgraph) -> None:
    """Check that every tensor is written once, before it is read, and constants never."""
    known = set(graph.inputs)
    for tensor in graph.tensors:
        if tensor.data is not None or tensor.is_variable or tensor.elements == 0:
            known.add(tensor.index)
    for index in graph.inputs:
        if graph.tensors[index].data is not None:
            raise ModelError(f"input {graph.tensors[index].name!r} is a constant")
    for operator in graph.operators:
        for index in operator.inputs:
            if index >= 0 and index not in known:
                raise ModelError(f"{operator.label} reads tensor {index} before it is written")
        for index in operator.outputs:
            if index in known:
                raise ModelError(f"{operator.label} writes tensor {index}, which has a value")
            known.add(index)
    for index in graph.outputs:
        if index not in known:
            raise ModelError(f"output {graph.tensors[index].name!r} is never written")
