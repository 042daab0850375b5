"""Keras files: their inputs, and the samples they get."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.discovery import load_model


def keras_file(path: Path, batch_shape: list[int | None]) -> Path:
    layers = [{"class_name": "InputLayer", "config": {"batch_shape": batch_shape}}]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": layers}}))
    return path


def test_a_keras_file_without_data_gets_uniform_samples_of_its_input_shape(tmp_path: Path) -> None:
    model = load_model(keras_file(tmp_path / "net.keras", [None, 8, 8, 1]))

    assert np.shape(model.calibration()) == (200, 8, 8, 1)
    assert np.shape(model.check()) == (16, 8, 8, 1)
    assert not np.isin(model.check(), model.calibration()).all(axis=(1, 2, 3)).any()


def test_a_keras_file_can_bring_its_own_data(tmp_path: Path) -> None:
    path = keras_file(tmp_path / "net.keras", [None, 2])
    both = np.arange(8, dtype=np.float32).reshape(4, 2)
    np.savez(tmp_path / "own.npz", calibration=both, check=-both)
    (tmp_path / "net.toml").write_text("data = 'own.npz'\ncheck_samples = 2\nschemes = ['int8']")

    model = load_model(path)

    assert model.schemes == ("int8",)
    np.testing.assert_array_equal(model.calibration(), both)
    np.testing.assert_array_equal(model.check(), -both[:2])


def test_a_shape_that_a_file_leaves_open_must_be_given(tmp_path: Path) -> None:
    path = keras_file(tmp_path / "net.keras", [None, None, 40])

    with pytest.raises(ConfigurationError, match=r"write 'input_shape = .*into .*net\.toml"):
        load_model(path).check()

    (tmp_path / "net.toml").write_text("input_shape = [49, 40]")
    assert np.shape(load_model(path).check()) == (16, 49, 40)


def keras_file_of(path: Path, inputs: Any, shapes: dict[str, list[int]]) -> Path:
    layers = [
        {"name": name, "config": {"batch_shape": [None, *shape]}} for name, shape in shapes.items()
    ]
    with zipfile.ZipFile(path, "w") as archive:
        config = {"config": {"layers": layers, "input_layers": inputs}}
        archive.writestr("config.json", json.dumps(config))
    return path


@pytest.mark.parametrize(
    "inputs",
    [
        [["image", 0, 0], ["age", 0, 0]],
        {"a": ["image", 0, 0], "b": ["age", 0, 0]},
    ],
)
def test_several_inputs_get_samples_each_in_the_models_order(tmp_path: Path, inputs: Any) -> None:
    shapes = {"age": [3], "image": [4, 4, 1]}
    model = load_model(keras_file_of(tmp_path / "net.keras", inputs, shapes))
    image, age = model.check()
    assert (image.shape, age.shape) == ((16, 4, 4, 1), (16, 3))
    assert [part.shape for part in model.calibration()] == [(200, 4, 4, 1), (200, 3)]
    assert not np.isin(image, age).any()


def test_several_inputs_are_read_by_number(tmp_path: Path) -> None:
    inputs = [["first", 0, 0], ["second", 0, 0]]
    keras_file_of(tmp_path / "net.keras", inputs, {"first": [2], "second": [1]})
    (tmp_path / "net.toml").write_text('data = "net.npz"\ncheck_samples = 4')
    arrays: dict[str, Any] = {"check_0": np.ones((5, 2)), "check_1": np.arange(5.0)[:, None]}
    np.savez(tmp_path / "net.npz", **arrays)
    model = load_model(tmp_path / "net.keras")
    assert [part.tolist() for part in model.check()] == [[[1, 1]] * 4, [[0], [1], [2], [3]]]
    np.savez(tmp_path / "net.npz", **arrays | {"check_1": np.zeros((6, 1))})
    with pytest.raises(ConfigurationError, match=r"check_0 to check_1 have \[5, 6\] samples"):
        load_model(tmp_path / "net.keras").check()


def test_a_keras_file_that_is_none_is_a_model_error(tmp_path: Path) -> None:
    path = tmp_path / "net.keras"
    path.touch()
    with pytest.raises(ModelError, match=r"net\.keras: not a model saved by Keras"):
        load_model(path).check()
