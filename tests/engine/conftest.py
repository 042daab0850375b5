"""One-operator models, and TensorFlow Lite Micro as the reference."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import subprocess
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
import tflite
from hypothesis import HealthCheck
from hypothesis import settings

from pytest_tinyquant.engine.plan import Plan
from pytest_tinyquant.engine.plan import plan
from pytest_tinyquant.graph import read_graph


ENGINE = Path(__file__).resolve().parents[2] / "firmware" / "engine"
ARENA_BYTES = 4 << 20
REPLY_TIMEOUT = 60.0

_COMMON = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
settings.register_profile("ci", derandomize=True, max_examples=30, **_COMMON)
settings.register_profile("sanitizers", derandomize=True, max_examples=6, **_COMMON)
# A family has one test per type; TINYQUANT_TEST_EXAMPLES sets another number for each.
NIGHTLY_EXAMPLES = int(os.environ.get("TINYQUANT_TEST_EXAMPLES", "20000"))
settings.register_profile("nightly", max_examples=NIGHTLY_EXAMPLES, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


# ---- Models ----


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


@dataclass(frozen=True)
class OperatorSpec:
    """A one-operator model; `options` are fields of the schema's `<table>Options`."""

    op: str
    inputs: tuple[TensorSpec | None, ...]
    outputs: tuple[TensorSpec, ...]
    table: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def variable_inputs(self) -> list[TensorSpec]:
        """The inputs of the model, in order."""
        return [tensor for tensor in self.inputs if tensor is not None and tensor.fed]

    def model(self) -> bytes:
        """Write the .tflite file."""
        return _ModelWriter().write(self)


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
        code = getattr(tflite.BuiltinOperator, spec.op)
        opcode = self.table(
            "OperatorCode", DeprecatedBuiltinCode=min(code, 127), Version=1, BuiltinCode=code
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
        return getattr(tflite, f"{name}End")(self.builder)

    def vector(self, dtype: type, values: Sequence[Any]) -> int:
        return self.builder.CreateNumpyVector(np.asarray(values, dtype=dtype))

    def offsets(self, offsets: Sequence[int]) -> int:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return self.builder.EndVector()

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
            self.buffers.append(np.ascontiguousarray(spec.data, dtype=spec.dtype).tobytes())
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
        if spec.table:
            vectors = {
                name: self.vector(np.int32, value) if isinstance(value, list) else value
                for name, value in spec.options.items()
            }
            fields["BuiltinOptionsType"] = getattr(tflite.BuiltinOptions, f"{spec.table}Options")
            fields["BuiltinOptions"] = self.table(f"{spec.table}Options", **vectors)
        return self.table("Operator", **fields)


# ---- TensorFlow Lite Micro ----


class TflmError(Exception):
    """TensorFlow Lite Micro refused the model or died on it."""


def _serve(connection: Any, other_end: Any) -> None:
    """Run models in a child process: TFLM aborts the process on some errors."""
    # Else the end of the parent, which may crash, would go unnoticed.
    other_end.close()
    from tflite_micro.python.tflite_micro import runtime

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    faulthandler.disable()  # a crash here is TFLM's refusal, not the suite's
    while True:
        try:
            model, samples = connection.recv()
        except EOFError:
            return
        try:
            interpreter = runtime.Interpreter.from_bytes(model, arena_size=ARENA_BYTES)
            replies = []
            for sample in samples:
                for index, value in enumerate(sample):
                    interpreter.set_input(value, index)
                interpreter.invoke()
                outputs = range(_output_count(model))
                replies.append([np.array(interpreter.get_output(i)) for i in outputs])
        except Exception as error:
            connection.send(str(error))
        else:
            connection.send(replies)


def _output_count(model: bytes) -> int:
    return tflite.Model.GetRootAs(model, 0).Subgraphs(0).OutputsLength()


class Tflm:
    """TensorFlow Lite Micro's reference kernels, in a child process that is replaced if it dies."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")
        self._connection, child = context.Pipe()
        self._process = context.Process(target=_serve, args=(child, self._connection), daemon=True)
        self._process.start()
        child.close()

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._connection.close()

    def run(self, model: bytes, samples: Sequence[Sequence[np.ndarray]]) -> list[list[np.ndarray]]:
        """Return the outputs for each sample; raise TflmError if there are none."""
        try:
            self._connection.send((model, samples))
            if not self._connection.poll(REPLY_TIMEOUT):
                raise EOFError
            reply = self._connection.recv()
        except (EOFError, OSError) as error:
            self.close()
            self._start()
            raise TflmError("TensorFlow Lite Micro ended its process") from error
        if isinstance(reply, str):
            raise TflmError(reply)
        return reply


def _compile(sources: Sequence[Path], output: Path, *flags: str) -> None:
    command = ["gcc", "-std=c11", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"]
    command += [f"-I{ENGINE / 'include'}", *map(str, sources), *flags, "-o", str(output)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


# ---- Fixtures ----


@pytest.fixture(scope="session")
def tensor_spec() -> type[TensorSpec]:
    return TensorSpec


@pytest.fixture(scope="session")
def operator_spec() -> type[OperatorSpec]:
    return OperatorSpec


@pytest.fixture(scope="session")
def tflm() -> Iterator[Tflm]:
    runner = Tflm()
    yield runner
    runner.close()


@pytest.fixture(scope="session")
def compile_for_host() -> Callable[..., None]:
    """Return compile(sources, output, *flags) with the engine's headers and warnings."""
    return _compile


@pytest.fixture(scope="session")
def engine_headers() -> Path:
    return ENGINE / "include"


@pytest.fixture(scope="session")
def engine_sources() -> list[Path]:
    """The engine as it is linked into firmware, with the reference kernels."""
    folders = ("src", "kernels/common", "kernels/reference")
    return sorted(path for folder in folders for path in (ENGINE / folder).glob("*.c"))


@pytest.fixture(scope="session")
def plan_of() -> Callable[[OperatorSpec], Plan]:
    """Return plan_of(spec): the engine's plan of a one-operator model."""
    return lambda spec: plan(read_graph(spec.model()), where=spec.op)


@pytest.fixture(scope="session")
def tflm_error() -> type[TflmError]:
    """What a model that TensorFlow Lite Micro refuses ends in."""
    return TflmError
