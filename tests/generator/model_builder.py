"""Writes .tflite files tensor by tensor, without a converter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
import tflite
from flatbuffers import flexbuffers

from pytest_tinyquant.models.operator_options import OPTIONS


#: Before the name of a custom operator among the codes.
_CUSTOM = "custom "


class ModelBuilder:
    """Writes .tflite files; tensors and operators get their indices in order of definition."""

    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(1024)
        self.buffers: list[int] = [self._table("Buffer", {})]
        self.tensors: list[int] = []
        self.codes: list[str] = []
        self.operators: list[int] = []
        self.parts: list[int] = []

    def tensor(
        self,
        shape: Sequence[int],
        dtype: str = "float32",
        *,
        scale: float | Sequence[float] | np.ndarray = (),
        zero_point: int = 0,
        axis: int = 0,
        data: Any = None,
        name: str = "",
        signature: Sequence[int] = (),
        variable: bool = False,
    ) -> int:
        """Add a tensor, a constant if it has `data`; return its index."""
        fields: dict[str, Any] = {
            "Shape": self._vector(np.int32, shape),
            "Type": getattr(tflite.TensorType, dtype.upper()),
            "Buffer": 0,
            "Name": self.builder.CreateString(name or f"tensor_{len(self.tensors)}"),
        }
        if data is not None:
            raw = np.asarray(data, dtype=dtype).tobytes() if not isinstance(data, bytes) else data
            fields["Buffer"] = len(self.buffers)
            values = self._vector(np.uint8, np.frombuffer(raw, np.uint8))
            self.buffers.append(self._table("Buffer", {"Data": values}))
        scales = np.atleast_1d(np.asarray(scale, dtype=np.float32))
        if scales.size:
            fields["Quantization"] = self._table(
                "QuantizationParameters",
                {
                    "Scale": self._vector(np.float32, scales),
                    "ZeroPoint": self._vector(np.int64, [zero_point] * len(scales)),
                    "QuantizedDimension": axis,
                },
            )
        if variable:
            fields["IsVariable"] = True
        if signature:
            fields["ShapeSignature"] = self._vector(np.int32, signature)
        self.tensors.append(self._table("Tensor", fields))
        return len(self.tensors) - 1

    def operator(
        self, op: str, inputs: Sequence[int], outputs: Sequence[int], **options: Any
    ) -> None:
        """Add an operator; options by schema name, enumerations by their names."""
        if op not in self.codes:
            self.codes.append(op)
        fields: dict[str, Any] = {
            "OpcodeIndex": self.codes.index(op),
            "Inputs": self._vector(np.int32, inputs),
            "Outputs": self._vector(np.int32, outputs),
        }
        if op in OPTIONS:
            table = OPTIONS[op][0]
            values = {self._camel(key): self._option(value) for key, value in options.items()}
            fields["BuiltinOptionsType"] = getattr(tflite.BuiltinOptions, table)
            fields["BuiltinOptions"] = self._table(table, values)
        self.operators.append(self._table("Operator", fields))

    def custom(
        self, name: str, inputs: Sequence[int], outputs: Sequence[int], **options: Any
    ) -> None:
        """Add a custom operator; its options become a flexbuffer's map."""
        code = f"{_CUSTOM}{name}"
        if code not in self.codes:
            self.codes.append(code)
        fields = {
            "OpcodeIndex": self.codes.index(code),
            "Inputs": self._vector(np.int32, inputs),
            "Outputs": self._vector(np.int32, outputs),
            "CustomOptions": self._vector(
                np.uint8, np.frombuffer(flexbuffers.Dumps(options), np.uint8)
            ),
        }
        self.operators.append(self._table("Operator", fields))

    def close(self, inputs: Sequence[int], outputs: Sequence[int]) -> None:
        """End a subgraph; what is added from now on belongs to the next one."""
        self.parts.append(self._subgraph(inputs, outputs))
        self.tensors, self.operators = [], []

    def build(
        self,
        inputs: Sequence[int],
        outputs: Sequence[int],
        subgraphs: int = 1,
        *,
        code_fields: str = "both",
        metadata: bytes = b"",
    ) -> bytes:
        """Return the file.

        :param code_fields: where operators' codes stand: in ``both`` fields as TensorFlow writes
            them, in the ``new`` one as LiteRT's quantizer does, or in the ``old`` one.
        :param metadata: the flatbuffer that TFLITE_METADATA names.
        """
        codes = [self._code(code, code_fields) for code in self.codes]
        parts = [*self.parts, *[self._subgraph(inputs, outputs)] * subgraphs]
        fields = {
            "Version": 3,
            "OperatorCodes": self._offsets(codes),
            "Subgraphs": self._offsets(parts),
            "Description": self.builder.CreateString("built by a test"),
        }
        if metadata:
            values = self._vector(np.uint8, np.frombuffer(metadata, np.uint8))
            self.buffers.append(self._table("Buffer", {"Data": values}))
            name = self.builder.CreateString("TFLITE_METADATA")
            entry = self._table("Metadata", {"Name": name, "Buffer": len(self.buffers) - 1})
            fields["Metadata"] = self._offsets([entry])
        fields["Buffers"] = self._offsets(self.buffers)
        self.builder.Finish(self._table("Model", fields), b"TFL3")
        return bytes(self.builder.Output())

    def _code(self, code: str, code_fields: str) -> int:
        name = code.removeprefix(_CUSTOM) if code.startswith(_CUSTOM) else ""
        n = getattr(tflite.BuiltinOperator, "CUSTOM" if name else code)
        fields = {
            "DeprecatedBuiltinCode": 0 if code_fields == "new" else min(n, 127),
            "BuiltinCode": 0 if code_fields == "old" else n,
            "Version": 1,
        }
        if name:
            fields["CustomCode"] = self.builder.CreateString(name)
        return self._table("OperatorCode", fields)

    def _subgraph(self, inputs: Sequence[int], outputs: Sequence[int]) -> int:
        fields = {
            "Tensors": self._offsets(self.tensors),
            "Inputs": self._vector(np.int32, inputs),
            "Outputs": self._vector(np.int32, outputs),
            "Operators": self._offsets(self.operators),
        }
        return self._table("SubGraph", fields)

    def _table(self, name: str, fields: dict[str, Any]) -> int:
        getattr(tflite, f"{name}Start")(self.builder)
        for field, value in fields.items():
            getattr(tflite, f"{name}Add{field}")(self.builder, value)
        return int(getattr(tflite, f"{name}End")(self.builder))

    def _vector(self, dtype: type, values: Any) -> int:
        return int(self.builder.CreateNumpyVector(np.asarray(values, dtype=dtype)))

    def _offsets(self, offsets: Sequence[int]) -> int:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return int(self.builder.EndVector())

    def _option(self, value: Any) -> Any:
        if isinstance(value, bytes):
            return self.builder.CreateString(value)
        if isinstance(value, str):
            return getattr(tflite.Padding, value, None) or getattr(
                tflite.ActivationFunctionType, value, 0
            )
        return self._vector(np.int32, value) if isinstance(value, tuple) else value

    @staticmethod
    def _camel(name: str) -> str:
        return "".join(part.capitalize() for part in name.split("_"))


class _Tensors:
    """Tensors of one activation type with random values, always the same ones."""

    def __init__(self, model: ModelBuilder, activation: str) -> None:
        self.model, self.activation = model, activation
        self.quantized = activation == "int8"
        self.numbers = np.random.default_rng(7)

    def value(self, shape: Sequence[int], scale: float = 0.1, zero_point: int = 3) -> int:
        if not self.quantized:
            return self.model.tensor(shape, self.activation)
        return self.model.tensor(shape, self.activation, scale=scale, zero_point=zero_point)

    def weights(self, shape: Sequence[int], axis_scales: int) -> int:
        if self.quantized:
            data = self.numbers.integers(-127, 128, shape)
            scales = np.linspace(0.004, 0.009, axis_scales)
            return self.model.tensor(shape, "int8", scale=scales, data=data)
        return self.model.tensor(shape, data=self.numbers.standard_normal(shape))

    def bias(self, size: int) -> int:
        if self.quantized:
            data = self.numbers.integers(-500, 500, size)
            return self.model.tensor((size,), "int32", scale=[0.001] * size, data=data)
        return self.model.tensor((size,), data=self.numbers.standard_normal(size))


def small_cnn(activation: str) -> bytes:
    """Convolution, pooling, reshape, fully connected layer and softmax: int8 or float32."""
    model = ModelBuilder()
    tensors = _Tensors(model, activation)
    image, features = tensors.value((1, 8, 8, 2)), tensors.value((1, 8, 8, 4))
    pooled, flat = tensors.value((1, 4, 4, 4)), tensors.value((1, 64))
    logits = tensors.value((1, 3), 0.2, -5)
    probabilities = tensors.value((1, 3), 1 / 256, -128)
    window = {"padding": "SAME", "stride_w": 1, "stride_h": 1}
    dilation = {"dilation_w_factor": 1, "dilation_h_factor": 1}
    model.operator(
        "CONV_2D",
        [image, tensors.weights((4, 3, 3, 2), 4), tensors.bias(4)],
        [features],
        fused_activation_function="RELU",
        **window,
        **dilation,
    )
    model.operator(
        "MAX_POOL_2D",
        [features],
        [pooled],
        padding="VALID",
        stride_w=2,
        stride_h=2,
        filter_width=2,
        filter_height=2,
    )
    shape = model.tensor((2,), "int32", data=[1, 64])
    model.operator("RESHAPE", [pooled, shape], [flat], new_shape=(1, 64))
    model.operator(
        "FULLY_CONNECTED", [flat, tensors.weights((3, 64), 3), tensors.bias(3)], [logits]
    )
    model.operator("SOFTMAX", [logits], [probabilities], beta=1.0)
    return model.build([image], [probabilities])
