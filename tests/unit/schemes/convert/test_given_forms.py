"""Files of models in other forms give what the usual form gives."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.convert import reference_outputs
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.schemes.servers import SERVERS
from pytest_tinyquant.system.cache import Cache


SAVE = """
from pathlib import Path

import keras

directory = Path({directory!r})
keras.saving.load_model(directory / "small.keras").save(directory / "small.h5")

left, right = keras.Input((4,), name="zeta"), keras.Input((2,), name="alpha")
both = keras.layers.Concatenate()([left, right])
keras.Model([left, right], keras.layers.Dense(3)(both)).export(directory / "swapped")
"""


@pytest.fixture(scope="module")
def forms(small: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("forms")
    shutil.copy(small.path, made)
    source = SAVE.format(directory=str(made))
    outcome = SERVERS["tensorflow"].call("builtins:exec", [source, {}], timeout=120)
    assert not outcome.trouble, outcome.log
    return made


@pytest.mark.parametrize("name", ["net.h5", "NET.H5", "NET.KERAS"])
def test_a_keras_file_in_every_form_converts_to_the_same_layers(
    small: Any, forms: Path, shared_cache: Cache, tmp_path: Path, graph_of: Any, name: str
) -> None:
    shutil.copy(forms / f"small.{name.lower().rpartition('.')[2]}", tmp_path / name)
    model = load_model(tmp_path / name)
    usual = graph_of(convert(small, SCHEMES["int8-only"], shared_cache))

    graph = graph_of(convert(model, SCHEMES["int8-only"], shared_cache))

    assert [operator.op for operator in graph.operators] == [op.op for op in usual.operators]
    weights = [t.data for t in graph.tensors if t.data is not None and t.dtype == "int8"]
    assert weights == [t.data for t in usual.tensors if t.data is not None and t.dtype == "int8"]


def test_a_saved_model_without_settings_takes_its_inputs_by_their_names(
    forms: Path, shared_cache: Cache, graph_of: Any
) -> None:
    model = load_model(forms / "swapped")
    graph = graph_of(convert(model, SCHEMES["basic"], shared_cache))

    assert [part.shape for part in model.check()] == [(16, 2), (16, 4)]  # alpha, zeta
    assert [graph.tensors[index].shape for index in graph.inputs] == [(1, 2), (1, 4)]
    outputs = np.load(reference_outputs(model, shared_cache).path)["outputs"]
    assert outputs.shape == (16, 3)


def test_the_reference_of_a_c_source_is_that_of_the_file_in_it(
    small: Any, shared_cache: Cache, tmp_path: Path
) -> None:
    data = convert(small, SCHEMES["int8-only"], shared_cache).read()
    (tmp_path / "net.tflite").write_bytes(data)
    listed = ", ".join(map(hex, data))
    (tmp_path / "net.cc").write_text(f"const unsigned char net[] = {{{listed}}};")
    source, file = load_model(tmp_path / "net.cc"), load_model(tmp_path / "net.tflite")

    assert convert(source, SCHEMES["int8-only"], shared_cache).read() == data
    for name in ("inputs", "outputs"):
        np.testing.assert_array_equal(
            np.load(reference_outputs(source, shared_cache).path)[name],
            np.load(reference_outputs(file, shared_cache).path)[name],
        )
