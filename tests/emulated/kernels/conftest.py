"""Models of many drawn layers, run with the reference kernels and with another kernel set."""

from __future__ import annotations

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
from hypothesis import HealthCheck
from hypothesis import Phase
from hypothesis import settings

from pytest_tinyquant.boards.emulator.cortex_m import EmulatedCortexM
from pytest_tinyquant.boards.emulator.rx import EmulatedRx
from pytest_tinyquant.engine import Plan
from pytest_tinyquant.engine import PlanOp
from pytest_tinyquant.engine.emit import emit
from pytest_tinyquant.engine.plan import plan
from pytest_tinyquant.firmware.image import build
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Quantization
from pytest_tinyquant.models.graph import Tensor
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.target import Target
from pytest_tinyquant.system.cache import Cache


NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
SAMPLES = 2
BIASES = {"float32": "float32", "int8": "int32", "int16": "int64"}

settings.register_profile(
    "emulated_kernels",
    derandomize=not NIGHTLY,
    database=None,
    max_examples=400 if NIGHTLY else 2,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # An example is a model of many layers, and the message names the one that failed: shrinking
    # would take longer than reading it.
    phases=[Phase.explicit, Phase.generate],
)


#: The core and the emulated machine that each kernel set is for.
CORES = {
    "cortex_m_dsp": ("cortex-m4f", "mps2-an386"),
    "cortex_m_mve": ("cortex-m55", "mps3-an547"),
    "rx_dsp": ("rx", "r5f562n8"),
}

# Behind the arena begins memory that must not even be read while the layers run: the smallest
# region of the MPU. On Armv7-M it takes precedence over the RAM's; on Armv8-M an access to where
# two regions overlap is a fault. QEMU's RX has no MPU; that device checks what a run wrote to.
FENCE_BYTES = 32
_SWITCHES = {"mps2-an386": "4 << 1", "mps3-an547": "(uint32_t)(tq_arena + {arena})"}
_FENCE = f"""
__attribute__((section(".bss.tq_arena"), aligned({FENCE_BYTES}), used))
static uint8_t fenced[{{before}} + {{arena}} + {FENCE_BYTES}];
__asm__(".global tq_arena\\n.set tq_arena, fenced + {{before}}");

static void set_fence(const void *on) {{{{
  *(volatile uint32_t *)0xE000ED98 = 7;
  *(volatile uint32_t *)0xE000ED9C = (uint32_t)(tq_arena + {{arena}});
  *(volatile uint32_t *)0xE000EDA0 = on != NULL ? ({{switch}}) | 1 : 0;
  __asm volatile("dsb\\n\\tisb" ::: "memory");
}}}}
"""


class Layers:
    """A model of layers side by side, each with its own input and output."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.tensors: list[Tensor] = []
        self.operators: list[Operator] = []

    def choice(self, options: Sequence[Any]) -> Any:
        return options[self.integer(0, len(options) - 1)]

    def chance(self, probability: float) -> bool:
        return bool(self.random.random() < probability)

    def integer(self, low: int, high: int) -> int:
        return int(self.random.integers(low, high + 1))

    def scale(self, low: int, high: int) -> float:
        """Draw a scale in [2**low, 2**high), often a power of two, whose ratios produce ties."""
        mantissa = 1.0 if self.chance(0.3) else self.random.uniform(1, 2)
        return float(np.float32(math.ldexp(mantissa, self.integer(low, high - 1))))

    def zero_point(self, dtype: str) -> int:
        if dtype != "int8":
            return 0
        return int(self.choice([-128, 127, 0, self.integer(-128, 127)]))

    def values(self, shape: Sequence[int], dtype: str) -> np.ndarray:
        """Draw random values, or only extremes."""
        if dtype == "float32":
            return self._floats(shape)
        info = np.iinfo(dtype)
        if self.chance(0.3):
            return self.random.choice([info.min, info.max], shape).astype(dtype)
        return self.random.integers(info.min, info.max + 1, shape).astype(dtype)

    def weights(self, shape: Sequence[int], dtype: str) -> np.ndarray:
        """Draw weights for activations of `dtype`; they are rarely -128."""
        if dtype == "float32":
            return self.values(shape, dtype)
        values = self.values(shape, "int8")
        return values if self.chance(0.1) else np.maximum(values, -127)

    def activation(
        self, shape: Sequence[int], dtype: str, scale: float | None = None, zero_point: int = 0
    ) -> int:
        quantization = None
        if scale is not None and dtype != "float32":
            quantization = Quantization((scale,), (zero_point,), 0)
        return self._tensor(shape, dtype, quantization, None)

    def constant(
        self, values: np.ndarray, scales: Sequence[float] | None = None, axis: int = 0
    ) -> int:
        quantization = None
        if scales is not None:
            quantization = Quantization(tuple(scales), (0,) * len(scales), axis)
        return self._tensor(values.shape, values.dtype.name, quantization, values.tobytes())

    def bias(self, channels: int, dtype: str) -> int | None:
        """Draw a bias for activations of `dtype`: none, ordinary, or beyond every output."""
        if self.chance(0.2):
            return None
        if dtype == "float32":
            return self.constant(self.values((channels,), dtype))
        limit = 1 << 30 if self.chance(0.2) else 20_000
        values = self.random.integers(-limit, limit, channels, endpoint=True)
        return self.constant(values.astype(BIASES[dtype]))

    def add(self, op: str, inputs: Sequence[int | None], output: int, **options: Any) -> None:
        """Add a layer; its first input and its output are the model's."""
        indices = tuple(-1 if index is None else index for index in inputs)
        self.operators.append(Operator(len(self.operators), op, 1, indices, (output,), options))

    def graph(self) -> Graph:
        inputs = tuple(operator.inputs[0] for operator in self.operators)
        outputs = tuple(operator.outputs[0] for operator in self.operators)
        return Graph(tuple(self.tensors), tuple(self.operators), inputs, outputs)

    def sample(self) -> bytes:
        """Draw values for all inputs."""
        tensors = [self.tensors[operator.inputs[0]] for operator in self.operators]
        return b"".join(self.values(tensor.shape, tensor.dtype).tobytes() for tensor in tensors)

    def _floats(self, shape: Sequence[int]) -> np.ndarray:
        """Draw floats of very different size, whose sums depend on the order, and zeros."""
        values = self.random.normal(0, 1, shape) * 2.0 ** self.random.integers(-12, 12, shape)
        zeros = self.random.choice([0.0, -0.0], shape)
        return np.where(self.random.random(shape) < 0.1, zeros, values).astype("float32")

    def _tensor(
        self,
        shape: Sequence[int],
        dtype: str,
        quantization: Quantization | None,
        data: bytes | None,
    ) -> int:
        index = len(self.tensors)
        self.tensors.append(Tensor(index, f"t{index}", tuple(shape), dtype, quantization, data))
        return index


class TwoSets:
    """Runs a model with both kernel sets on the emulated core that the second one is for."""

    def __init__(self, directories: Callable[[str], Path], kernels: str) -> None:
        self.kernels = kernels
        self._directories = directories
        self._cache = Cache(directories("cache"))

    def check_equal(self, layers: Layers) -> dict[str, int]:
        """Check every layer's bytes; return how often the second set used each kernel."""
        return self.check(layers.graph(), [layers.sample() for _ in range(SAMPLES)])

    def check(self, graph: Graph, samples: Sequence[bytes]) -> dict[str, int]:
        """Check the bytes of every output; return how often the second set used each kernel."""
        sets = ("reference", self.kernels)
        plans = {name: plan(graph, kernels=name) for name in sets}
        expected, actual = (self.run(plans[name], name, samples) for name in sets)
        ops = plans[self.kernels].ops
        writers = {tensor: op for op in ops for tensor in op.call.writes}
        for one, other in zip(expected, actual, strict=True):
            offset = 0
            for tensor in graph.outputs:
                part = slice(offset, offset + graph.tensors[tensor].bytes)
                assert other[part] == one[part], _described(writers[tensor])
                offset = part.stop
            assert offset == len(one)
        kernels = [op.kernel for op in ops]
        return {kernel: kernels.count(kernel) for kernel in kernels}

    def run(self, planned: Plan, kernels: str, samples: Sequence[bytes]) -> tuple[bytes, ...]:
        core, machine = CORES[self.kernels]
        board = Board(
            "emulated", core, "tinyquant", Target.EMULATOR, "", (), 2 << 20, 640 << 10,
            kernels, machine=machine,
        )  # fmt: skip
        emitted = emit(planned, self._directories("model"))
        source = emitted.directory / "tq_model.c"
        if machine in _SWITCHES:
            _fence(source, machine, planned.arena_bytes, len(planned.ops))
        image = build(emitted, board, samples, self._cache, where=kernels)
        emulated = EmulatedCortexM if machine in _SWITCHES else EmulatedRx
        device = emulated(board.name, board.machine, timeout=120)
        try:
            device.flash(image)
            return device.run().outputs
        finally:
            device.close()


def _fence(source: Path, machine: str, arena: int, ops: int) -> None:
    """Put the fence behind the arena of a generated model, and its switches around the layers."""
    text = source.read_text()
    definition = re.search(r"__attribute__\(.*\nuint8_t tq_arena\[\d+\];\n", text)
    table = "static const tq_op tq_model_ops[] = {"
    rows = re.search(re.escape(table) + r"(.*?)\n};", text, re.DOTALL)
    assert definition and rows
    switch = _SWITCHES[machine].format(arena=arena)
    fence = _FENCE.format(before=-arena % FENCE_BYTES, arena=arena, switch=switch)
    on, off = "{set_fence, &tq_model_params_0}", "{set_fence, NULL}"
    text = text.replace(definition[0], fence)
    text = text.replace(rows[0], f"{table}\n    {on},{rows[1]}\n    {off},\n}};")
    source.write_text(text.replace(f".op_count = {ops},", f".op_count = {ops + 2},"))


def _described(op: PlanOp) -> tuple[str, str, dict[str, Any]]:
    fields = {k: v for k, v in op.call.fields.items() if isinstance(v, int | Mapping)}
    return op.label, op.kernel, fields


@pytest.fixture(scope="session")
def layers() -> type[Layers]:
    """Return layers(seed): an empty model."""
    return Layers


@pytest.fixture(scope="session")
def two_sets(tmp_path_factory: pytest.TempPathFactory) -> TwoSets:
    return TwoSets(tmp_path_factory.mktemp, "cortex_m_dsp")


@pytest.fixture(scope="session")
def helium_sets(tmp_path_factory: pytest.TempPathFactory) -> TwoSets:
    return TwoSets(tmp_path_factory.mktemp, "cortex_m_mve")


@pytest.fixture(scope="session")
def rx_sets(tmp_path_factory: pytest.TempPathFactory) -> TwoSets:
    return TwoSets(tmp_path_factory.mktemp, "rx_dsp")
