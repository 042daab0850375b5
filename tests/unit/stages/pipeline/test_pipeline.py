"""The order of the stages, and who has the last word about what a runtime supports."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import NoReturn

import numpy as np
import pytest

from pytest_tinyquant.boards.clock import Clock
from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.errors import ClockError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import InvalidOutputError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.errors import VacuousSchemeError
from pytest_tinyquant.measure.measurement import ArenaTensor
from pytest_tinyquant.measure.measurement import OpCount
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.support import check as support


if TYPE_CHECKING:
    from tests.unit.stages.pipeline.conftest import World


def test_the_stages_follow_each_other(world: World) -> None:
    world.measure(world.emulated)
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


def test_the_device_gets_the_reference_inputs_quantized(world: World) -> None:
    world.measure(world.emulated)
    assert dict(world.calls)["build"] == [b"\0", b"\2", b"\4", b"\6"]


def test_the_host_runs_the_converted_file_itself(world: World) -> None:
    world.measure(world.host)
    samples = [b"\0", b"\2", b"\4", b"\6"]
    assert dict(world.calls)["flash"] == HostImage(world.converted.path, samples)


def test_measurement_of_the_emulated_board(world: World) -> None:
    measurement = world.measure(world.emulated)
    assert measurement.combination == "cnn_4-int8-only-nucleo-l4r5zi"
    assert list(measurement.metrics) == ["error", "latency", "flash", "ram"]
    assert measurement.metrics["error"]["mae"].value == 0
    assert measurement.ops == (OpCount("conv_2d[0]", "tq_conv_2d_s8", (1, 1), 990),)
    assert measurement.arena_tensors == (ArenaTensor("conv_2d[0] output", 4),)
    assert (measurement.toolchain, measurement.log) == ("gcc 12", "said")


def test_identity_names_what_was_measured_without_paths_of_this_machine(world: World) -> None:
    identity = dict(world.measure(world.emulated).identity)
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


def test_measurement_of_the_host_has_no_more_than_it_can_tell(world: World) -> None:
    measurement = world.measure(world.host)
    assert list(measurement.metrics) == ["error", "ram"]
    assert list(measurement.metrics["ram"]) == ["arena"]
    assert (measurement.toolchain, measurement.ops, measurement.symbols) == ("prebuilt", (), {})


def test_a_board_that_claims_more_than_its_target_measures_is_a_mistake(world: World) -> None:
    with pytest.raises(ConfigurationError, match="board 'host' cannot measure flash"):
        world.measure(dataclasses.replace(world.host, metrics=("error", "flash")))


def test_cycles_of_a_board_with_a_wrong_clock_are_no_measurement(world: World) -> None:
    clock = Clock(120, 4, 1, 1, 36, 35, 40, optimized="speed")
    world.outcome = dataclasses.replace(world.record, clock=clock)
    with pytest.raises(ClockError, match=r"cnn_4-int8-only-nucleo.*runs at 4 Hz, not at 120"):
        world.measure(world.emulated)
    world.outcome = dataclasses.replace(world.record, clock=dataclasses.replace(clock, cycles=120))
    world.measure(world.emulated)


def test_an_output_that_cannot_be_judged_is_no_measurement(world: World) -> None:
    world.outcome = dataclasses.replace(world.record, outputs=(b"\1",) * 4)
    with pytest.raises(InvalidOutputError, match=r"cnn_4-int8-only-nucleo.*same for all 4"):
        world.measure(world.emulated)


def test_the_device_is_released_when_it_halts(world: World) -> None:
    world.outcome = DeviceHaltedError("fault")
    with pytest.raises(DeviceHaltedError):
        world.measure(world.emulated)
    assert world.order[-1] == "close"


def test_a_vacuous_scheme_ends_before_the_support_check(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vacuous(*_: object, **__: object) -> NoReturn:
        raise VacuousSchemeError("nothing changed")

    monkeypatch.setattr(support, "check_not_vacuous", vacuous)
    with pytest.raises(VacuousSchemeError):
        world.measure(world.host)
    assert "support" not in world.order


def test_inputs_and_outputs_travel_in_a_row(world: World, tmp_path: Path) -> None:
    names = ("input", "second", "output", "other")
    tensors = tuple(world.int8(index, name) for index, name in enumerate(names))
    world.graph = Graph(tensors, (), (0, 1), (2, 3))
    arrays: dict[str, Any] = {
        "inputs_0": world.inputs,
        "inputs_1": 3 * world.inputs,
        "outputs_0": world.outputs,
        "outputs_1": world.inputs,
    }
    np.savez(tmp_path / "reference.npz", **arrays)
    outputs = (b"\0\0", b"\4\2", b"\x08\x04", b"\x0c\x06")
    world.outcome = dataclasses.replace(world.record, outputs=outputs)
    metrics = world.measure(world.host).metrics
    assert dict(world.calls)["flash"].samples == [b"\0\0", b"\2\6", b"\4\x0c", b"\6\x12"]
    assert metrics["error"]["mae"].value == 0


def test_a_model_without_inputs_is_refused(world: World) -> None:
    world.graph = dataclasses.replace(world.graph, inputs=())
    with pytest.raises(UnsupportedModelError, match="no inputs"):
        world.measure(world.host)


def test_opening_makes_a_directory_for_names_with_slashes(world: World) -> None:
    with world.stages.open(world.host, world.image, name="mlperf-tiny/ad01-int8-host"):
        pass
    (directory,) = (world.stages.project.work_dir / "devices").iterdir()
    assert directory.name == "mlperf-tiny_ad01-int8-host"
