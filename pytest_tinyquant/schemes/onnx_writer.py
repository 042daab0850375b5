"""Writes a ``.tflite`` tensor by tensor for the ONNX importer; images are channels-last in it."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
from typing import Any

import numpy as np
from tensorflow.lite.tools import flatbuffer_utils

from pytest_tinyquant.schemes.onnx_steps import Array
from pytest_tinyquant.schemes.onnx_steps import NodeError
from pytest_tinyquant.schemes.onnx_steps import Operand
from pytest_tinyquant.schemes.onnx_steps import Quant


schema = flatbuffer_utils.schema_fb

_TYPES = {"float32": 0, "int32": 2, "int64": 4, "int8": 9}

INT8 = np.dtype("int8")


@dataclass(frozen=True)
class Written:
    """A tensor of the new file.

    :param chw: channels, height and width that a flattened image had, whose elements ONNX has in
        this order and the new file with the channels last.
    """

    index: int
    shape: tuple[int, ...]
    quant: Quant | None = None
    chw: tuple[int, int, int] | None = None


def signed(quant: Quant) -> Quant:
    """Return the parameters of uint8 values as those of the int8 values 128 below."""
    return replace(quant, zero=signed_values(quant.zero)) if quant.dtype == np.uint8 else quant


def signed_values(values: Array) -> Array:
    """Return uint8 values as the int8 values 128 below; others as they are."""
    if values.dtype != np.uint8:
        return values
    return (values.astype(np.int16) - 128).astype(np.int8)


class Writer:
    """A model of one graph that grows operator by operator."""

    def __init__(self, constants: dict[str, Array]) -> None:
        self.constants = constants
        self.found: dict[str, Written] = {}
        self._codes: dict[tuple[int, int], int] = {}
        self._model, self._graph = schema.ModelT(), schema.SubGraphT()
        self._model.version, self._model.subgraphs = 3, [self._graph]
        self._model.description = b"imported from ONNX"
        self._model.buffers, self._model.operatorCodes = [schema.BufferT()], []
        self._graph.tensors, self._graph.operators, self._graph.name = [], [], b"main"

    def tensor(
        self,
        shape: Any,
        quant: Quant | None = None,
        *,
        data: Array | None = None,
        name: str = "tensor",
    ) -> Written:
        """Add a tensor, a constant if it has `data`; float32 unless `quant` or `data` say."""
        quant = signed(quant) if quant else None
        kind = quant.dtype if quant else (np.dtype("float32") if data is None else data.dtype)
        table = schema.TensorT()
        table.shape, table.type, table.buffer = [int(n) for n in shape], _TYPES[kind.name], 0
        table.name = f"{name}_{len(self._graph.tensors)}".encode()
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            self._model.buffers.append(buffer)
            table.buffer = len(self._model.buffers) - 1
        if quant:
            parameters = schema.QuantizationParametersT()
            zero = np.broadcast_to(quant.zero, quant.scale.shape)
            parameters.scale, parameters.zeroPoint = quant.scale, zero.astype(np.int64)
            parameters.quantizedDimension = quant.axis
            table.quantization = parameters
        self._graph.tensors.append(table)
        return Written(len(self._graph.tensors) - 1, tuple(int(n) for n in shape), quant)

    def operator(
        self,
        code: str,
        inputs: list[Written],
        output: Written,
        options: Any = None,
        *,
        version: int = 1,
    ) -> Written:
        """Add an operator and return its output."""
        number = getattr(schema.BuiltinOperator, code)
        key = (number, version)
        if key not in self._codes:
            self._codes[key] = len(self._model.operatorCodes)
            entry = schema.OperatorCodeT()
            entry.builtinCode, entry.deprecatedBuiltinCode = number, min(number, 127)
            entry.version = version
            self._model.operatorCodes.append(entry)
        table = schema.OperatorT()
        table.opcodeIndex = self._codes[key]
        table.inputs, table.outputs = [entry.index for entry in inputs], [output.index]
        if options is not None:
            table.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__[:-1])
            table.builtinOptions = options
        self._graph.operators.append(table)
        return output

    @staticmethod
    def options(kind: str, **values: Any) -> Any:
        """Return the options table of an operator with `values` in it."""
        made = getattr(schema, f"{kind}OptionsT")()
        for name, value in values.items():
            setattr(made, name, value)
        return made

    def read(self, operand: Operand, *, as_float: bool = False) -> Written:
        """Return the tensor of an operand, dequantized where a float one is wanted."""
        if operand.name not in self.found:
            if operand.name in self.constants:
                raise NodeError(f"its input {operand.name!r} is a constant, which is imported as "
                                "weights, bias, shape and axes only")  # fmt: skip
            raise NodeError(f"its input {operand.name!r} comes from nowhere")
        tensor = self.found[operand.name]
        if not as_float or tensor.quant is None:
            return tensor
        key = f"{operand.name} as float"
        if key not in self.found:
            made = self.operator("DEQUANTIZE", [tensor], self.tensor(tensor.shape))
            self.found[key] = replace(made, chw=tensor.chw)
        return self.found[key]

    def array(self, operand: Operand) -> Array:
        """Return the values of a constant operand."""
        if operand.name not in self.constants:
            raise NodeError(f"its input {operand.name!r} is computed, and must be a constant")
        return self.constants[operand.name]

    def requantized(self, tensor: Written, quant: Quant | None) -> Written:
        """Return `tensor` with the parameters that ONNX gave, where its operator could not."""
        if quant is None or tensor.quant is None:
            return tensor
        wanted = signed(quant)
        same = np.array_equal(tensor.quant.scale, wanted.scale)
        if same and np.array_equal(tensor.quant.zero, wanted.zero):
            return tensor
        made = self.operator("QUANTIZE", [tensor], self.tensor(tensor.shape, quant))
        return replace(made, chw=tensor.chw)

    def rename(self, tensor: Written, name: str) -> None:
        """Give a tensor the name of ONNX's value."""
        self._graph.tensors[tensor.index].name = name.encode()

    def file(self, inputs: list[Written], outputs: list[Written]) -> bytes:
        """Return the ``.tflite``."""
        self._graph.inputs = [tensor.index for tensor in inputs]
        self._graph.outputs = [tensor.index for tensor in outputs]
        return bytes(flatbuffer_utils.convert_object_to_bytearray(self._model))
