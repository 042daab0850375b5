"""Models with layers of their own, of integers, or with a loop, through the real converter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.errors import ConversionError
from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.models.model import Model
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.convert import read_arrays
from pytest_tinyquant.schemes.convert import reference_outputs
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.schemes.servers import SERVERS
from pytest_tinyquant.system.cache import Cache


MODULE = """
import keras

class Scale(keras.layers.Layer):
    def __init__(self, factor=2.0, **options):
        super().__init__(**options)
        self.factor = factor

    def call(self, values):
        return values * values * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}
"""

BUILD = """
import sys
from pathlib import Path

import keras

directory = Path({directory!r})
sys.path.insert(0, str(directory))
import own_layers

layers = keras.layers
keras.utils.set_random_seed(1)
for suffix in ("keras", "h5"):
    parts = [layers.Input((8,)), own_layers.Scale(3.0), layers.Dense(200), layers.Dense(3)]
    keras.Sequential(parts).save(directory / f"own_{{suffix}}.{{suffix}}")
words = [
    layers.Input((12,), dtype="int32"), layers.Embedding(20, 8), layers.Flatten(), layers.Dense(3)
]
keras.Sequential(words).save(directory / "words.keras")
loop = [layers.Input((6, 4)), layers.LSTM(5), layers.Dense(3)]
keras.Sequential(loop).save(directory / "loop.keras")
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A folder with the models, the module of their layers and samples of words."""
    found = tmp_path_factory.mktemp("own")
    (found / "own_layers.py").write_text(MODULE)
    source = BUILD.format(directory=str(found))
    outcome = SERVERS["tensorflow"].call("builtins:exec", [source, {}], timeout=120)
    assert not outcome.trouble, outcome.log
    indices = np.random.default_rng(3).integers(0, 20, (40, 12)).astype(np.int32)
    np.savez(found / "words.npz", calibration=indices[:30], check=indices[30:])
    (found / "words.toml").write_text('data = "words.npz"\n')
    yield found
    SERVERS["tensorflow"].close()


def with_module(own: Path, suffix: str, value: str) -> Model:
    (own / f"own_{suffix}.toml").write_text(f"custom_objects = {value}\n")
    return load_model(own / f"own_{suffix}.{suffix}")


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_layer_of_the_named_module_is_converted(
    suffix: str, own: Path, shared_cache: Cache
) -> None:
    model = with_module(own, suffix, '"own_layers"')
    for scheme in ("basic", "int8-only"):
        graph = read_graph(convert(model, SCHEMES[scheme], shared_cache).read(), where=scheme)
        assert "MUL" in [operator.op for operator in graph.operators]
    file = reference_outputs(model, shared_cache).path
    (inputs,), (outputs,) = read_arrays(file, "inputs"), read_arrays(file, "outputs")
    assert (inputs.shape, outputs.shape) == ((16, 8), (16, 3))


def test_a_module_that_cannot_be_imported_is_told(own: Path, cache: Cache) -> None:
    (own / "broken.py").write_text("import no_such_thing\n")
    model = with_module(own, "keras", '"broken"')
    words = "custom_objects: module 'broken' cannot be imported: ModuleNotFoundError"
    with pytest.raises(ConversionError, match=words):
        convert(model, SCHEMES["basic"], cache)


def test_what_a_module_imports_must_be_known_too(own: Path, cache: Cache) -> None:
    (own / "helper.py").write_text("from own_layers import Scale\n")
    model = with_module(own, "keras", '"helper"')
    with pytest.raises(ConversionError, match=r"imports .*own_layers\.py.*custom_objects = \['hel"):
        convert(model, SCHEMES["basic"], cache)
    model = with_module(own, "keras", '["helper", "own_layers"]')
    convert(model, SCHEMES["basic"], cache)


@pytest.mark.parametrize("scheme", ["basic", "int8"])
def test_inputs_of_integers_stay_integers(scheme: str, own: Path, shared_cache: Cache) -> None:
    model = load_model(own / "words.keras")
    graph = read_graph(convert(model, SCHEMES[scheme], shared_cache).read(), where=scheme)
    assert graph.tensors[graph.inputs[0]].dtype == "int32"
    (outputs,) = read_arrays(reference_outputs(model, shared_cache).path, "outputs")
    assert len(np.unique(outputs, axis=0)) == 10


def test_a_loop_that_the_converter_cannot_quantize_says_what_to_build(
    own: Path, cache: Cache
) -> None:
    model = load_model(own / "loop.keras")
    convert(model, SCHEMES["basic"], cache)
    with pytest.raises(ConversionError, match=r"loop over their steps \(lstm\).*unroll=True"):
        convert(model, SCHEMES["int8"], cache)
