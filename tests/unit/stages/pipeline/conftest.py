"""The stages with everything around them replaced."""

from __future__ import annotations

import copy
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.boards import open as open_module
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.engine import emit as emit_module
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.firmware import image as firmware
from pytest_tinyquant.firmware.runtimes.tflm import TensorFlowLiteMicro
from pytest_tinyquant.firmware.runtimes.tinyquant import Engine
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.models import tflite_reader
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Quantization
from pytest_tinyquant.models.graph import Tensor
from pytest_tinyquant.models.task import Task
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.project.target import Target
from pytest_tinyquant.schemes import convert as convert_module
from pytest_tinyquant.schemes.convert import ConvertedModel
from pytest_tinyquant.schemes.convert import Reference
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.stages.pipeline import Stages
from pytest_tinyquant.support import check as support
from pytest_tinyquant.system.cache import Cache


HOST = Board("host", "host", "tflm", Target.HOST, "", ("error", "ram"))


EMULATED = Board(
    "nucleo-l4r5zi",
    "cortex-m4f",
    "tinyquant",
    Target.EMULATOR,
    "",
    ("error", "latency", "flash", "ram"),
    kernels="/somewhere/kernels/fast",
)


INPUTS = np.array([[0], [1], [2], [3]], np.float32)


OUTPUTS = np.array([[0], [2], [4], [6]], np.float32)


RECORD = RunRecord(
    outputs=(b"\0", b"\4", b"\x08", b"\x0c"),
    counter=1_000,
    counter_unit="instructions",
    counter_class="exact",
    op_counters=(990,),
    walk_counter=10,
    stack_bytes=512,
    arena_bytes=2_048,
    log="said",
)


IMAGE: Any = SimpleNamespace(
    flags="-O3",
    sha256="c" * 64,
    toolchain="gcc 12",
    symbols={"tq_invoke": 64},
    variables={"tq_flag": 4},
    flash=SimpleNamespace(total=100, weights=40, kernels=30, engine=5, model=10, startup_libc=15),
    ram=SimpleNamespace(data=8, bss=100, arena=1_000, stack_reserved=4_096),
)


ROW: Any = SimpleNamespace(name="output", offset=0, bytes=4, first=0, last=0)


PLAN: Any = SimpleNamespace(
    ops=(
        SimpleNamespace(
            label="conv_2d[0]", kernel="tq_conv_2d_s8", output_shape=(1, 1), tensor=1, macs=9
        ),
    ),
    arena_tensors=(ROW,),
    placements={1: ROW},
    lower_bound_bytes=4,
    parameters=9,
)


def int8(index: int, name: str) -> Tensor:
    return Tensor(index, name, (1, 1), "int8", Quantization((0.5,), (0,), 0), None)


class FakeDevice:
    """A device that gives ``outcome`` and notes what is done to it."""

    def __init__(
        self, outcome: DeviceHaltedError | RunRecord, calls: list[tuple[str, Any]]
    ) -> None:
        self.outcome = outcome
        self.calls = calls

    def flash(self, image: Any) -> None:
        self.calls.append(("flash", image))

    def run(self) -> RunRecord:
        self.calls.append(("run", None))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def close(self) -> None:
        self.calls.append(("close", None))


class World:
    """The stages with everything around them replaced: files, converter, compiler, device."""

    host, emulated, image = HOST, EMULATED, IMAGE
    inputs, outputs, record = INPUTS, OUTPUTS, RECORD
    int8 = staticmethod(int8)

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.outcome: RunRecord | DeviceHaltedError = RECORD
        self.refusal: UnsupportedModelError | None = None
        self.interpreter = {"reference": OUTPUTS, "optimized": OUTPUTS}
        self.graph = Graph((int8(0, "input"), int8(1, "output")), (), (0,), (1,))
        self.model: Any = SimpleNamespace(
            sequence=1,
            steps=lambda samples: 1,
            kind="keras",
            name="cnn_4",
            labels=lambda: None,
            task=Task(),
            has_drawn_data=False,
        )
        (tmp_path / "model.tflite").write_bytes(b"tflite")
        np.savez(tmp_path / "reference.npz", inputs=INPUTS, outputs=OUTPUTS)
        self.converted = ConvertedModel(
            "cnn_4", "int8-only", tmp_path / "model.tflite", "b" * 64, "a" * 64, "tensorflow 2.21.0"
        )
        project: Any = SimpleNamespace(
            schemes=SCHEMES,
            cache_root=tmp_path / "cache",
            work_dir=tmp_path / "work",
            root=tmp_path,
        )
        self.stages = Stages(project)
        reference = Reference(tmp_path / "reference.npz", "keras", "")
        patch = monkeypatch.setattr
        patch(convert_module, "convert", lambda *_: self.note("convert", self.converted))
        patch(convert_module, "reference_outputs", lambda *_: reference)
        patch(convert_module, "interpreter_outputs", self.interpreter_outputs)
        patch(tflite_reader, "read_graph", lambda *_, **__: self.note("read", self.graph))
        patch(support, "check_not_vacuous", lambda *_, **__: self.note("vacuous"))
        patch(support, "plan_supported", self.plan_supported)
        patch(emit_module, "emit", lambda *_: None)
        patch(firmware, "build", self.build)
        patch(open_module, "open_device", lambda *_, **__: FakeDevice(self.outcome, self.calls))

    def note(self, name: str, value: Any = None) -> Any:
        self.calls.append((name, value))
        return value

    def plan_supported(
        self,
        graph: Graph,
        runtime: Engine | TensorFlowLiteMicro,
        *,
        kernels: str,
        name: str,
        replaced: Collection[str] = (),
        spare_bytes: int,
    ) -> Any:
        self.note("support")
        if self.refusal:
            raise copy.copy(self.refusal)
        return PLAN if runtime.is_compiled else None

    def interpreter_outputs(
        self, model: Any, converted: ConvertedModel, cache: Cache, *, kernels: str
    ) -> Path:
        self.note(f"{kernels} kernels")
        file = self.converted.path.with_name(f"by_{kernels}.npz")
        np.savez(file, outputs=self.interpreter[kernels])
        return file

    def build(
        self, emitted: None, board: Board, samples: list[bytes], cache: Cache, *, where: str
    ) -> Any:
        self.note("build", samples)
        return IMAGE

    def measure(self, board: Board) -> Measurement:
        return self.stages.measure(Case(self.model, SCHEMES["int8-only"], board))

    @property
    def order(self) -> list[str]:
        return [name for name, _ in self.calls]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)
