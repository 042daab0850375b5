"""A model as plain, checked data: tensors and operators in execution order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


# Bits per element by type name (0: no fixed size).
BITS = {
    "float64": 64, "int64": 64, "uint64": 64, "complex64": 64, "complex128": 128,
    "float32": 32, "int32": 32, "uint32": 32, "float16": 16, "bfloat16": 16, "int16": 16,
    "uint16": 16, "int8": 8, "uint8": 8, "bool": 8, "int4": 4,
    "string": 0, "resource": 0, "variant": 0,
}  # fmt: skip


@dataclass(frozen=True)
class Quantization:
    """real = scale * (quantized - zero_point), per tensor or along `axis`."""

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int

    @property
    def per_channel(self) -> bool:
        """Whether there is more than one scale."""
        return len(self.scales) > 1


@dataclass(frozen=True)
class Tensor:
    """A tensor; `data` is None unless the file stores its values."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None
    data: bytes | None
    is_variable: bool = False

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Size in bytes, rounded up for types below a byte."""
        return (self.elements * BITS[self.dtype] + 7) // 8

    def array(self) -> np.ndarray[Any, np.dtype[Any]]:
        """Return the constant values, read-only, in the tensor's shape."""
        return np.frombuffer(self.data or b"", dtype=self.dtype).reshape(self.shape)


def sample_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of one sample: a tensor's own, without a batch dimension of 1."""
    return shape[1:] if shape[:1] == (1,) else shape


@dataclass(frozen=True)
class Operator:
    """An operator; tensor index -1 stands for an optional input left out.

    Those of a `custom` operator, whose `op` is CUSTOM, have their options as the file stores them.
    """

    index: int
    op: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any]
    custom: str = ""
    custom_options: bytes = b""

    @property
    def kind(self) -> str:
        """What it computes: the name of a built-in operator or of a custom one."""
        return self.custom or self.op

    @property
    def label(self) -> str:
        """Name in messages and reports: the operator and its place in the file."""
        return f"{self.op.lower().replace('_2d', '2d')}[{self.index}]"


@dataclass(frozen=True)
class Subgraph:
    """Tensors, operators in execution order, indices of inputs and outputs."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def output_shape(self, operator: Operator) -> tuple[int, ...]:
        """Return the shape of an operator's first output; () if it has none."""
        return self.tensors[operator.outputs[0]].shape if operator.outputs else ()

    def computes_in_float(self, operator: Operator) -> bool:
        """Tell whether a tensor that is no constant goes in or out as float32."""
        tensors = [self.tensors[i] for i in (*operator.inputs, *operator.outputs) if i >= 0]
        return any(tensor.dtype == "float32" and tensor.data is None for tensor in tensors)

    def input_dtype(self, operator: Operator) -> str:
        """Return the type of an operator's first input; "" if it has none."""
        return next((self.tensors[index].dtype for index in operator.inputs if index >= 0), "")


@dataclass(frozen=True)
class Graph(Subgraph):
    """A model: its first subgraph, and the `bodies` that the operators of control flow name.

    Such an operator names a subgraph by its number in the file: body n is number n + 1. The labels
    of operators are unique over all subgraphs. `sha256` is that of the .tflite file, in hex.
    """

    description: str = ""
    sha256: str = ""
    bodies: tuple[Subgraph, ...] = ()

    def parts(self) -> tuple[Subgraph, ...]:
        """Return all subgraphs."""
        return (self, *self.bodies)
