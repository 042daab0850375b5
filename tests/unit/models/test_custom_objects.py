"""Modules with a model's own layers, as its TOML names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.models.discovery import load_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The file of a model in models/ of a project."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "models").mkdir()
    file = tmp_path / "models" / "net.keras"
    file.write_bytes(b"weights")
    return file


def named(model: Path, value: str) -> None:
    model.with_suffix(".toml").write_text(f"custom_objects = {value}\n")


def test_a_module_lies_beside_the_model_or_above_it_in_the_project(model: Path) -> None:
    above, beside = model.parents[1] / "mine.py", model.parent / "mine.py"
    above.write_text("")
    named(model, '"mine"')
    (found,) = load_model(model).custom_objects
    assert (found.name, found.root, found.files) == ("mine", model.parents[1], (above,))
    beside.write_text("")
    (found,) = load_model(model).custom_objects
    assert found.files == (beside,)


def test_of_a_package_every_file_counts(model: Path) -> None:
    package = model.parents[1] / "mine"
    (package / "deep").mkdir(parents=True)
    files = [package / "__init__.py", package / "deep" / "layer.py"]
    for file in files:
        file.write_text("")
    named(model, '["mine.deep"]')
    (found,) = load_model(model).custom_objects
    assert (found.name, list(found.files)) == ("mine.deep", files)


def test_an_installed_module_will_do(model: Path) -> None:
    named(model, '"platformdirs"')
    (found,) = load_model(model).custom_objects
    assert found.root is None
    assert any(file.name == "unix.py" for file in found.files)


def test_results_depend_on_what_is_in_the_module(model: Path) -> None:
    source = model.parent / "mine.py"
    without = load_model(model).source_sha256
    source.write_text("FACTOR = 1")
    named(model, '"mine"')
    one = load_model(model).source_sha256
    source.write_text("FACTOR = 2")
    assert len({without, one, load_model(model).source_sha256}) == 3


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('"mine"', "custom_objects names module 'mine', which lies in none of .*/models, .*; corr"),
        ('"mine.py/x"', "custom_objects 'mine.py/x' is no module's name"),
        ('""', "custom_objects '' is no module's name"),
        ("3", "key 'custom_objects' must be"),
        ("[3]", r"key 'custom_objects\[0\]' must be"),
    ],
)
def test_what_is_no_module_is_told_with_file_and_key(model: Path, value: str, words: str) -> None:
    (model.parents[2] / "mine.py").write_text("")  # above the project's top
    named(model, value)
    with pytest.raises(ConfigurationError, match=rf"net\.toml.*{words}"):
        load_model(model)


def test_a_tflite_has_no_layers_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "net.tflite").write_bytes(b"")
    (tmp_path / "net.toml").write_text('custom_objects = "json"\n')
    with pytest.raises(ConfigurationError, match="unknown key 'custom_objects'"):
        load_model(tmp_path / "net.tflite")


@pytest.mark.parametrize("model", ["net.onnx", "net.pt2", "net.toml"])
def test_they_are_refused_where_keras_does_not_load_the_model(tmp_path: Path, model: str) -> None:
    text = 'custom_objects = "layers"\n'
    if model == "net.toml":
        text += 'torch = "nets:make"\ninput_shape = [4]\n'
        (tmp_path / "nets.py").write_text("")
    else:
        (tmp_path / model).write_bytes(b"")
    (tmp_path / "net.toml").write_text(text)
    with pytest.raises(ConfigurationError, match="'custom_objects' is for models that Keras loads"):
        load_model(tmp_path / model)
