"""A regression keeps standing, whatever the search for its cause comes to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_tinyquant.baselines.compare import compare
from pytest_tinyquant.baselines.message import cause_lines
from pytest_tinyquant.baselines.verdict import Verdict
from pytest_tinyquant.errors import BoardNotFoundError
from pytest_tinyquant.measure.divergence import Divergence
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.tolerances import Tolerances
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.project.target import Target
from pytest_tinyquant.stages import layer_by_layer
from pytest_tinyquant.stages.investigation import Investigation
from pytest_tinyquant.stages.layer_by_layer import FirstDifference


PART = FirstDifference("conv2d[3] 16x16x32  tq_conv_2d_s8", Divergence(5, 8192, 3.0, "steps"), 7)


class World:
    """A combination whose cache, image and runs are played."""

    def __init__(self) -> None:
        self.cached: set[str] = {"b" * 64, "e" * 64}
        self.image = "c" * 64
        self.kernels_part: FirstDifference | None = None
        self.models_part: FirstDifference | None = None
        self.error: Exception | None = None
        self.target = "emulator"
        self.runtime = "tinyquant"

    def find(self, _cache: None, sha256: str) -> Path | None:
        return Path(sha256) if sha256 in self.cached else None

    def build(self, _case: Case) -> Any:
        if self.error:
            raise self.error
        return SimpleNamespace(image=SimpleNamespace(sha256=self.image))

    def layers(self, *_: Any) -> Any:
        return SimpleNamespace(first_difference=lambda: self.kernels_part)

    def explain(self, current: Measurement, baseline: Measurement) -> Verdict:
        converted = SimpleNamespace(sha256=current.identity["tflite_sha256"])
        stages: Any = SimpleNamespace(
            cache=None, convert=lambda *_: converted, check=lambda case: case, build=self.build
        )
        board: Any = SimpleNamespace(target=Target(self.target), runtime=self.runtime)
        verdict = compare("error", baseline, current, Tolerances({}, {}), "baseline")
        model: Any = None
        scheme: Any = None
        case = Case(model, scheme, board)
        return Investigation(stages, case).explain(verdict, current, baseline)

    def causes(self, current: Measurement, baseline: Measurement) -> tuple[str, ...]:
        return tuple(cause.text for cause in self.explain(current, baseline).causes)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(layer_by_layer, "find_converted", world.find)
    monkeypatch.setattr(layer_by_layer, "LayerByLayer", world.layers)
    monkeypatch.setattr(layer_by_layer, "compare_models", lambda *_: world.models_part)
    return world


@pytest.fixture
def worse(change: Callable[..., Measurement]) -> Measurement:
    return change(error_mae=0.5)


def test_the_first_wrong_operator_comes_first(
    world: World, worse: Measurement, recorded: Measurement
) -> None:
    world.kernels_part = PART
    assert world.causes(worse, recorded) == (
        "conv2d[3] 16x16x32  tq_conv_2d_s8: first output that differs from TensorFlow Lite "
        "Micro's, 5 of 8,192 elements differ, by up to 3 steps (check sample 7)",
    )


def test_right_kernels_mean_that_the_model_changed(
    world: World, change: Callable[..., Measurement], recorded: Measurement
) -> None:
    world.models_part = PART
    causes = world.causes(change(error_mae=0.5, identity_tflite_sha256="e" * 64), recorded)
    assert causes[0].startswith("every operator's output is TensorFlow Lite Micro's")
    assert "first output that differs from the earlier model file's" in causes[1]


def test_on_the_host_the_two_model_files_are_run(
    world: World, change: Callable[..., Measurement], recorded: Measurement
) -> None:
    world.target = "host"
    world.models_part = PART
    (cause,) = world.causes(change(error_mae=0.5, identity_tflite_sha256="e" * 64), recorded)
    assert "the earlier model file's" in cause


def test_a_baseline_whose_model_is_gone(
    world: World, change: Callable[..., Measurement], recorded: Measurement
) -> None:
    world.cached = {"e" * 64}
    causes = world.causes(change(error_mae=0.5, identity_tflite_sha256="e" * 64), recorded)
    assert causes[1].startswith("the earlier model file (bbbbbbbbbbbb) is not in the cache")


def test_an_image_other_than_the_measured_one_says_nothing(
    world: World, worse: Measurement, recorded: Measurement
) -> None:
    world.kernels_part = PART
    world.image = "d" * 64
    assert world.causes(worse, recorded) == ()


def test_a_measurement_of_another_plugin_is_not_looked_into(
    world: World, worse: Measurement, recorded: Measurement
) -> None:
    world.cached = set()
    world.error = AssertionError("never called")
    assert world.causes(worse, recorded) == ()


def test_what_prevents_the_search_is_told(
    world: World, worse: Measurement, recorded: Measurement
) -> None:
    world.error = BoardNotFoundError("nucleo: unplugged\nand more")
    verdict = world.explain(worse, recorded)
    assert verdict.status == "regressed"
    assert cause_lines(verdict.causes) == ["no search layer by layer: nucleo: unplugged"]


def test_what_did_not_regress_is_left_alone(world: World, recorded: Measurement) -> None:
    world.error = AssertionError("never called")
    assert world.causes(recorded, recorded) == ()


def test_a_fault_in_the_search_leaves_the_regression(
    world: World, worse: Measurement, recorded: Measurement
) -> None:
    world.error = IndexError("list index out of range\nand more")
    verdict = world.explain(worse, recorded)
    assert verdict.status == "regressed"
    assert cause_lines(verdict.causes) == [
        "no search layer by layer: IndexError: list index out of range"
    ]


def test_a_board_with_an_interpreter_is_not_searched(
    world: World, worse: Measurement, recorded: Measurement
) -> None:
    """No plan of the engine says where it keeps its tensors: the search would never end."""
    world.runtime = "tflm"
    world.kernels_part = PART
    assert world.causes(worse, recorded) == (
        "no search layer by layer on the board: TensorFlow Lite Micro does not show its tensors "
        "there",
    )
