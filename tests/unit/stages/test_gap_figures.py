"""How good a scheme would be that no board can run: asked of TensorFlow Lite's interpreter."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from pytest_tinyquant.errors import ConversionError
from pytest_tinyquant.models.labels import Labels
from pytest_tinyquant.project.project import Project
from pytest_tinyquant.project.project import load_project
from pytest_tinyquant.project.settings import Settings
from pytest_tinyquant.schemes.convert import interpreter_outputs
from pytest_tinyquant.schemes.convert import read_arrays
from pytest_tinyquant.stages import gap_figures as module
from pytest_tinyquant.stages.gap_figures import gap_figures
from pytest_tinyquant.stages.steps import Steps
from pytest_tinyquant.system.cache import Cache


REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The zoo, with a cache that has two conversions of one model."""
    models, baselines = REPOSITORY / "models", REPOSITORY / "baselines"
    settings = Settings(root=REPOSITORY, models_dir=models, baselines_dir=baselines)
    project = dataclasses.replace(load_project(settings, tmp_path), cache_root=Cache().root)
    for scheme in ("float16", "dynamic"):
        Steps(project).convert(project.models["cnn_4"], project.schemes[scheme])
    return project


def test_figures_are_those_of_the_interpreters_outputs(project: Project) -> None:
    steps, model = Steps(project), project.models["cnn_4"]
    converted = steps.convert(model, project.schemes["float16"])
    file = interpreter_outputs(model, converted, steps.cache, kernels="reference")
    (outputs,) = read_arrays(file, "outputs")
    (expected,) = steps.reference(model, "outputs")
    labels = model.labels()
    assert isinstance(labels, Labels)
    found = gap_figures(project)("cnn_4", "float16")
    assert set(found) == {"accuracy", "mae"}
    span = float(expected.max() - expected.min())
    mae = np.abs(outputs.astype(np.float64) - expected).mean() / span
    assert found["mae"].value == pytest.approx(mae)
    assert found["mae"].value > 1e-7
    right = outputs.reshape(len(outputs), -1).argmax(axis=1) == labels.values
    assert found["accuracy"].value == right.mean()


def test_a_report_converts_nothing(project: Project, tmp_path: Path) -> None:
    elsewhere = dataclasses.replace(project, cache_root=tmp_path / "empty")
    assert gap_figures(elsewhere)("cnn_4", "float16") == {}
    assert not list((tmp_path / "empty").rglob("model.tflite"))


def test_a_scheme_that_changes_nothing_has_no_figures(project: Project) -> None:
    Steps(project).convert(project.models["cnn_1"], project.schemes["dynamic"])
    assert gap_figures(project)("cnn_1", "dynamic") == {}
    assert set(gap_figures(project)("cnn_4", "dynamic")) == {"accuracy", "mae"}


def test_names_that_the_project_does_not_know_have_none(project: Project) -> None:
    assert gap_figures(project)("gone", "float16") == {}
    assert gap_figures(project)("cnn_4", "gone") == {}


def test_what_the_interpreter_cannot_run_has_none_and_is_asked_once(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuse(*args: object, **kwargs: object) -> Path:
        asked.append(args)
        raise ConversionError("cannot run it")

    monkeypatch.setattr(module, "interpreter_outputs", refuse)
    figures = gap_figures(project)
    assert figures("cnn_4", "float16") == figures("cnn_4", "float16") == {}
    assert len(asked) == 1


def test_outputs_that_are_no_numbers_have_none(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        module, "read_arrays", lambda file, name: [np.full((4, 10), np.nan, np.float32)]
    )
    assert gap_figures(project)("cnn_4", "float16") == {}
