"""Which operator of a foreign file the interpreter computes otherwise, and when nobody knows."""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.errors import ConversionError
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor
from pytest_tinyquant.stages.second_opinion import second_opinion


if TYPE_CHECKING:
    from pytest_tinyquant.measure.disagreement import Disagreement
    from tests.unit.stages.pipeline.conftest import World


class Foreign:
    """A file of two operators whose reference TensorFlow Lite Micro gives."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self.in_a_row, self.asked = world, 1, []  # type: ignore[var-annotated]
        tensors = (*world.graph.tensors, world.int8(2, "last"))
        operators = (Operator(0, "TANH", 1, (0,), (1,), {}), Operator(1, "RELU", 1, (1,), (2,), {}))
        graph = dataclasses.replace(world.graph, tensors=tensors, operators=operators, outputs=(2,))
        self.model = SimpleNamespace(name="m", steps=lambda samples: self.in_a_row)
        converted = SimpleNamespace(path="m.tflite")
        self.case: Any = SimpleNamespace(
            graph=graph, model=self.model, converted=converted, name="m-int8-only-host"
        )
        self.micro = {1: np.array([[1]], np.int8), 2: np.array([[1]], np.int8)}
        self.theirs = dict(self.micro)
        self.answers: dict[str, Any] = dict.fromkeys(("reference", "optimized"), world.outputs)
        stages = world.stages
        monkeypatch.setattr(stages.references, "are_micro", lambda _: True)
        monkeypatch.setattr(stages, "reference", lambda *_: [world.outputs])
        monkeypatch.setattr(stages, "samples", lambda _: [b"0", b"1", b"2", b"3"])
        monkeypatch.setattr(stages, "host_board", lambda: world.host)
        monkeypatch.setattr(stages, "open", lambda *_, **__: nullcontext(self))
        monkeypatch.setattr("pytest_tinyquant.schemes.layer_outputs.raw_tensors", self.raw)

    def tensors(self) -> dict[int, np.ndarray]:
        return self.micro

    def raw(
        self, model: Any, converted: Any, tensors: Any, sample: int, *_: Any, **how: Any
    ) -> Any:
        self.asked.append((tensors, sample, how["kernels"]))
        return self.theirs

    def interpreter(self, kernels: str) -> list[np.ndarray]:
        if self.answers[kernels] is None:
            raise ConversionError("no such kernel")
        return [self.answers[kernels]]

    def opinion(self) -> tuple[Disagreement, ...]:
        return second_opinion(self.world.stages, self.case, self.interpreter)


@pytest.fixture
def foreign(world: World, monkeypatch: pytest.MonkeyPatch) -> Foreign:
    return Foreign(world, monkeypatch)


def test_an_interpreter_that_agrees_has_no_opinion(foreign: Foreign) -> None:
    assert foreign.opinion() == ()
    assert foreign.asked == []


def test_the_first_operator_is_named_for_the_sample_that_differs_most(foreign: Foreign) -> None:
    foreign.answers["optimized"] = foreign.world.outputs + np.array([[0], [0.5], [1.5], [0]])
    foreign.theirs = {1: np.array([[1]], np.int8), 2: np.array([[4]], np.int8)}
    (found,) = foreign.opinion()
    assert (found.kernels, found.amount) == ("optimized", "3 steps")
    assert found.operator == "relu[1]: 1 of 1 elements differ, by up to 3 steps"
    assert foreign.asked == [([1, 2], 2, "optimized")]


def test_kernels_that_cannot_run_the_file_have_none(foreign: Foreign) -> None:
    foreign.answers = dict.fromkeys(foreign.answers)
    assert foreign.opinion() == ()


def test_without_delegates_no_operator_may_differ(foreign: Foreign) -> None:
    foreign.answers["optimized"] = foreign.world.outputs + 0.5
    (found,) = foreign.opinion()
    assert (found.operator, found.why_none) == (
        "", "no operator differs when it is looked at by itself",
    )  # fmt: skip


def test_a_model_that_remembers_is_compared_where_a_sequence_begins(foreign: Foreign) -> None:
    foreign.in_a_row = 2
    foreign.answers["reference"] = foreign.world.outputs + np.array([[0], [0.5], [0], [9]])
    (found,) = foreign.opinion()
    assert found.why_none == "they part only after the first step of a sequence"
    assert foreign.asked == []


def test_trouble_while_looking_for_the_operator_costs_no_measurement(
    foreign: Foreign, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crashes(*_: object, **__: object) -> None:
        raise ConversionError("the interpreter crashed\nits last lines")

    monkeypatch.setattr("pytest_tinyquant.schemes.layer_outputs.raw_tensors", crashes)
    foreign.answers["reference"] = foreign.world.outputs + 0.5
    (found,) = foreign.opinion()
    assert found.why_none == "their operators cannot be compared: the interpreter crashed"


def test_handles_of_variables_are_no_numbers(foreign: Foreign) -> None:
    handle = Tensor(1, "handle", (), "resource", None, None)
    graph = foreign.case.graph
    foreign.case.graph = dataclasses.replace(
        graph, tensors=(graph.tensors[0], handle, graph.tensors[2])
    )
    foreign.answers["reference"] = foreign.world.outputs + 0.5
    foreign.opinion()
    assert foreign.asked == [([2], 0, "reference")]


def test_other_models_have_a_reference_of_their_own(
    foreign: Foreign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign.world.stages.references, "are_micro", lambda _: False)
    foreign.answers["reference"] = foreign.world.outputs + 0.5
    assert foreign.opinion() == ()
