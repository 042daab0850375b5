"""Steps of a scheme: how they are written, and what they must leave in the converted file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_builder import ModelBuilder

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import VacuousSchemeError
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.schemes.scheme import Scheme
from pytest_tinyquant.schemes.scheme import load_schemes
from pytest_tinyquant.schemes.steps import Step
from pytest_tinyquant.schemes.traces import check_traces


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Scheme]:
    """Return what reads [scheme.mine] with `text`, based on int8-only."""

    def read(text: str, base: str = "int8-only") -> Scheme:
        file = tmp_path / "schemes.toml"
        file.write_text(f"[scheme.mine]\nbase = {base!r}\n{text}\n")
        return load_schemes(file)["mine"]

    return read


@pytest.mark.parametrize(
    ("written", "step", "text"),
    [
        ("prune:0.5", Step("prune", 0.5), "prune 50% of the weights (constant)"),
        ("prune:.85", Step("prune", 0.85), "prune 85% of the weights (constant)"),
        (
            "prune:0.8:polynomial",
            Step("prune", 0.8, schedule="polynomial"),
            "prune 80% of the weights (polynomial)",
        ),
        ("prune:2:4", Step("prune", 0.5, (2, 4)), "prune 2 of every 4 weights (constant)"),
        ("cluster:16", Step("cluster", clusters=16), "cluster weights around 16 values (kmeans)"),
        (
            "cluster:32:linear",
            Step("cluster", clusters=32, start="linear"),
            "cluster weights around 32 values (linear)",
        ),
        ("qat", Step("qat"), "train with quantization in the loop"),
    ],
)
def test_what_a_step_says(read: Any, written: str, step: Step, text: str) -> None:
    from dataclasses import replace

    assert read(f"steps = {written!r}").steps == (replace(step, written=written),)
    assert step.text == text


def test_steps_follow_each_other(read: Any) -> None:
    mine = read('steps = ["prune:0.5", "cluster:16", "qat"]\nepochs = 3')
    assert [step.kind for step in mine.steps] == ["prune", "cluster", "qat"]
    assert (mine.epochs, mine.io_dtype, mine.integers_only) == (3, "int8", True)


@pytest.mark.parametrize(
    "step",
    [
        "prune", "prune:0", "prune:0.0", "prune:1", "prune:1.0", "prune:-0.5", "prune:50%",
        "prune:4:2", "prune:0:4", "prune:0.5:linear", "prune:2:4:8", "cluster", "cluster:1",
        "cluster:257", "cluster:16:k", "cluster:x", "qat:8", "Qat", "quantize", "prune:nan",
    ],
)  # fmt: skip
def test_what_is_no_step_is_refused(read: Any, step: str) -> None:
    with pytest.raises(ConfigurationError, match=r"is no step; write 'prune:0\.5'"):
        read(f"steps = {step!r}")


@pytest.mark.parametrize(
    ("text", "base", "message"),
    [
        ('steps = ["qat", "prune:0.5"]', "int8", "may each stand once and in this order"),
        ('steps = ["prune:0.5", "prune:0.8"]', "int8", "may each stand once and in this order"),
        ("steps = []", "int8", "key 'steps' is empty"),
        ('steps = "qat"', "16x8", "16-bit activations, which the converter then refuses"),
        ('steps = "qat"', "16x8-only", "take base = 'int8' or 'int8-only'"),
        ('steps = "qat"', "basic", "trains for the converter's int8 activations"),
        ('steps = "qat"', "dynamic", "trains for the converter's int8 activations"),
        ('steps = "qat"\nrules = [{ weights = 4 }]', "int8", "without rules"),
        ("epochs = 3", "int8", "key 'epochs' is for 'steps', and there are none"),
        ('steps = "qat"\nepochs = 0', "int8", "'epochs' must be at least 1"),
        ('steps = "qat"\ntraining = "none.npz"', "int8", "training 'none.npz' does not exist"),
    ],
)
def test_what_cannot_be_followed(read: Any, text: str, base: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read(text, base)


def test_training_data_belong_to_the_scheme(read: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", inputs=np.zeros((2, 3)), targets=np.zeros(2))
    text = 'steps = "qat"\ntraining = "data.npz"'
    first = read(text)
    np.savez(tmp_path / "data.npz", inputs=np.ones((2, 3)), targets=np.zeros(2))
    assert first.training == str(tmp_path / "data.npz")
    assert first.content() != read(text).content()


def network(weights: Any) -> Graph:
    b = ModelBuilder()
    source, output = b.tensor((1, 4), "int8", scale=0.5), b.tensor((1, 4), "int8", scale=0.5)
    kernel = b.tensor((4, 4), "int8", scale=0.1, data=weights)
    b.operator("FULLY_CONNECTED", [source, kernel, -1], [output])
    return read_graph(b.build([source], [output]))


HALF = np.array([[0, 1, 0, 2], [0, 0, 3, 4], [5, 0, 0, 6], [7, 8, 0, 0]])
FEW = np.array([[1, 2, 1, 2], [3, 1, 3, 2], [1, 1, 1, 1], [2, 2, 2, 3]])


def test_a_step_that_can_be_found_passes() -> None:
    check_traces(network(HALF), [Step("prune", 0.5)], where="m s")
    check_traces(network(HALF), [Step("prune", 0.5, (2, 4))], where="m s")
    check_traces(network(FEW), [Step("cluster", clusters=3)], where="m s")
    check_traces(network(FEW), [Step("qat")], where="m s")


@pytest.mark.parametrize(
    ("weights", "step", "problem"),
    [
        (
            FEW,
            Step("prune", 0.5, written="prune:0.5"),
            "step 'prune:0.5' left no trace: fully_connected[0] has 0.0% zeros instead of 50% in "
            "its weights of shape [4, 4]",
        ),
        (
            HALF,
            Step("prune", 0.8, written="prune:0.8"),
            "has 50.0% zeros instead of 80%",
        ),
        (
            HALF,
            Step("cluster", clusters=2, written="cluster:2"),
            "step 'cluster:2' left no trace: fully_connected[0] has 4 different weights in one "
            "output instead of 2",
        ),
    ],
)
def test_a_step_without_a_trace_is_vacuous(weights: Any, step: Step, problem: str) -> None:
    if step.clusters:
        weights = np.arange(16).reshape(4, 4)
    with pytest.raises(VacuousSchemeError) as caught:
        check_traces(network(weights), [step], where="m s")
    assert problem in str(caught.value)


def test_a_model_without_layers_to_compress_is_vacuous() -> None:
    b = ModelBuilder()
    source, output = b.tensor((1, 4)), b.tensor((1, 4))
    b.operator("TANH", [source], [output])
    graph = read_graph(b.build([source], [output]))
    with pytest.raises(VacuousSchemeError, match="no convolution and no dense layer"):
        check_traces(graph, [Step("prune", 0.5, written="prune:0.5")], where="m s")


def test_fake_quantizers_that_are_left_are_told() -> None:
    b = ModelBuilder()
    source, output = b.tensor((1, 4)), b.tensor((1, 4))
    b.operator("FAKE_QUANT", [source], [output])
    with pytest.raises(VacuousSchemeError, match=r"fake quantizers are left \(fake_quant\[0\]\)"):
        check_traces(read_graph(b.build([source], [output])), [Step("qat")], where="m s")
