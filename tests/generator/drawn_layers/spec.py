"""Models of one operator, written without TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import flatbuffers
import numpy as np
import tflite
from flatbuffers import flexbuffers


@dataclass(frozen=True)
class TensorSpec:
    """A tensor of a one-operator model; with `data` a constant, or what is kept as `state`."""

    shape: tuple[int, ...]
    dtype: str
    scale: float | Sequence[float] | None = None
    zero_point: int = 0
    axis: int = 0
    data: np.ndarray | None = None
    state: bool = False

    @property
    def fed(self) -> bool:
        """Whether it is an input of the model."""
        return self.data is None and not self.state

    @property
    def one_scale(self) -> float:
        """The scale of a tensor that has one for all its values."""
        if not isinstance(self.scale, float):
            raise TypeError(f"{self.scale} is not one scale")
        return self.scale

    @property
    def scales(self) -> Sequence[float]:
        """The scales of a tensor that has one per channel."""
        if self.scale is None or isinstance(self.scale, float):
            raise TypeError(f"{self.scale} are not several scales")
        return self.scale


@dataclass(frozen=True)
class OperatorSpec:
    """A one-operator model; `options` are fields of the schema's `<table>Options`.

    A `custom` operator, whose `op` is its name, keeps them in a flexbuffer.
    """

    op: str
    inputs: tuple[TensorSpec | None, ...]
    outputs: tuple[TensorSpec, ...]
    table: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    custom: bool = False

    @property
    def variable_inputs(self) -> list[TensorSpec]:
        """The inputs of the model, in order."""
        return [tensor for tensor in self.inputs if tensor is not None and tensor.fed]

    def model(self) -> bytes:
        """Write the .tflite file."""
        return _ModelWriter().write(self)


def _stored(data: np.ndarray, dtype: str) -> bytes:
    """Return the bytes of a constant; two int4 share one, the first in its lower half."""
    if dtype != "int4":
        return np.ascontiguousarray(data, dtype=dtype).tobytes()
    halves = np.asarray(data, dtype=np.int8).reshape(-1).view(np.uint8) & 15
    if halves.size % 2:
        halves = np.append(halves, 0)
    return (halves[::2] | halves[1::2] << 4).astype(np.uint8).tobytes()


class _ModelWriter:
    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(1024)
        self.buffers = [b""]

    def write(self, spec: OperatorSpec) -> bytes:
        tensors = [tensor for tensor in (*spec.inputs, *spec.outputs) if tensor is not None]
        offsets = [self.tensor(tensor) for tensor in tensors]
        numbers = iter(range(len(tensors)))
        inputs = [-1 if tensor is None else next(numbers) for tensor in spec.inputs]
        outputs = list(numbers)
        fed = [
            number
            for number, tensor in zip(inputs, spec.inputs, strict=True)
            if tensor is not None and tensor.fed
        ]
        operator = self.operator(spec, inputs, outputs)
        subgraph = self.table(
            "SubGraph",
            Tensors=self.offsets(offsets),
            Inputs=self.vector(np.int32, fed),
            Outputs=self.vector(np.int32, outputs),
            Operators=self.offsets([operator]),
        )
        code = tflite.BuiltinOperator.CUSTOM
        name = {"CustomCode": self.builder.CreateString(spec.op)} if spec.custom else {}
        if not spec.custom:
            code = getattr(tflite.BuiltinOperator, spec.op)
        opcode = self.table(
            "OperatorCode",
            DeprecatedBuiltinCode=min(code, 127),
            Version=1,
            BuiltinCode=code,
            **name,
        )
        data = [
            self.table("Buffer", Data=self.vector(np.uint8, list(buffer)))
            if buffer
            else self.table("Buffer")
            for buffer in self.buffers
        ]
        model = self.table(
            "Model",
            Version=3,
            OperatorCodes=self.offsets([opcode]),
            Subgraphs=self.offsets([subgraph]),
            Buffers=self.offsets(data),
        )
        self.builder.Finish(model, b"TFL3")
        return bytes(self.builder.Output())

    def table(self, name: str, **fields: Any) -> int:
        getattr(tflite, f"{name}Start")(self.builder)
        for key, value in fields.items():
            getattr(tflite, f"{name}Add{key}")(self.builder, value)
        table: int = getattr(tflite, f"{name}End")(self.builder)
        return table

    def vector(self, dtype: type, values: Sequence[Any] | np.ndarray) -> int:
        vector: int = self.builder.CreateNumpyVector(np.asarray(values, dtype=dtype))
        return vector

    def offsets(self, offsets: Sequence[int]) -> int:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        vector: int = self.builder.EndVector()
        return vector

    def tensor(self, spec: TensorSpec) -> int:
        fields: dict[str, Any] = {
            "Shape": self.vector(np.int32, spec.shape),
            "Type": getattr(tflite.TensorType, spec.dtype.upper()),
            "Buffer": 0,
            "Name": self.builder.CreateString("t"),
        }
        if spec.state:
            fields["IsVariable"] = True
        if spec.data is not None:
            fields["Buffer"] = len(self.buffers)
            self.buffers.append(_stored(spec.data, spec.dtype))
        if spec.scale is not None:
            scales = np.atleast_1d(np.asarray(spec.scale, dtype=np.float32))
            fields["Quantization"] = self.table(
                "QuantizationParameters",
                Scale=self.vector(np.float32, scales),
                ZeroPoint=self.vector(np.int64, [spec.zero_point] * len(scales)),
                QuantizedDimension=spec.axis,
            )
        return self.table("Tensor", **fields)

    def operator(self, spec: OperatorSpec, inputs: list[int], outputs: list[int]) -> int:
        fields = {
            "OpcodeIndex": 0,
            "Inputs": self.vector(np.int32, inputs),
            "Outputs": self.vector(np.int32, outputs),
        }
        if spec.custom:
            stored = np.frombuffer(flexbuffers.Dumps(spec.options), np.uint8)
            fields["CustomOptions"] = self.vector(np.uint8, stored)
        if spec.table:
            vectors = {
                name: self.vector(np.int32, value) if isinstance(value, list) else value
                for name, value in spec.options.items()
            }
            fields["BuiltinOptionsType"] = getattr(tflite.BuiltinOptions, f"{spec.table}Options")
            fields["BuiltinOptions"] = self.table(f"{spec.table}Options", **vectors)
        return self.table("Operator", **fields)
