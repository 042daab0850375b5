"""Reads both forms of quantized ONNX, QDQ and QOperator, as steps on quantized tensors.

In QDQ a float operator with DequantizeLinear before and QuantizeLinear behind it is one operator on
integers; in QOperator it is written as one, with scales among its inputs. A float model has the
same steps without scales.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from typing import Any

import numpy as np
from onnx import helper
from onnx import numpy_helper


Array = np.ndarray[Any, Any]

#: Fused activations by the limits that they set.
RELUS: dict[tuple[float | None, float | None] | None, int] = {
    None: 0,
    (0.0, None): 1,
    (0.0, 6.0): 3,
}

_QLINEAR = {
    "QLinearConv": "Conv", "QLinearMatMul": "MatMul", "QGemm": "Gemm", "QLinearAdd": "Add",
    "QLinearMul": "Mul", "QLinearAveragePool": "AveragePool", "QLinearSoftmax": "Softmax",
    "QLinearGlobalAveragePool": "GlobalAveragePool", "QLinearSigmoid": "Sigmoid",
    "QLinearConcat": "Concat",
}  # fmt: skip
_ON_INTEGERS = ("MaxPool", "Flatten", "Reshape", "Squeeze", "Identity", "Dropout")
_FUSING = ("Conv", "Gemm", "MatMul", "Add")


class NodeError(Exception):
    """A node that the importer cannot follow.

    :param node: its name and operator.
    """

    def __init__(self, text: str, node: str = "", op: str = "") -> None:
        super().__init__(text)
        self.node, self.op = node, op


@dataclass(frozen=True)
class Quant:
    """Scales, zero points and, for weights, the axis that the scales belong to."""

    scale: Array
    zero: Array
    axis: int = 0

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the integers."""
        return np.dtype(self.zero.dtype)


@dataclass(frozen=True)
class Operand:
    """A value that a step reads; with `quant`, the integers behind a dequantized one."""

    name: str
    quant: Quant | None = None


@dataclass
class Step:
    """One operator; with `quant`, the parameters of its output.

    :param node: name of the ONNX node, for messages.
    :param limits: what a fused activation clips to.
    """

    kind: str
    inputs: list[Operand]
    output: str
    node: str
    attributes: dict[str, Any] = field(default_factory=dict)
    quant: Quant | None = None
    limits: tuple[float | None, float | None] | None = None


class StepReader:
    """Turns the nodes of an ONNX graph into steps."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph
        self.constants: dict[str, Array] = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer
        }
        self.users: dict[str, list[Any]] = {}
        for node in graph.node:
            for name in node.input:
                self.users.setdefault(name, []).append(node)
        self.outputs = {value.name for value in graph.output}
        self._views: dict[str, Operand] = {}
        self._quants: dict[str, Quant] = {}
        self._steps: list[Step] = []
        self._done: set[int] = set()

    def read(self) -> list[Step]:
        """Return the steps in execution order.

        :raises NodeError: for the first node that cannot be followed.
        """
        for node in self.graph.node:
            if id(node) in self._done:
                continue
            try:
                self._read(node)
            except NodeError as error:
                error.node, error.op = error.node or node.name, error.op or node.op_type
                raise
        return self._steps

    def _read(self, node: Any) -> None:
        kind, inputs = node.op_type, list(node.input)
        values = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
        if kind == "Constant":
            if "value" not in values:
                raise NodeError("it is a Constant without a tensor")
            self.constants[node.output[0]] = numpy_helper.to_array(values["value"])
        elif kind == "DequantizeLinear":
            quant = self._quant(*inputs[1:3], axis=values.get("axis", 1))
            view = self._views[node.output[0]] = Operand(inputs[0], quant)
            if node.output[0] in self.outputs:
                self._add(node, "Dequantize", [view], node.output[0])
        elif kind == "QuantizeLinear":
            quant = self._quants[node.output[0]] = self._quant(*inputs[1:3])
            self._add(node, "Quantize", [self._operand(inputs[0])], node.output[0], quant=quant)
        elif kind in _QLINEAR:
            self._qlinear(node, _QLINEAR[kind], inputs, values)
        elif inputs and inputs[0] in self._quants and kind in _ON_INTEGERS:
            quant = self._quants[node.output[0]] = self._quants[inputs[0]]
            operands = [Operand(inputs[0], quant), *map(Operand, inputs[1:])]
            self._add(node, kind, operands, node.output[0], attributes=values, quant=quant)
        else:
            self._plain(node, values, inputs)

    def _add(
        self,
        node: Any,
        kind: str,
        inputs: list[Operand],
        output: str,
        **more: Any,
    ) -> None:
        self._steps.append(Step(kind, inputs, output, node.name, **more))

    def _quant(self, scale: str, zero: str = "", *, axis: int = 0) -> Quant:
        if scale not in self.constants:
            raise NodeError(f"its scale {scale!r} is computed, not a constant")
        scales = np.atleast_1d(self.constants[scale]).astype(np.float32)
        zeros = self.constants[zero] if zero else np.zeros(scales.shape, np.uint8)
        if zeros.dtype not in (np.int8, np.uint8, np.int32):  # int32 for a bias
            raise NodeError(f"it quantizes to {zeros.dtype}; int8 and uint8 are imported")
        return Quant(scales, np.atleast_1d(zeros), axis)

    def _only_user(self, name: str) -> Any:
        users = self.users.get(name, [])
        return users[0] if len(users) == 1 and name not in self.outputs else None

    def _operand(self, name: str) -> Operand:
        """Return a value, or for a dequantized one the integers behind it."""
        return self._views.get(name, Operand(name))

    def _plain(self, node: Any, values: dict[str, Any], inputs: list[str]) -> None:
        """Add a float operator, or a quantized one if that is what surrounds it."""
        data = [name for name in inputs if name and name not in self.constants]
        output, limits, chain = node.output[0], None, [node]
        user = self._only_user(output)
        if node.op_type in _FUSING and user is not None and user.op_type in ("Relu", "Clip"):
            found = self._limits(user)
            if found in RELUS:
                limits, output = found, user.output[0]
                chain.append(user)
                user = self._only_user(output)
        operands = [self._operand(name) for name in inputs]
        quant = None
        if (
            all(name in self._views for name in data)
            and user is not None
            and user.op_type == "QuantizeLinear"
        ):
            quant = self._quants[user.output[0]] = self._quant(*user.input[1:3])
            output = user.output[0]
            chain.append(user)
        self._done |= {id(entry) for entry in chain}
        self._add(
            node, node.op_type, operands, output, attributes=values, quant=quant, limits=limits
        )

    def _limits(self, node: Any) -> tuple[float | None, float | None]:
        if node.op_type == "Relu":
            return (0.0, None)
        ends: list[float | None] = [None, None]
        for place, name in enumerate(node.input[1:3]):
            if name and name in self.constants:
                ends[place] = float(self.constants[name].reshape(-1)[0])
        return (ends[0], ends[1])

    def _qlinear(self, node: Any, kind: str, inputs: list[str], values: dict[str, Any]) -> None:
        """Add an operator that has the parameters of its tensors among its inputs."""

        def operand(place: int) -> Operand:
            return Operand(inputs[place], self._quant(*inputs[place + 1 : place + 3]))

        operands = [operand(0)]
        if kind in ("Conv", "MatMul", "Gemm", "Add", "Mul"):
            operands.append(operand(3))
        at = {"Conv": 6, "MatMul": 6, "Gemm": 7, "Add": 6, "Mul": 6, "Concat": 0}.get(kind, 3)
        bias = {"Conv": 8, "Gemm": 6}.get(kind, len(inputs))
        if bias < len(inputs) and inputs[bias]:
            operands.append(Operand(inputs[bias]))
        if kind == "Concat":
            operands = [operand(place) for place in range(2, len(inputs), 3)]
        quant = self._quants[node.output[0]] = self._quant(*inputs[at : at + 2])
        self._add(node, kind, operands, node.output[0], attributes=values, quant=quant)
