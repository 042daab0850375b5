"""The order of the stages, and who has the last word about what a runtime supports."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from pytest_tinyquant import engine
from pytest_tinyquant import firmware
from pytest_tinyquant import graph as graph_module
from pytest_tinyquant import support
from pytest_tinyquant.boards import open as open_module
from pytest_tinyquant.boards.clock import Clock
from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.boards.inventory import Board
from pytest_tinyquant.errors import ClockError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import InvalidOutputError
from pytest_tinyquant.errors import SupportMismatchError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.errors import VacuousSchemeError
from pytest_tinyquant.graph import Graph
from pytest_tinyquant.graph import Quantization
from pytest_tinyquant.graph import Tensor
from pytest_tinyquant.measure.measurement import ArenaTensor
from pytest_tinyquant.measure.measurement import OpCount
from pytest_tinyquant.pipeline import Stages
from pytest_tinyquant.schemes import SCHEMES
from pytest_tinyquant.schemes import convert as convert_module
from pytest_tinyquant.schemes.convert import ConvertedModel
from pytest_tinyquant.schemes.convert import Reference


HOST = Board("host", "host", "tflm", "host", "", ("error", "ram"))
EMULATED = Board(
    "nucleo-l4r5zi",
    "cortex-m4",
    "tinyquant",
    "emulator",
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
IMAGE = SimpleNamespace(
    flags="-O3",
    sha256="c" * 64,
    toolchain="gcc 12",
    symbols={"tq_invoke": 64},
    variables={"tq_flag": 4},
    flash=SimpleNamespace(total=100, weights=40, kernels=30, engine=5, model=10, startup_libc=15),
    ram=SimpleNamespace(data=8, bss=100, arena=1_000, stack_reserved=4_096),
)
ROW = SimpleNamespace(name="output", offset=0, bytes=4, first=0, last=0)
PLAN = SimpleNamespace(
    ops=(
        SimpleNamespace(
            label="conv_2d[0]", kernel="tq_conv_2d_s8", output_shape=(1, 1), tensor=1, macs=9
        ),
    ),
    arena_tensors=(ROW,),
    placements={1: ROW},
    lower_bound_bytes=4,
)


def int8(index, name):
    return Tensor(index, name, (1, 1), "int8", Quantization((0.5,), (0,), 0), None)


class FakeDevice:
    """A device that gives ``outcome`` and notes what is done to it."""

    def __init__(self, outcome, calls):
        self.outcome = outcome
        self.calls = calls

    def flash(self, image):
        self.calls.append(("flash", image))

    def run(self):
        self.calls.append(("run", None))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def close(self):
        self.calls.append(("close", None))


class World:
    """The stages with everything around them replaced: files, converter, compiler, device."""

    def __init__(self, tmp_path, monkeypatch):
        self.calls = []
        self.outcome = RECORD
        self.refusal = None
        self.graph = Graph((int8(0, "input"), int8(1, "output")), (), (0,), (1,))
        self.model = SimpleNamespace(name="cnn_4")
        (tmp_path / "model.tflite").write_bytes(b"tflite")
        np.savez(tmp_path / "reference.npz", inputs=INPUTS, outputs=OUTPUTS)
        self.converted = ConvertedModel(
            "cnn_4", "int8-only", tmp_path / "model.tflite", "b" * 64, "a" * 64, "tensorflow 2.21.0"
        )
        project = SimpleNamespace(cache_root=tmp_path / "cache", work_dir=tmp_path / "work")
        self.stages = Stages(project)
        reference = Reference(tmp_path / "reference.npz", "keras", "")
        patch = monkeypatch.setattr
        patch(convert_module, "convert", lambda *_: self.note("convert", self.converted))
        patch(convert_module, "reference_outputs", lambda *_: reference)
        patch(graph_module, "read_graph", lambda *_, **__: self.note("read", self.graph))
        patch(support, "check_not_vacuous", lambda *_, **__: self.note("vacuous"))
        patch(support, "check_support", self.check_support)
        patch(engine, "plan", lambda *_, **__: PLAN)
        patch(engine, "emit", lambda *_: None)
        patch(firmware, "build", self.build)
        patch(open_module, "open_device", lambda *_, **__: FakeDevice(self.outcome, self.calls))

    def note(self, name, value=None):
        self.calls.append((name, value))
        return value

    def check_support(self, *_, **__):
        self.note("support")
        if self.refusal:
            raise self.refusal

    def build(self, emitted, board, samples, cache, *, where):
        self.note("build", samples)
        return IMAGE

    def measure(self, board):
        return self.stages.measure(self.model, SCHEMES["int8-only"], board)

    @property
    def order(self):
        return [name for name, _ in self.calls]


@pytest.fixture
def world(tmp_path, monkeypatch):
    return World(tmp_path, monkeypatch)


def test_the_stages_follow_each_other(world):
    world.measure(EMULATED)
    assert world.order == [
        "convert",
        "read",
        "vacuous",
        "support",
        "build",
        "flash",
        "run",
        "close",
    ]


def test_the_device_gets_the_reference_inputs_quantized(world):
    world.measure(EMULATED)
    assert dict(world.calls)["build"] == [b"\0", b"\2", b"\4", b"\6"]


def test_the_host_runs_the_converted_file_itself(world):
    world.measure(HOST)
    samples = [b"\0", b"\2", b"\4", b"\6"]
    assert dict(world.calls)["flash"] == HostImage(world.converted.path, samples)


def test_measurement_of_the_emulated_board(world):
    measurement = world.measure(EMULATED)
    assert measurement.combination == "cnn_4-int8-only-nucleo-l4r5zi"
    assert list(measurement.metrics) == ["error", "latency", "flash", "ram"]
    assert measurement.metrics["error"]["mae"].value == 0
    assert measurement.ops == (OpCount("conv_2d[0]", "tq_conv_2d_s8", (1, 1), 990),)
    assert measurement.arena_tensors == (ArenaTensor("conv_2d[0] output", 4),)
    assert (measurement.toolchain, measurement.log) == ("gcc 12", "said")


def test_identity_names_what_was_measured_without_paths_of_this_machine(world):
    identity = dict(world.measure(EMULATED).identity)
    assert identity.pop("runtime_version").startswith("pytest-tinyquant")
    assert identity == {
        "model_sha256": "a" * 64,
        "tflite_sha256": "b" * 64,
        "converter": "tensorflow 2.21.0",
        "runtime": "tinyquant",
        "kernels": "fast",
        "flags": "-O3",
        "image": "c" * 64,
    }


def test_measurement_of_the_host_has_no_more_than_it_can_tell(world):
    measurement = world.measure(HOST)
    assert list(measurement.metrics) == ["error", "ram"]
    assert list(measurement.metrics["ram"]) == ["arena"]
    assert (measurement.toolchain, measurement.ops, measurement.symbols) == ("prebuilt", (), {})


def test_a_board_that_claims_more_than_its_target_measures_is_a_mistake(world):
    with pytest.raises(ConfigurationError, match="board 'host' cannot measure flash"):
        world.measure(dataclasses.replace(HOST, metrics=("error", "flash")))


def test_cycles_of_a_board_with_a_wrong_clock_are_no_measurement(world):
    clock = Clock(120, 4, 1, 1, 36, 35, 40, optimized="speed")
    world.outcome = dataclasses.replace(RECORD, clock=clock)
    with pytest.raises(ClockError, match=r"cnn_4-int8-only-nucleo.*runs at 4 Hz, not at 120"):
        world.measure(EMULATED)
    world.outcome = dataclasses.replace(RECORD, clock=dataclasses.replace(clock, cycles=120))
    world.measure(EMULATED)


def test_an_output_that_cannot_be_judged_is_no_measurement(world):
    world.outcome = dataclasses.replace(RECORD, outputs=(b"\1",) * 4)
    with pytest.raises(InvalidOutputError, match=r"cnn_4-int8-only-nucleo.*same for all 4"):
        world.measure(EMULATED)


def test_the_device_is_released_when_it_halts(world):
    world.outcome = DeviceHaltedError("fault")
    with pytest.raises(DeviceHaltedError):
        world.measure(EMULATED)
    assert world.order[-1] == "close"


def test_a_vacuous_scheme_ends_before_the_support_check(world, monkeypatch):
    def vacuous(*_, **__):
        raise VacuousSchemeError("nothing changed")

    monkeypatch.setattr(support, "check_not_vacuous", vacuous)
    with pytest.raises(VacuousSchemeError):
        world.measure(HOST)
    assert "support" not in world.order


REFUSAL = UnsupportedModelError("no DEQUANTIZE", op="DEQUANTIZE", dtype="float16", reason="why")


def test_on_a_board_the_support_check_decides_before_any_build(world):
    world.refusal = REFUSAL
    with pytest.raises(UnsupportedModelError, match="no DEQUANTIZE"):
        world.measure(EMULATED)
    assert world.order == ["convert", "read", "vacuous", "support"]


@pytest.mark.parametrize("kind", ["AllocateTensors", "Invoke", "abort"])
def test_on_the_host_the_runtime_confirms_a_refusal_in_its_own_words(world, kind):
    world.refusal = REFUSAL
    world.outcome = DeviceHaltedError("Failed to get registration", kind=kind)
    with pytest.raises(UnsupportedModelError) as caught:
        world.measure(HOST)
    assert str(caught.value) == "no DEQUANTIZE\nThe runtime agrees: Failed to get registration"
    assert (caught.value.op, caught.value.dtype, caught.value.reason) == (
        "DEQUANTIZE",
        "float16",
        "why",
    )


def test_a_runtime_that_runs_a_refused_model_contradicts_the_check(world):
    world.refusal = REFUSAL
    with pytest.raises(SupportMismatchError, match="but the runtime runs it: no DEQUANTIZE"):
        world.measure(HOST)


def test_trouble_with_the_inputs_confirms_nothing(world):
    world.refusal = REFUSAL
    world.outcome = DeviceHaltedError("wrong size", kind="SetInput")
    with pytest.raises(DeviceHaltedError, match="wrong size"):
        world.measure(HOST)


def test_a_runtime_that_refuses_an_accepted_model_contradicts_the_check(world):
    world.outcome = DeviceHaltedError("Didn't find op", kind="AllocateTensors")
    with pytest.raises(SupportMismatchError, match="runtime refuses it: Didn't find op"):
        world.measure(HOST)


def test_an_abort_of_an_accepted_model_stays_what_it_is(world):
    world.outcome = DeviceHaltedError("SIGABRT", kind="abort")
    with pytest.raises(DeviceHaltedError, match="SIGABRT"):
        world.measure(HOST)


def test_inputs_and_outputs_travel_in_a_row(world, tmp_path):
    names = ("input", "second", "output", "other")
    tensors = tuple(int8(index, name) for index, name in enumerate(names))
    world.graph = Graph(tensors, (), (0, 1), (2, 3))
    arrays = {"inputs_0": INPUTS, "inputs_1": 3 * INPUTS, "outputs_0": OUTPUTS, "outputs_1": INPUTS}
    np.savez(tmp_path / "reference.npz", **arrays)
    outputs = (b"\0\0", b"\4\2", b"\x08\x04", b"\x0c\x06")
    world.outcome = dataclasses.replace(RECORD, outputs=outputs)
    metrics = world.measure(HOST).metrics
    assert dict(world.calls)["flash"].samples == [b"\0\0", b"\2\6", b"\4\x0c", b"\6\x12"]
    assert metrics["error"]["mae"].value == 0


def test_a_model_without_inputs_is_refused(world):
    world.graph = dataclasses.replace(world.graph, inputs=())
    with pytest.raises(UnsupportedModelError, match="no inputs"):
        world.measure(HOST)


def test_opening_makes_a_directory_for_names_with_slashes(world):
    with world.stages.open(HOST, IMAGE, name="mlperf-tiny/ad01-int8-host"):
        pass
    (directory,) = (world.stages.project.work_dir / "devices").iterdir()
    assert directory.name == "mlperf-tiny_ad01-int8-host"
