"""Figures against labels are scikit-learn's, on whatever outputs and labels there are."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.measure.own_figure import own_figure
from pytest_tinyquant.measure.task_figures import confusion_matrix
from pytest_tinyquant.measure.task_figures import r2
from pytest_tinyquant.measure.task_figures import roc_auc
from pytest_tinyquant.measure.task_figures import task_figures
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.models.labels import Labels
from pytest_tinyquant.models.labels import labels_of
from pytest_tinyquant.models.task import Task
from pytest_tinyquant.models.task import TaskKind


metrics = pytest.importorskip("sklearn.metrics")

EXAMPLES = 5000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 60

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(2, 60)


def classes(values: list[int] | np.ndarray) -> Labels:
    return Labels("classification", np.asarray(values, np.int64), "check.npz")


def quantized(rng: np.random.Generator, samples: int, elements: int) -> np.ndarray:
    """Outputs with few steps, so that many are equal."""
    return rng.integers(-8, 8, (samples, elements)) / 16.0


@given(seeds, sizes, st.integers(2, 12))
@settings(max_examples=EXAMPLES, deadline=None)
def test_classification_is_scikit_learns(seed: int, samples: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    outputs, truth = quantized(rng, samples, count), rng.integers(0, count, samples)
    found = task_figures(outputs, outputs, outputs, classes(truth))

    told = outputs.argmax(axis=1)
    assert found["accuracy"].value == pytest.approx(metrics.accuracy_score(truth, told))
    assert found["accuracy_drop"].value == 0
    everything = list(range(count))
    expected = metrics.confusion_matrix(truth, told, labels=everything)
    assert (confusion_matrix(outputs, truth) == expected).all()
    recall = metrics.recall_score(truth, told, labels=everything, average=None, zero_division=0)
    for index in set(truth):
        assert found[f"recall_{index}"].value == pytest.approx(recall[index])
    if count > 5:
        top5 = metrics.top_k_accuracy_score(truth, outputs, k=5, labels=everything)
        assert found["top5"].value == pytest.approx(top5)


@given(seeds, sizes)
@settings(max_examples=EXAMPLES, deadline=None)
def test_auc_is_scikit_learns_with_ties_too(seed: int, samples: int) -> None:
    rng = np.random.default_rng(seed)
    truth = np.r_[0, 1, rng.integers(0, 2, samples)]
    scores = quantized(rng, len(truth), 1)[:, 0]
    assert roc_auc(scores, truth) == pytest.approx(metrics.roc_auc_score(truth, scores))


@given(seeds, sizes, st.integers(1, 4))
@settings(max_examples=EXAMPLES, deadline=None)
def test_regression_is_scikit_learns(seed: int, samples: int, outputs: int) -> None:
    rng = np.random.default_rng(seed)
    predicted, truth = rng.normal(size=(samples, outputs)), rng.normal(size=(samples, outputs))
    labels = Labels("regression", truth, "check.npz")
    found = task_figures(predicted, predicted, predicted, labels)
    assert found["r2"].value == pytest.approx(metrics.r2_score(truth, predicted))
    mae = metrics.mean_absolute_error(truth, predicted)
    assert found["target_mae"].value == pytest.approx(mae)
    rmse = metrics.root_mean_squared_error(truth, predicted)
    assert found["target_rmse"].value == pytest.approx(rmse)


def test_r2_of_targets_that_are_all_the_same() -> None:
    same = np.ones((5, 1))
    assert r2(same, same) == metrics.r2_score(same, same) == 1.0
    assert r2(same + 1, same) == metrics.r2_score(same, same + 1) == 0.0


def test_the_drop_is_against_the_float_model() -> None:
    truth = [0, 1, 1, 0]
    right = np.array([[1.0, 0], [0, 1], [0, 1], [1, 0]])
    wrong = np.array([[0.0, 1], [0, 1], [0, 1], [1, 0]])
    found = task_figures(wrong, right, right, classes(truth))
    assert found["accuracy"].value == 0.75
    assert found["accuracy_drop"].value == 0.25


def test_an_autoencoders_score_is_the_error_of_its_reconstruction() -> None:
    inputs = np.array([[0.0, 0], [1, 1], [0, 1], [1, 0]])
    outputs = np.array([[0.0, 0], [1, 1], [1, 1], [1, 1]])
    labels = Labels("anomaly", np.array([0, 0, 1, 1]), "check.npz")
    assert task_figures(outputs, inputs, inputs, labels)["auc"].value == 1.0


@pytest.mark.parametrize(
    ("array", "kind", "expected"),
    [
        (np.array([0, 2, 1]), None, ("classification", [0, 2, 1])),
        (np.array([[0], [2], [1]], np.uint8), None, ("classification", [0, 2, 1])),
        (np.eye(3, dtype=np.float32)[[0, 2, 1]], None, ("classification", [0, 2, 1])),
        (np.array([0.0, 2, 1]), "classification", ("classification", [0, 2, 1])),
        (np.array([0.0, 2, 1]), None, ("regression", [[0], [2], [1]])),
        (np.array([0, 2, 1]), "regression", ("regression", [[0], [2], [1]])),
        (np.array([0, 1, 1]), "anomaly", ("anomaly", [0, 1, 1])),
    ],
)
def test_what_labels_are_is_told_by_their_form_or_by_the_toml(
    array: np.ndarray, kind: TaskKind | None, expected: Any
) -> None:
    labels = labels_of(array, 3, kind, where="check.npz")
    assert (labels.kind, labels.values.tolist()) == expected


@pytest.mark.parametrize(
    ("array", "kind", "message"),
    [
        (np.array([0, 1]), None, "2 labels for 3 check samples; give one label per sample"),
        (np.array([0, np.nan, 1]), None, "the label of sample 1 is nan; labels must be finite"),
        (np.array([0.5, 1, 2]), "classification", "whole numbers from 0 on"),
        (np.array([-1, 1, 2]), "classification", "whole numbers from 0 on"),
        (np.array([0, 0, 0]), "anomaly", "both must occur; these are 0"),
        (np.array([0, 1, 2]), "anomaly", "both must occur; these are 0, 1, 2"),
        (np.array(["a", "b", "c"]), None, "shape .3. and type <U1"),
        (np.zeros((3, 2, 2)), None, r"shape .3, 2, 2."),
    ],
)
def test_what_labels_cannot_be(array: np.ndarray, kind: TaskKind | None, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"check.npz: .*{message}"):
        labels_of(array, 3, kind, where="check.npz")


def test_a_class_that_the_model_does_not_know() -> None:
    two = np.array([[0.0, 1], [1, 0]])
    with pytest.raises(ConfigurationError, match="sample 1 is class 7, but the model tells only 2"):
        task_figures(two, two, two, classes([0, 7]))


def test_targets_of_another_size() -> None:
    two = np.array([[0.0, 1], [1, 0]])
    labels = Labels("regression", np.zeros((2, 1)), "check.npz")
    with pytest.raises(ConfigurationError, match=r"1 values per sample .* output has 2 elements"):
        task_figures(two, two, two, labels)


OWN = """
import numpy as np
def share(outputs, inputs, labels): return np.mean(outputs > 0.5)
def two(outputs, inputs): return 1
def fails(outputs, inputs, labels): return 1 / 0
def text(outputs, inputs, labels): return "0.5"
def nothing(outputs, inputs, labels): return None
def nan(outputs, inputs, labels): return float("nan")
def many(outputs, inputs, labels): return outputs
def ends(outputs, inputs, labels): raise SystemExit(3)
number = 3
"""


@pytest.fixture
def call(tmp_path: Path) -> Callable[..., Metric]:
    (tmp_path / "own_figures_of_a_test.py").write_text(OWN)
    (tmp_path / "module_that_ends_for_a_test.py").write_text("raise SystemExit")

    def call(name: str) -> Metric:
        task = Task(metric=f"{name}" if ":" in name else f"own_figures_of_a_test:{name}", where="T")
        outputs = [np.array([[0.2], [0.9]])]
        return own_figure(task, tmp_path, outputs=outputs, inputs=outputs, labels=None)

    return call


def test_a_function_of_the_users_own(call: Callable[..., Metric]) -> None:
    assert call("share").value == 0.5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("two", r"takes other arguments than \(outputs, inputs, labels\)"),
        ("fails", "raised ZeroDivisionError: division by zero"),
        ("text", "returned '0.5', not a number"),
        ("nothing", "returned None, not a number"),
        ("nan", "returned nan; return a finite number"),
        ("many", r"returned array.*, not a number"),
        ("ends", "raised SystemExit: 3"),
        ("module_that_ends_for_a_test:f", "cannot be imported from .*: it ends the program"),
        ("number", "is no function"),
        ("missing", "is no function"),
        ("no_such_module_anywhere:f", "cannot be imported from"),
    ],
)
def test_what_such_a_function_may_not_do(
    call: Callable[..., Metric], name: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=rf"(?s)T: metric '.*:.*' {message}"):
        call(name)
