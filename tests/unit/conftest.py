"""Fixtures shared by the unit tests."""

from __future__ import annotations

import dataclasses
import os
import select
import signal
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
import pytest
import tflite

from pytest_tinyquant.measure.measurement import ArenaTensor
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.measure.measurement import Metric
from pytest_tinyquant.measure.measurement import OpCount
from pytest_tinyquant.operator_options import OPTIONS


@pytest.fixture
def status_of() -> Callable[[int], int]:
    """Wait for a forked child and return its status; a fork of a busy process may never end."""

    def status(child: int) -> int:
        process = os.pidfd_open(child)
        ended = select.select([process], [], [], 60)[0]
        os.close(process)
        if not ended:
            os.kill(child, signal.SIGKILL)
        result = os.waitpid(child, 0)[1]
        assert ended, "the forked process hung"
        return result

    return status


@pytest.fixture
def recorded() -> Measurement:
    """A measurement as an emulated board gives it."""

    def number(value: float, unit: str) -> Metric:
        return Metric(value, unit, "exact")

    return Measurement(
        model="cnn_4",
        scheme="int8-only",
        board="nucleo-l4r5zi",
        target="emulator",
        identity={
            "model_sha256": "a" * 64,
            "tflite_sha256": "b" * 64,
            "converter": "tensorflow 2.21.0",
            "runtime": "tinyquant",
            "runtime_version": "pytest-tinyquant 0.1.0",
            "kernels": "reference",
            "flags": "-O3",
            "image": "c" * 64,
        },
        toolchain="arm-none-eabi-gcc 12.2.1",
        metrics={
            "error": {
                "mae": number(0.004120, "of range"),
                "rmse": number(0.0061, "of range"),
                "cosine": number(0.99991, "1"),
            },
            "latency": {
                "invoke": number(4_867_112, "instructions"),
                "walk": number(112, "instructions"),
            },
            "flash": {
                "total": number(61_440, "bytes"),
                "weights": number(50_000, "bytes"),
                "kernels": number(6_000, "bytes"),
            },
            "ram": {
                "total": number(20_480, "bytes"),
                "data": number(0, "bytes"),
                "bss": number(100, "bytes"),
                "arena": number(16_384, "bytes"),
                "stack": number(1_024, "bytes"),
            },
        },
        output_sha256="d" * 64,
        ops=(
            OpCount("conv2d[0]", "tq_conv_2d_s8", (1, 32, 32, 16), 1_200_000),
            OpCount("max_pool_2d[1]", "tq_max_pool_2d_s8", (1, 16, 16, 16), 67_000),
            OpCount("conv2d[2]", "tq_conv_2d_s8", (1, 16, 16, 16), 1_300_000),
            OpCount("conv2d[3]", "tq_conv_2d_s8", (1, 16, 16, 32), 2_200_000),
            OpCount("fully_connected[4]", "tq_fully_connected_s8", (1, 10), 100_000),
        ),
        symbols={"tq_conv_2d_s8": 1_204, "tq_fully_connected_s8": 480, "tq_invoke": 64},
        variables={"tq_flag": 4, "tq_guard_low": 16},
        arena_tensors=(ArenaTensor("conv2d_3", 8_192), ArenaTensor("conv2d_2", 4_096)),
        log="",
    )


@pytest.fixture
def change(recorded: Measurement) -> Callable[..., Measurement]:
    """Return a function that gives the recorded measurement with something changed.

    ``error_mae=0.1`` and the like set one number, ``identity_kernels="x"`` one entry of the
    identity, any other keyword a field as a whole.
    """

    def changed(**changes: Any) -> Measurement:
        result = recorded
        for name, value in changes.items():
            group, _, key = name.partition("_")
            if group == "identity" and key:
                result = dataclasses.replace(result, identity={**result.identity, key: value})
            elif group in result.metrics and key:
                old = result.metrics[group][key]
                number = (
                    value if isinstance(value, Metric) else dataclasses.replace(old, value=value)
                )
                parts = {**result.metrics[group], key: number}
                result = dataclasses.replace(result, metrics={**result.metrics, group: parts})
            else:
                result = dataclasses.replace(result, **{name: value})
        return result

    return changed


class ModelBuilder:
    """Writes .tflite files; tensors and operators get their indices in order of definition."""

    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(1024)
        self.buffers: list[int] = [self._table("Buffer", {})]
        self.tensors: list[int] = []
        self.codes: list[str] = []
        self.operators: list[int] = []

    def tensor(
        self,
        shape: Sequence[int],
        dtype: str = "float32",
        *,
        scale: float | Sequence[float] = (),
        zero_point: int = 0,
        axis: int = 0,
        data: Any = None,
        name: str = "",
        signature: Sequence[int] = (),
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

    def build(self, inputs: Sequence[int], outputs: Sequence[int], subgraphs: int = 1) -> bytes:
        """Return the file."""
        numbers = [getattr(tflite.BuiltinOperator, code) for code in self.codes]
        codes = [
            self._table(
                "OperatorCode",
                {"DeprecatedBuiltinCode": min(n, 127), "BuiltinCode": n, "Version": 1},
            )
            for n in numbers
        ]
        subgraph = self._table(
            "SubGraph",
            {
                "Tensors": self._offsets(self.tensors),
                "Inputs": self._vector(np.int32, inputs),
                "Outputs": self._vector(np.int32, outputs),
                "Operators": self._offsets(self.operators),
            },
        )
        model = self._table(
            "Model",
            {
                "Version": 3,
                "OperatorCodes": self._offsets(codes),
                "Subgraphs": self._offsets([subgraph] * subgraphs),
                "Description": self.builder.CreateString("built by a test"),
                "Buffers": self._offsets(self.buffers),
            },
        )
        self.builder.Finish(model, b"TFL3")
        return bytes(self.builder.Output())

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
        if isinstance(value, str):
            return getattr(tflite.Padding, value, None) or getattr(
                tflite.ActivationFunctionType, value, 0
            )
        return self._vector(np.int32, value) if isinstance(value, tuple) else value

    @staticmethod
    def _camel(name: str) -> str:
        return "".join(part.capitalize() for part in name.split("_"))


@pytest.fixture
def builder() -> ModelBuilder:
    """An empty model to add tensors and operators to."""
    return ModelBuilder()


def _small_cnn(activation: str) -> bytes:
    """Convolution, pooling, reshape, fully connected layer and softmax: int8 or float32."""
    quantized = activation == "int8"
    numbers = np.random.default_rng(7)
    model = ModelBuilder()

    def value(shape: Sequence[int], scale: float = 0.1, zero_point: int = 3) -> int:
        q = {"scale": scale, "zero_point": zero_point} if quantized else {}
        return model.tensor(shape, activation, **q)

    def weights(shape: Sequence[int], axis_scales: int) -> int:
        if quantized:
            data = numbers.integers(-127, 128, shape)
            scales = np.linspace(0.004, 0.009, axis_scales)
            return model.tensor(shape, "int8", scale=scales, data=data)
        return model.tensor(shape, data=numbers.standard_normal(shape))

    def bias(size: int) -> int:
        if quantized:
            data = numbers.integers(-500, 500, size)
            return model.tensor((size,), "int32", scale=[0.001] * size, data=data)
        return model.tensor((size,), data=numbers.standard_normal(size))

    image, features = value((1, 8, 8, 2)), value((1, 8, 8, 4))
    pooled, flat = value((1, 4, 4, 4)), value((1, 64))
    logits = value((1, 3), 0.2, -5)
    probabilities = value((1, 3), 1 / 256, -128)
    window = {"padding": "SAME", "stride_w": 1, "stride_h": 1}
    dilation = {"dilation_w_factor": 1, "dilation_h_factor": 1}
    model.operator(
        "CONV_2D",
        [image, weights((4, 3, 3, 2), 4), bias(4)],
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
    model.operator("FULLY_CONNECTED", [flat, weights((3, 64), 3), bias(3)], [logits])
    model.operator("SOFTMAX", [logits], [probabilities], beta=1.0)
    return model.build([image], [probabilities])


@pytest.fixture(scope="session")
def int8_cnn() -> bytes:
    """A small int8 model with per-channel weights: five operators, a few hundred weights."""
    return _small_cnn("int8")


@pytest.fixture(scope="session")
def float_cnn() -> bytes:
    """The same architecture in float32."""
    return _small_cnn("float32")


@pytest.fixture
def cycles_session() -> tuple[tuple[str, str], ...]:
    """What a real board sends in one run: type and payload of each line."""
    return (
        (
            "HELLO",
            "tq=1 image=0123456789abcdef board=b unit=cycles ops=1 samples=1 outputs=1 repeats=1",
        ),
        ("CLOCK", "hz=120 cycles=120 ticks=1 reference=1 loop=36 low=35 high=40 optimized=speed"),
        ("OUT", "0 0 0a"),
        ("RUN", "0 1100"),
        ("REPEAT", "0 1000"),
        ("OP", "0 900"),
        ("PROFILED", "900"),
        ("STACK", "512 8192"),
        ("GUARD", "ok"),
        ("END", "9"),
    )
