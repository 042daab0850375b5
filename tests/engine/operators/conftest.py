"""The engine on the host, compared with TensorFlow Lite Micro on drawn tensors."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_layers.draw import ByHypothesis
from drawn_layers.draw import BySeed
from drawn_layers.draw import Draw
from drawn_layers.draw import Layer
from hypothesis import strategies as st

from pytest_tinyquant.engine.kernel_call import Activation
from pytest_tinyquant.engine.kernel_call import Array
from pytest_tinyquant.engine.kernel_call import Constant
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Ops
from pytest_tinyquant.engine.kernel_call import ScratchMemory
from pytest_tinyquant.engine.plan import PlacedTensor
from pytest_tinyquant.engine.plan import Plan
from pytest_tinyquant.engine.plan import PlanOp
from pytest_tinyquant.engine.plan import TensorInfo
from pytest_tinyquant.engine.plan import plan
from pytest_tinyquant.models.tflite_reader import read_graph


NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"

# Samples of a layer.
INPUT_SETS = 2
NIGHTLY_INPUT_SETS = 10

SANITIZER_FLAGS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")

_DECLARATION = re.compile(r"\s*(?:const )?(\w+) (\*?)(\w+)(?:\[(\d+)\])?\s*")


def _parse_structs(header: str) -> dict[str, type[ctypes.Structure]]:
    """Read the struct definitions of a preprocessed C header into ctypes."""
    structs: dict[str, type[ctypes.Structure]] = {}
    for body, name in re.findall(r"typedef struct \w+ \{(.*?)\} (\w+);", header, re.DOTALL):
        fields: list[tuple[str, Any]] = []
        for declaration in filter(str.strip, body.split(";")):
            found = _DECLARATION.fullmatch(declaration)
            assert found is not None, declaration
            kind, pointer, field_name, count = found.groups()
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

    def address(self, tensor: PlacedTensor) -> int:
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

    def address(self, tensor: PlacedTensor) -> int:
        address: int = self._blocks[tensor]
        return address


class HostEngine:
    """The reference kernels as a shared library; plans run without a compiler in between."""

    def __init__(self, library: Path, header: str, memory: type[Arena | SeparateBuffers]) -> None:
        self.library = ctypes.CDLL(str(library))
        self.memory = memory
        self.structs = _parse_structs(header)

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
        return np.frombuffer(bytearray(raw), dtype=info.dtype).reshape(info.shape)


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
        self.code = ctypes.cast(getattr(engine.library, op.kernel), ctypes.c_void_p)

    def __call__(self) -> None:
        getattr(self.engine.library, self.op.kernel)(ctypes.byref(self.params))

    def _struct(self, name: str, fields: Mapping[str, Any]) -> ctypes.Structure:
        struct = self.engine.structs[name]
        types = {field[0]: field[1] for field in struct._fields_}
        return struct(**{key: self._value(types[key], value) for key, value in fields.items()})

    def _value(self, c_type: Any, value: Any) -> Any:
        match value:
            case Activation(tensor):
                return self.memory.address(self.plan.placements[tensor])
            case ScratchMemory(offset):
                return self.memory.address(self.plan.scratch[self.op.index]) + offset
            case Constant(offset):
                return self.weights + offset
            case Array(ctype, elements):
                rows = [self._struct(ctype, element) for element in elements]
                self.arrays.append((self.engine.structs[ctype] * len(rows))(*rows))
                return ctypes.addressof(self.arrays[-1])
            case Ops(calls):
                return self._list(calls)
            case Mapping():
                return self._struct(c_type.__name__, value)
            case tuple():
                return c_type(*value)
        return value

    def _list(self, calls: Sequence[KernelCall]) -> int:
        """Return the address of an array of operators, each a kernel and its parameters."""
        rows = [
            _Call(self.engine, self.plan, replace(self.op, call=call, kernel=call.kernel),
                  self.memory, self.weights)
            for call in calls
        ]  # fmt: skip
        words = [word for row in rows for word in (row.code.value, ctypes.addressof(row.params))]
        self.arrays += [rows, (ctypes.c_void_p * len(words))(*words)]
        return ctypes.addressof(self.arrays[-1])


@pytest.fixture(scope="session")
def draw_from() -> Callable[[Any], Draw]:
    """Return draw_from(data): a Draw on hypothesis's data; in the nightly profile on one seed."""

    def draw(data: Any) -> Draw:
        if NIGHTLY:
            return Draw(BySeed(data.draw(st.integers(0, 2**64 - 1))), NIGHTLY_INPUT_SETS)
        return Draw(ByHypothesis(data), INPUT_SETS)

    return draw


@pytest.fixture(scope="session")
def host_engine(
    tmp_path_factory: pytest.TempPathFactory,
    engine_sources: list[Path],
    engine_headers: Path,
    compile_for_host: Callable[..., None],
) -> HostEngine:
    """The engine; built with sanitizers if TINYQUANT_TEST_SANITIZE says so."""
    directory = tmp_path_factory.mktemp("engine")
    library, header = directory / "libtq.so", directory / "tq_kernels.i"
    sanitize = os.environ.get("TINYQUANT_TEST_SANITIZE")
    flags = ["-g", *SANITIZER_FLAGS] if sanitize else ["-O2"]
    compile_for_host(engine_sources, library, *flags, "-shared", "-fPIC", "-lm")
    compile_for_host([engine_headers / "tq_kernels.h"], header, "-E", "-P")
    return HostEngine(library, header.read_text(), SeparateBuffers if sanitize else Arena)


@pytest.fixture(scope="session")
def check(tflm: Any, host_engine: HostEngine) -> Callable[[Layer], None]:
    """Return check(layer): the engine's results are TensorFlow Lite Micro's."""

    def run(layer: Layer) -> None:
        expected = tflm.run(layer.model, layer.samples)
        planned = plan(read_graph(layer.model), name=layer.spec.op)
        actual = host_engine.run(planned, layer.samples)
        if layer.defined:
            expected = [layer.defined(outputs) for outputs in expected]
            actual = [layer.defined(outputs) for outputs in actual]
        # All samples of an output at once.
        for outputs in zip(zip(*expected, strict=True), zip(*actual, strict=True), strict=True):
            a, b = (np.stack(values) for values in outputs)
            if a.dtype == np.float32 and layer.bound is not None:
                np.testing.assert_allclose(b, a, rtol=0, atol=layer.bound)
            elif a.tobytes() == b.tobytes():
                continue
            elif a.dtype == np.float32:
                np.testing.assert_array_max_ulp(a, b, maxulp=layer.ulp)
            else:
                np.testing.assert_array_equal(b, a)

    return run


class Tally:
    """What was compared, by operator: distinct layers, distinct layers with inputs, seconds."""

    def __init__(self) -> None:
        self._layers: dict[str, set[bytes]] = {}
        self._cases: dict[str, set[bytes]] = {}
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def add(self, op: str, layer: Layer, seconds: float) -> None:
        self._seconds[op] += seconds
        digest = hashlib.sha256(layer.model)
        self._layers.setdefault(op, set()).add(digest.digest())
        for sample in layer.samples:
            case = digest.copy()
            for value in sample:
                case.update(value.tobytes())
            self._cases.setdefault(op, set()).add(case.digest())

    def rows(self) -> Iterator[tuple[str, int, int, float]]:
        """Yield operator, layers, cases, seconds."""
        for op, layers in self._layers.items():
            yield op, len(layers), len(self._cases[op]), self._seconds[op]


TALLY = Tally()


@pytest.fixture(scope="session")
def tally() -> Tally:
    return TALLY


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """List what the nightly profile compared."""
    if not NIGHTLY or not any(TALLY.rows()):
        return
    terminalreporter.section("layers compared with TensorFlow Lite Micro")
    terminalreporter.write_line(f"{'operator':30}{'layers':>9}{'cases':>9}{'seconds':>9}")
    for op, layers, cases, seconds in TALLY.rows():
        terminalreporter.write_line(f"{op:30}{layers:9,}{cases:9,}{seconds:9.0f}")
