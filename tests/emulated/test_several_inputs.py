"""A model with two inputs and two outputs takes the whole way on both boards."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.models.model import Model
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.stages.pipeline import Stages


# The inputs differ in shape, and so do the outputs: a mix-up cannot go unnoticed.
BUILD = """
import sys
import keras
keras.utils.set_random_seed(3)
image, age = keras.Input((6, 6, 1), name="image"), keras.Input((3,), name="age")
seen = keras.layers.Flatten()(keras.layers.Conv2D(2, 3, activation="relu")(image))
both = keras.layers.Concatenate()([seen, keras.layers.Dense(4, activation="relu")(age)])
classes = keras.layers.Dense(5, activation="softmax", name="classes")(both)
score = keras.layers.Dense(1, name="score")(both)
keras.Model([image, age], [classes, score]).save(sys.argv[1])
"""


@pytest.fixture(scope="module")
def two_by_two(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path = tmp_path_factory.mktemp("model") / "two.keras"
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    subprocess.run([sys.executable, "-c", BUILD, str(path)], env=environment, check=True)
    return load_model(path)


@pytest.fixture
def stages(tmp_path: Path) -> Stages:
    project: Any = SimpleNamespace(
        boards=load_boards(()), cache_root=None, work_dir=tmp_path, root=tmp_path
    )
    return Stages(project)


@pytest.mark.parametrize("scheme", ["basic", "int8-only", "16x8"])
def test_both_boards_agree_with_the_float_model(
    two_by_two: Model, stages: Stages, scheme: str
) -> None:
    boards = load_boards(())
    found = [
        stages.measure(Case(two_by_two, SCHEMES[scheme], boards[name]))
        for name in ("host", "nucleo-l4r5zi")
    ]
    for measurement in found:
        assert measurement.metrics["error"]["mae"].value < 0.03
    if scheme != "basic":
        assert found[0].output_sha256 == found[1].output_sha256


def test_a_tflite_file_with_two_inputs(two_by_two: Model, stages: Stages, tmp_path: Path) -> None:
    converted = stages.convert(two_by_two, SCHEMES["int8-only"])
    (tmp_path / "given.tflite").write_bytes(converted.read())
    model = load_model(tmp_path / "given.tflite")
    measurement = stages.measure(Case(model, SCHEMES["int8-only"], load_boards(())["host"]))
    # Its reference are the same kernels' outputs on TensorFlow Lite.
    assert measurement.metrics["error"]["mae"].value < 0.01
