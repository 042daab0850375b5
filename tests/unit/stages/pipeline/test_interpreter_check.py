"""Outputs that look wrong, or are to be recorded, are compared with TensorFlow Lite's own."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from typing import NoReturn

import numpy as np
import pytest

from pytest_tinyquant.errors import ConversionError
from pytest_tinyquant.errors import InvalidOutputError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Quantization
from pytest_tinyquant.project.board_types import Board


if TYPE_CHECKING:
    from tests.unit.stages.pipeline.conftest import World


def test_outputs_close_to_the_reference_need_no_other_witness(world: World) -> None:
    world.measure(world.host)
    assert not any(name.endswith("kernels") for name in world.order)


@pytest.fixture
def bad_model(world: World) -> np.ndarray:
    """What a model gives whose quantization costs a lot: the device's steps stand for others."""
    world.outcome = dataclasses.replace(world.record, outputs=(b"\0", b"\1", b"\2", b"\3"))
    return world.outputs / 4


def test_a_bad_model_that_is_run_as_the_interpreter_runs_it_is_measured(
    world: World, bad_model: np.ndarray
) -> None:
    world.interpreter = {"reference": bad_model, "optimized": world.outputs}
    assert world.measure(world.host).metrics["error"]["mae"].value > 0.01
    assert "optimized kernels" not in world.order


def test_either_of_the_interpreters_kernel_sets_may_be_the_witness(
    world: World, bad_model: np.ndarray
) -> None:
    """Its reference SUM overflows, and its dense kernels differ by several steps."""
    world.interpreter = {"reference": 7 * world.outputs, "optimized": bad_model}
    world.measure(world.host)


def test_what_neither_computes_is_no_measurement(world: World, bad_model: np.ndarray) -> None:
    with pytest.raises(InvalidOutputError) as caught:
        world.measure(world.host)
    assert str(caught.value) == (
        "cnn_4-int8-only-host: the runtime said OK and computed something else than "
        "TensorFlow Lite's interpreter does with the same file: they are 0.375 (reference "
        "kernels) and 0.375 (optimized kernels) of the outputs' range apart, more than 0.01. Its "
        "figures would be those of another model. Convert the model in another way, or choose "
        "another scheme"
    )


def _boards(world: World) -> tuple[Board, Board]:
    return world.host, dataclasses.replace(world.emulated, kernels="cortex_m_dsp")


@pytest.mark.parametrize("place", range(2), ids=["host", "emulated"])
def test_what_may_be_recorded_needs_the_interpreter_as_a_witness(world: World, place: int) -> None:
    world.stages.recording = True
    # Close to what is expected of the model, and no right reading of the file all the same.
    world.interpreter = dict.fromkeys(world.interpreter, world.outputs * 1.02)
    with pytest.raises(InvalidOutputError, match=r"Nothing of it is recorded: .* another model"):
        world.measure(_boards(world)[place])
    world.interpreter["optimized"] = world.outputs * 1.001
    world.measure(_boards(world)[place])


def test_a_witness_that_gives_the_same_for_all_samples_is_none(world: World) -> None:
    """TensorFlow Lite's reference SUM does when it overflows."""
    world.stages.recording = True
    world.interpreter["reference"] = world.outputs * 0
    world.measure(world.host)
    assert "optimized kernels" in world.order


@pytest.mark.parametrize("looks_right", [True, False])
def test_a_file_that_only_the_runtime_can_run_must_be_close_to_the_reference(
    world: World, monkeypatch: pytest.MonkeyPatch, looks_right: bool
) -> None:
    def refuses(*_: object, **__: object) -> NoReturn:
        raise ConversionError("no such kernel")

    monkeypatch.setattr("pytest_tinyquant.schemes.convert.interpreter_outputs", refuses)
    world.stages.recording = True
    if looks_right:
        world.measure(world.host)
        return
    world.outcome = dataclasses.replace(world.record, outputs=(b"\0", b"\1", b"\2", b"\3"))
    with pytest.raises(ConversionError):
        world.measure(world.host)


def test_kernels_of_the_users_may_round_as_they_like(world: World) -> None:
    world.stages.recording = True
    assert world.emulated.has_own_kernels
    world.measure(world.emulated)
    assert not any(name.endswith("kernels") for name in world.order)


def test_the_engine_has_tests_of_its_own_against_the_host(
    world: World, bad_model: np.ndarray
) -> None:
    world.measure(world.emulated)
    assert not any(name.endswith("kernels") for name in world.order)


def test_a_file_that_tflm_reads_as_another_is_not_even_run(world: World) -> None:
    """And not taken for a mistake in the support table, as a runnable refused model would be."""
    source, output = world.graph.tensors
    several = Quantization((0.5, 0.25), (0, 0), 1)
    source = dataclasses.replace(source, shape=(1, 2), quantization=several)
    operators = (Operator(0, "TANH", 1, (0,), (1,), {}),)
    world.graph = dataclasses.replace(world.graph, tensors=(source, output), operators=operators)
    with pytest.raises(UnsupportedModelError, match="2 scales, the first is taken for all"):
        world.measure(world.host)
    assert "run" not in world.order
