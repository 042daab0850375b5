"""The engine on the host, compared with TensorFlow Lite Micro on drawn tensors."""

from __future__ import annotations

import ctypes
import math
import os
import re
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from pytest_tinyquant.engine.kernel_call import Activation
from pytest_tinyquant.engine.kernel_call import Array
from pytest_tinyquant.engine.kernel_call import Constant
from pytest_tinyquant.engine.kernel_call import Scratch
from pytest_tinyquant.engine.plan import ArenaTensor
from pytest_tinyquant.engine.plan import Plan
from pytest_tinyquant.engine.plan import PlanOp
from pytest_tinyquant.engine.plan import TensorInfo


LIMITS = {"int8": (-128, 127), "int16": (-32768, 32767), "int32": (-1000, 1000)}
BIAS_TYPES = {"float32": "float32", "int8": "int32", "int16": "int64"}
SANITIZER_FLAGS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")

_DECLARATION = re.compile(r"\s*(?:const )?(\w+) (\*?)(\w+)(?:\[(\d+)\])?\s*")


def _parse_structs(header: str) -> dict[str, type[ctypes.Structure]]:
    """Read the struct definitions of a C header into ctypes."""
    header = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    structs: dict[str, type[ctypes.Structure]] = {}
    for body, name in re.findall(r"typedef struct \w+ \{(.*?)\} (\w+);", header, re.DOTALL):
        fields: list[tuple[str, Any]] = []
        for declaration in filter(str.strip, body.split(";")):
            kind, pointer, field_name, count = _DECLARATION.fullmatch(declaration).groups()
            c_type = ctypes.c_void_p if pointer else structs.get(kind) or _scalar(kind)
            fields.append((field_name, c_type * int(count) if count else c_type))
        structs[name] = type(name, (ctypes.Structure,), {"_fields_": fields})
    return structs


def _scalar(name: str) -> Any:
    return ctypes.c_float if name == "float" else getattr(ctypes, f"c_{name.removesuffix('_t')}")


class Arena:
    """Every tensor at its planned offset of one block, as in firmware."""

    def __init__(self, plan: Plan) -> None:
        self.block = np.full(plan.arena_bytes, 0xA5, dtype=np.uint8)

    def address(self, tensor: ArenaTensor) -> int:
        return self.block.ctypes.data + tensor.offset


class SeparateBuffers:
    """Every tensor in a heap block of its own size, which AddressSanitizer guards."""

    def __init__(self, plan: Plan) -> None:
        self._libc = ctypes.CDLL(None)
        self._libc.malloc.restype = ctypes.c_void_p
        tensors = (*plan.placements.values(), *plan.scratch.values())
        self._blocks = {tensor: self._libc.malloc(tensor.bytes) for tensor in tensors}

    def __del__(self) -> None:
        for block in self._blocks.values():
            self._libc.free(ctypes.c_void_p(block))

    def address(self, tensor: ArenaTensor) -> int:
        return self._blocks[tensor]


class HostEngine:
    """The reference kernels as a shared library; plans run without a compiler in between."""

    def __init__(self, library: Path, headers: Path, memory: type[Arena | SeparateBuffers]) -> None:
        self.library = ctypes.CDLL(str(library))
        self.memory = memory
        self.structs = _parse_structs((headers / "tq_kernels.h").read_text())

    def run(
        self,
        plan: Plan,
        samples: Sequence[Sequence[np.ndarray]],
        before: Callable[[int, Any], None] = lambda row, memory: None,
    ) -> list[list[np.ndarray]]:
        """Return the outputs of a plan for each sample.

        `before` is called with the row of every operator that is about to run, and with one more
        when all have run, and the memory they work on.
        """
        memory = self.memory(plan)
        weights = np.frombuffer(plan.weights or b"\0", dtype=np.uint8)
        calls = [_Call(self, plan, op, memory, weights.ctypes.data) for op in plan.ops]
        for state in plan.states:
            address = memory.address(plan.placements[state.index])
            ctypes.memset(address, state.value, state.bytes)
        results = []
        for sample in samples:
            for info, value in zip(plan.inputs, sample, strict=True):
                raw = np.ascontiguousarray(value).tobytes()
                ctypes.memmove(memory.address(plan.placements[info.index]), raw, info.bytes)
            for row, call in enumerate(calls):
                before(row, memory)
                call()
            before(len(calls), memory)
            results.append([self._output(plan, info, memory) for info in plan.outputs])
        return results

    def _output(self, plan: Plan, info: TensorInfo, memory: Arena | SeparateBuffers) -> np.ndarray:
        raw = ctypes.string_at(memory.address(plan.placements[info.index]), info.bytes)
        return np.frombuffer(raw, dtype=info.dtype).reshape(info.shape)


class _Call:
    """One row of a plan with its parameter struct in this process's memory."""

    def __init__(
        self,
        engine: HostEngine,
        plan: Plan,
        op: PlanOp,
        memory: Arena | SeparateBuffers,
        weights: int,
    ) -> None:
        self.engine, self.plan, self.op = engine, plan, op
        self.memory, self.weights = memory, weights
        self.arrays: list[Any] = []
        self.params = self._struct(op.call.params_type, op.call.fields)

    def __call__(self) -> None:
        getattr(self.engine.library, self.op.kernel)(ctypes.byref(self.params))

    def _struct(self, name: str, fields: Mapping[str, Any]) -> ctypes.Structure:
        struct = self.engine.structs[name]
        types = dict(struct._fields_)  # type: ignore[misc]
        return struct(**{key: self._value(types[key], value) for key, value in fields.items()})

    def _value(self, c_type: Any, value: Any) -> Any:
        match value:
            case Activation(tensor):
                return self.memory.address(self.plan.placements[tensor])
            case Scratch():
                return self.memory.address(self.plan.scratch[self.op.index])
            case Constant(offset):
                return self.weights + offset
            case Array(ctype, elements):
                rows = [self._struct(ctype, element) for element in elements]
                self.arrays.append((self.engine.structs[ctype] * len(rows))(*rows))
                return ctypes.addressof(self.arrays[-1])
            case Mapping():
                return self._struct(c_type.__name__, value)
            case tuple():
                return c_type(*value)
        return value


class Draw:
    """One drawn case; everything is reproducible from hypothesis's choices."""

    def __init__(self, data: Any, tensor_spec: Any) -> None:
        self.data = data
        self.tensor_spec = tensor_spec

    def integer(self, low: int, high: int) -> int:
        return self.data.draw(st.integers(low, high))

    def choice(self, options: Sequence[Any]) -> Any:
        return self.data.draw(st.sampled_from(options))

    def shape(self, *limits: int) -> tuple[int, ...]:
        """Draw a shape with axis i in [1, limits[i]]."""
        return tuple(self.integer(1, limit) for limit in limits)

    def scale(self, low: int, high: int) -> float:
        """Draw a scale in [2**low, 2**high), often a power of two, whose ratios produce ties.

        Others have all of float32's bits, which tell products in float32 from those in double.
        """
        mantissa = self.data.draw(st.just(1 << 23) | st.integers(1 << 23, (1 << 24) - 1))
        return float(np.float32(math.ldexp(mantissa, self.integer(low, high - 1) - 23)))

    def zero_point(self, dtype: str) -> int:
        if dtype != "int8":
            return 0
        return self.data.draw(st.sampled_from([-128, 127, 0]) | st.integers(-128, 127))

    def random(self) -> np.random.Generator:
        return np.random.default_rng(self.integer(0, 2**32 - 1))

    def values(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """Draw random values, only extremes, or all equal."""
        kind = self.choice(["random", "extremes", "equal"])
        random = self.random()
        if dtype == "float32":
            return _float_values(kind, random, shape)
        low, high = LIMITS[dtype]
        if kind == "extremes":
            return random.choice([low, high], shape).astype(dtype)
        if kind == "equal":
            return np.full(shape, random.integers(low, high + 1), dtype)
        return random.integers(low, high + 1, shape).astype(dtype)

    def activation(self, shape: tuple[int, ...], dtype: str, low: int = -9, high: int = 0) -> Any:
        """Draw a tensor computed at run time, quantized unless it is float32."""
        if dtype in {"float32", "int32"}:
            return self.tensor_spec(shape, dtype)
        return self.tensor_spec(shape, dtype, self.scale(low, high), self.zero_point(dtype))

    def weights(self, shape: tuple[int, ...], dtype: str, axis: int, per_channel: bool) -> Any:
        """Draw constant weights for activations of `dtype`, symmetric in [-127, 127]."""
        if dtype == "float32":
            return self.tensor_spec(shape, dtype, data=self.values(shape, dtype))
        data = np.maximum(self.values(shape, "int8"), -127)
        count = shape[axis] if per_channel else 1
        scales = [self.scale(-9, -3) for _ in range(count)]
        return self.tensor_spec(shape, "int8", scales, 0, axis, data)

    def bias(self, source: Any, weights: Any, channels: int, dtype: str = "") -> Any:
        """Draw a constant bias: ordinary, or so large that every output saturates."""
        dtype = dtype or BIAS_TYPES[source.dtype]
        random = self.random()
        if dtype == "float32":
            data = random.normal(0, 3, channels).astype(dtype)
            return self.tensor_spec((channels,), dtype, data=data)
        limit = self.choice([20_000, 1 << 30])
        data = random.integers(-limit, limit, channels).astype(dtype)
        scales = [source.scale * scale for scale in weights.scale]
        return self.tensor_spec((channels,), dtype, scales, 0, 0, data)

    def samples(self, spec: Any, count: int = 2) -> list[list[np.ndarray]]:
        """Draw values for every input that is not constant."""
        return [
            [self.values(tensor.shape, tensor.dtype) for tensor in spec.variable_inputs]
            for _ in range(count)
        ]


def _float_values(kind: str, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    if kind == "extremes":
        values = random.choice([-1e6, -1.0, -0.0, 1e-30, 1.0, 1e6], shape)
    elif kind == "equal":
        values = np.full(shape, random.normal(0, 3))
    else:
        values = random.normal(0, 3, shape)
    return values.astype("float32")


@pytest.fixture(scope="session")
def draw_from(tensor_spec: Any) -> Callable[[Any], Draw]:
    """Return draw_from(data): a Draw on hypothesis's data."""
    return lambda data: Draw(data, tensor_spec)


@pytest.fixture(scope="session")
def host_engine(
    tmp_path_factory: pytest.TempPathFactory,
    engine_sources: list[Path],
    engine_headers: Path,
    compile_for_host: Callable[..., None],
) -> HostEngine:
    """The engine; built with sanitizers if TINYQUANT_TEST_SANITIZE says so."""
    library = tmp_path_factory.mktemp("engine") / "libtq.so"
    sanitize = os.environ.get("TINYQUANT_TEST_SANITIZE")
    flags = ["-g", *SANITIZER_FLAGS] if sanitize else ["-O2"]
    compile_for_host(engine_sources, library, *flags, "-shared", "-fPIC", "-lm")
    return HostEngine(library, engine_headers, SeparateBuffers if sanitize else Arena)


@pytest.fixture(scope="session")
def check(
    tflm: Any, host_engine: HostEngine, plan_of: Callable[[Any], Plan]
) -> Callable[..., None]:
    """Return check(spec, samples, ulp=, bound=): the engine's results are TFLM's.

    Integers must be equal byte for byte; float32 may differ by `ulp` units in the last place or
    by the absolute `bound`, where that is given.
    """

    def run(
        spec: Any,
        samples: Sequence[Sequence[np.ndarray]],
        *,
        ulp: int = 2,
        bound: float | None = None,
    ) -> None:
        expected = tflm.run(spec.model(), samples)
        actual = host_engine.run(plan_of(spec), samples)
        for expected_outputs, actual_outputs in zip(expected, actual, strict=True):
            for a, b in zip(expected_outputs, actual_outputs, strict=True):
                if a.dtype != np.float32:
                    np.testing.assert_array_equal(b, a)
                elif bound is None:
                    np.testing.assert_array_max_ulp(a, b, maxulp=ulp)
                else:
                    np.testing.assert_allclose(b, a, rtol=0, atol=bound)

    return run
