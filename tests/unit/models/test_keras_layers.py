"""What a Keras file says of its layers; the descriptions are those that Keras 3 writes."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.models.keras_layers import check_layers
from pytest_tinyquant.models.keras_layers import integer_inputs
from pytest_tinyquant.models.keras_layers import rolled_layers


def entry(class_name: str, module: str | None = "keras.layers", **config: Any) -> dict[str, Any]:
    config = {"name": class_name.lower(), **config}
    registered = None if module and module.startswith("keras") else class_name
    return {
        "module": module,
        "class_name": class_name,
        "config": config,
        "registered_name": registered,
    }


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Returns a function that writes a model of the layers given."""

    def written(*layers: dict[str, Any], dtype: str = "float32") -> Path:
        source = entry("InputLayer", batch_shape=[None, 8], dtype=dtype)
        model = entry("Sequential", "keras", layers=[source, *layers])
        path = tmp_path / "net.keras"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", json.dumps(model))
        return path

    return written


def test_layers_of_keras_need_nobodys_code(write: Any) -> None:
    check_layers(write(entry("Dense", activation="relu"), entry("LSTM")), has_modules=False)


ACTIVATION = {
    "module": "builtins",
    "class_name": "function",
    "config": "my_relu",
    "registered_name": "function",
}


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (entry("Scale", "mine"), "class 'Scale' of layer 'scale' is none of Keras's own"),
        (entry("Scale", None), "class 'Scale' of layer 'scale' is none of Keras's own"),
        (entry("Dense", activation=ACTIVATION), "function 'my_relu' is none of Keras's own"),
        (
            entry("Bidirectional", layer=entry("Cell", "mine")),
            "class 'Cell' of layer 'cell' is none of Keras's own",
        ),
    ],
    ids=["a class", "of a script", "an activation", "inside a layer of Keras"],
)
def test_what_is_not_keras_needs_a_module(write: Any, layer: dict[str, Any], words: str) -> None:
    path = write(layer)
    with pytest.raises(
        ConfigurationError, match=rf'net\.keras: {words}.*custom_objects = "MODULE"'
    ):
        check_layers(path, has_modules=False)
    check_layers(path, has_modules=True)


@pytest.mark.parametrize("has_modules", [False, True])
def test_code_in_the_file_is_refused_in_any_case(write: Any, has_modules: bool) -> None:
    with pytest.raises(ConfigurationError, match=r"layer 'lambda' is a Lambda.*never run"):
        check_layers(write(entry("Lambda")), has_modules=has_modules)


def test_recurrent_layers_that_loop_are_named(write: Any) -> None:
    layers = [
        entry("LSTM", name="one", unroll=False),
        entry("GRU", name="two", unroll=True),
        entry("Bidirectional", layer=entry("SimpleRNN", name="three")),
    ]
    assert rolled_layers(write(*layers)) == ["one", "three"]


def test_no_samples_are_drawn_for_an_input_of_integers(write: Any) -> None:
    path = write(entry("Embedding"), dtype="int32")
    assert integer_inputs(path) == ["inputlayer"]
    with pytest.raises(ConfigurationError, match=r"takes integers.*'data = .*net\.toml"):
        load_model(path).check()
    assert integer_inputs(write(entry("Dense"))) == []


def test_a_file_that_keras_did_not_write_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "net.keras"
    path.write_bytes(b"PK")
    with pytest.raises(ModelError, match=r"net\.keras: not a model saved by Keras"):
        check_layers(path, has_modules=False)
