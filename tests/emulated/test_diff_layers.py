"""Two model files are run side by side, and two images read, to say where they part."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pytest_tinyquant.diff.changes import compare_images
from pytest_tinyquant.diff.layers import first_layer
from pytest_tinyquant.firmware.elf import Elf
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.models.model import Model
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.project.project import load_project
from pytest_tinyquant.project.settings import Settings
from pytest_tinyquant.schemes.convert import ConvertedModel
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.stages.layer_by_layer import compare_models
from pytest_tinyquant.stages.pipeline import Stages


REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def stages(tmp_path: Path) -> Stages:
    settings = Settings(
        root=tmp_path, models_dir=REPOSITORY / "models", baselines_dir=tmp_path / "baselines"
    )
    return Stages(load_project(settings, tmp_path))


@pytest.fixture
def model(stages: Stages) -> Model:
    return stages.project.models["cnn_1"]


@pytest.fixture
def converted(stages: Stages, model: Model) -> ConvertedModel:
    return stages.convert(model, SCHEMES["int8-only"])


def with_other_weights(file: Path, path: Path) -> Path:
    """Copy a model file with the second convolution's weights negated."""
    from pytest_tinyquant.models.tflite_reader import read_graph

    data = file.read_bytes()
    graph = read_graph(data)
    weights = graph.tensors[graph.operators[1].inputs[1]].data
    assert weights is not None
    assert data.count(weights) == 1
    negated = bytes((-value) % 256 for value in weights)
    path.write_bytes(data.replace(weights, negated))
    return path


def test_the_first_operator_with_other_weights_is_named(
    stages: Stages, model: Model, converted: ConvertedModel, tmp_path: Path
) -> None:
    other = with_other_weights(converted.path, tmp_path / "other.tflite")
    part = compare_models(stages, model, converted.path, other)
    assert part is not None
    assert part.operator == "conv2d[1] 7x7x6"
    assert part.divergence.unit == "steps"


def test_a_file_does_not_differ_from_itself(
    stages: Stages, model: Model, converted: ConvertedModel
) -> None:
    assert compare_models(stages, model, converted.path, converted.path) is None


def test_measurements_of_files_that_the_cache_has(
    stages: Stages, model: Model, converted: ConvertedModel
) -> None:
    other = stages.convert(model, SCHEMES["16x8-only"])

    def measurement(sha256: str, name: str = "cnn_1") -> Measurement:
        identity = {"tflite_sha256": sha256}
        return Measurement(name, "s", "b", "host", identity, "", {}, "")

    old = measurement(converted.sha256)
    assert first_layer(stages, old, old) == ""
    line = first_layer(stages, old, measurement(other.sha256))
    assert "]" in line.partition(": first output that differs from A's, ")[0]
    assert "not in the cache" in first_layer(stages, old, measurement("0" * 64))
    assert "no model 'x'" in first_layer(stages, old, measurement("0" * 64, "x"))


def test_two_images(stages: Stages, model: Model, converted: ConvertedModel) -> None:
    """The board's own kernels in place of the reference kernels."""
    board = stages.project.boards["nucleo-l4r5zi"]
    images = [
        Elf(stages.prepare(Case(model, SCHEMES[converted.scheme], b)).image.elf)
        for b in (dataclasses.replace(board, kernels="reference"), board)
    ]
    difference = compare_images("x", *images)
    numbers = {change.name: change for change in difference.numbers}
    assert numbers["flash kernels"].delta > 0
    symbols = {change.name: (change.before, change.after) for change in difference.symbols}
    assert symbols["tq_conv_2d_s8"][1] is None
    assert symbols["tq_conv_2d_s8_dsp"][0] is None
    variables = {change.name: change.delta for change in difference.variables}
    assert variables["tq_arena"] == numbers["ram arena"].delta
    assert not compare_images("x", images[0], images[0])
