"""Models that others made as .tflite: TensorFlow Lite Micro on this computer is their reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
import pytest
from model_builder import ModelBuilder


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


HOST = ("--board=host", "--tq-update-baselines=new")


@pytest.fixture
def models(real_project: RealProject) -> Path:
    """The project's folder of models."""
    folder = real_project.root / "models"
    folder.mkdir()
    return folder


def baseline(project: RealProject, name: str) -> dict[str, Any]:
    file = project.root / "baselines" / "host" / "host" / f"{name}.json"
    document: dict[str, Any] = json.loads(file.read_text())
    return document


def test_a_model_that_only_tensorflow_lite_micro_runs_is_its_own_reference(
    real_project: RealProject, models: Path
) -> None:
    """The front end of micro speech: TensorFlow Lite's interpreter has no such operators."""
    builder = ModelBuilder()
    source, output = (builder.tensor((1, 16), "int16", scale=1.0) for _ in range(2))
    weights = builder.tensor((16,), "int16", data=np.linspace(0, 4095, 16))
    builder.custom("SignalWindow", [source, weights], [output], shift=12)
    (models / "window.tflite").write_bytes(builder.build([source], [output]))

    result = real_project.run(*HOST)

    assert result.parseoutcomes() == {"passed": 2, "deselected": 2}
    assert baseline(real_project, "window-16x8-only")["metrics"]["error"]["mae"]["value"] == 0
    result = real_project.run("--board=nucleo-l4r5zi", "-k", "error")
    result.stdout.fnmatch_lines(
        ["*UnsupportedModelError: *the custom operator SignalWindow: the front end of micro *"]
    )


def test_a_model_that_tensorflow_lite_micro_refuses_is_compared_with_the_interpreter(
    real_project: RealProject, models: Path
) -> None:
    """As before: what the engine runs is judged by somebody."""
    builder = ModelBuilder()
    source, output = (builder.tensor((1, 4), "uint8", scale=0.1, zero_point=9) for _ in range(2))
    parts = [builder.tensor((1, 2), "uint8", scale=0.1, zero_point=9) for _ in range(2)]
    axis = builder.tensor((), "int32", data=1)
    builder.operator("SPLIT", [axis, source], parts, num_splits=2)
    builder.operator("CONCATENATION", parts[::-1], [output], axis=1)
    (models / "swap.tflite").write_bytes(builder.build([source], [output]))

    result = real_project.run("--board=nucleo-l4r5zi", "--tq-update-baselines=new", "-k", "error")

    assert result.parseoutcomes()["passed"] == 1
