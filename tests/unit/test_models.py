"""Models: how they are found, what their files may say, and which samples they get."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.graph import Graph
from pytest_tinyquant.graph import Quantization
from pytest_tinyquant.graph import Tensor
from pytest_tinyquant.models import discover_models
from pytest_tinyquant.models import load_model
from pytest_tinyquant.models import scheme_of_tflite
from pytest_tinyquant.samples import spanning
from pytest_tinyquant.tflite_file import scheme_of_graph


ROOT = Path(__file__).parents[2]

NET = """\
[model]
description = "two features, one layer"
family = "tiny"
input_shape = [2]
layers = [{ kind = "dense", units = 1, activation = "sigmoid" }]

[data]
dataset = "pairs"
check_samples = 3

[training]
seed = 1
epochs = 1
batch_size = 8
learning_rate = 0.1
"""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A models directory with one complete model, ``net``."""
    folder = tmp_path / "models"
    (folder / "weights").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "net.toml").write_text(NET)
    np.savez(folder / "weights" / "net.npz", kernel=np.zeros((2, 1), np.float32))
    pairs = np.arange(10, dtype=np.uint8).reshape(5, 2)
    np.savez(folder / "data" / "pairs.npz", calibration=pairs, check=pairs + 10, scale=0.1)
    return folder


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


# --- finding ---


def test_a_toml_file_is_a_model_of_the_zoo(models):
    net = discover_models(models)["net"]

    assert (net.kind, net.family, net.check_samples) == ("zoo", "tiny", 3)
    assert net.schemes is None
    assert net.dense_per_channel is False
    assert net.path == models / "net.toml"


def test_model_files_are_found_at_any_depth_and_named_by_their_place(models):
    touch(models / "mlperf-tiny" / "ad01_int8.tflite")
    touch(models / "Mine.keras")
    touch(models / "exported" / "saved_model.pb")
    touch(models / "exported" / "assets" / "vocabulary.tflite")

    found = {name: model.kind for name, model in discover_models(models).items()}

    assert found == {
        "exported": "keras",
        "mine": "keras",
        "mlperf-tiny/ad01_int8": "tflite",
        "net": "zoo",
    }


def test_weights_data_known_issues_and_hidden_files_are_no_models(models):
    touch(models / "weights" / "old.tflite")
    touch(models / "data" / "old.tflite")
    touch(models / ".cache" / "old.tflite")
    touch(models / ".old.tflite")
    touch(models / "README.md")
    (models / "known_issues.toml").write_text("")

    assert list(discover_models(models)) == ["net"]


def test_numbers_sort_as_numbers(models):
    for name in ("fc_10", "fc_2", "fc_1"):
        touch(models / f"{name}.tflite")

    assert list(discover_models(models)) == ["fc_1", "fc_2", "fc_10", "net"]


def test_extra_folders_and_files_add_models(tmp_path, models):
    touch(tmp_path / "elsewhere" / "vendor" / "kws.tflite")
    (tmp_path / "elsewhere" / "pyproject.toml").write_text("[project]")
    single = touch(tmp_path / "single.tflite")

    found = discover_models(models, [tmp_path / "elsewhere", single])

    assert list(found) == ["net", "single", "vendor/kws"]


def test_without_a_models_directory_there_are_only_the_extra_ones(tmp_path):
    assert discover_models(tmp_path / "models") == {}


def test_an_extra_path_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(ConfigurationError, match=r"gone: no such model file or folder; correct"):
        discover_models(tmp_path, [tmp_path / "gone"])


def test_two_models_of_one_name_are_an_error(models):
    touch(models / "a.tflite")
    touch(models / "A.keras")

    with pytest.raises(ConfigurationError, match=r"two models are named 'a': .*A\.keras and .*a\."):
        discover_models(models)


def test_a_name_that_cannot_be_part_of_a_test_id_is_an_error(models):
    touch(models / "my net[1].tflite")

    with pytest.raises(ConfigurationError, match=r"becomes part of test ids .* rename it"):
        discover_models(models)


def test_finding_models_imports_nothing_heavy():
    code = (
        "import sys; from pathlib import Path; from pytest_tinyquant.models import *;"
        f"assert len(discover_models(Path({str(ROOT / 'models')!r}))) >= 18;"
        "print({'numpy', 'tensorflow', 'keras', 'tflite'} & set(sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "set()"


# --- what a file may say ---


def test_a_misspelt_key_is_an_error_and_not_ignored(models):
    # The study's code read 'use_batchnorm' where its files said 'use_batch_norm': batch
    # normalization was silently left out of every model.
    file = models / "net.toml"
    file.write_text(NET.replace('family = "tiny"', 'family = "tiny"\nuse_batch_norm = true'))

    with pytest.raises(ConfigurationError) as error:
        discover_models(models)

    assert str(error.value) == (
        f"{file}: [model]: unknown key 'use_batch_norm' (closest: 'description'); known keys: "
        "description, family, input_shape, layers; correct or remove it"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[data]", "[dta]", r"the top level: unknown key 'dta' .closest: 'data'"),
        ("dataset", "dataste", r"\[data\]: unknown key 'dataste' .closest: 'dataset'"),
        ("epochs", "epoch", r"\[training\]: unknown key 'epoch' .closest: 'epochs'"),
        ("units = 1", "units = 1, use_bias = true", r"layers\[0\]: unknown key 'use_bias'"),
        ("check_samples = 3", "check_samples = 0", "'check_samples' must be at least 1, not 0"),
        ("check_samples = 3", "check_samples = 3.5", "'check_samples' must be an integer, not 3.5"),
        ("input_shape = [2]", "input_shape = 2", "'input_shape' must be an array, not 2"),
        ('family = "tiny"', "", "key 'family' is missing; add it as a string"),
        (
            "[data]",
            "[conversion]\nschemes = ['int-8']\n[data]",
            r"\[conversion\]: schemes entry 'int-8' is not known .closest: 'int8'.; choose from",
        ),
        ("[data]", "[conversion]\nschemes = []\n[data]", "'schemes' is empty"),
        ("[data]", "[tolerance]\nlatncy = '5%'\n[data]", r"\[tolerance\]: unknown metric 'latncy'"),
        ("[data]", "[data", "net.toml: not valid TOML: .*line 7"),
    ],
)
def test_what_a_file_may_not_say(models, old, new, message):
    (models / "net.toml").write_text(NET.replace(old, new))

    with pytest.raises(ConfigurationError, match=message):
        discover_models(models)


def test_what_a_file_may_say_about_conversion_and_tolerance(models):
    more = "[conversion]\nschemes = ['int8', 'basic']\ndense_per_channel = true\n"
    (models / "net.toml").write_text(NET + more + "[tolerance]\nlatency = '5%'\n")

    net = discover_models(models)["net"]

    assert net.schemes == ("int8", "basic")
    assert net.dense_per_channel is True
    assert net.tolerance == {"latency": "5%"}


def test_missing_weights_say_how_to_make_them(models):
    (models / "weights" / "net.npz").unlink()

    with pytest.raises(ConfigurationError, match=r"weights are missing .*train\.py net'"):
        discover_models(models)


def test_missing_samples_say_how_to_make_them(models):
    (models / "data" / "pairs.npz").unlink()

    with pytest.raises(ConfigurationError, match=r"samples .dataset 'pairs'. are missing .*train"):
        discover_models(models)


def test_what_is_no_model_is_said_to_be_none(tmp_path):
    with pytest.raises(ConfigurationError, match=r"notes\.txt: not a model; models are \.toml"):
        load_model(touch(tmp_path / "notes.txt"))


# --- samples of the zoo ---


def test_images_are_scaled_to_what_the_model_sees(models):
    net = discover_models(models)["net"]

    assert net.calibration().dtype == np.float32
    np.testing.assert_allclose(net.calibration()[:2], [[0.0, 0.1], [0.2, 0.3]], rtol=1e-6)
    np.testing.assert_allclose(net.check(), [[1.0, 1.1], [1.2, 1.3], [1.4, 1.5]], rtol=1e-6)


def test_more_check_samples_than_there_are_is_an_error(models):
    (models / "net.toml").write_text(NET.replace("check_samples = 3", "check_samples = 6"))

    with pytest.raises(ConfigurationError, match="check_samples is 6, but its data has only 5"):
        discover_models(models)["net"].check()


def test_samples_of_another_shape_are_an_error(models):
    (models / "net.toml").write_text(NET.replace("[2]", "[3]"))

    with pytest.raises(ConfigurationError, match=r"'check' has shape \[5, 2\]; .* inputs of \[3\]"):
        discover_models(models)["net"].check()


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 truncated", b"no zip"])
def test_damaged_samples_are_one_clear_error(models, damage):
    (models / "data" / "pairs.npz").write_bytes(damage)

    with pytest.raises(ConfigurationError, match=r"pairs\.npz: not a readable npz file .*restore"):
        discover_models(models)["net"].check()


# --- identity ---


def test_the_hash_covers_what_changes_results(models):
    def sha() -> str:
        return discover_models(models)["net"].source_sha256

    seen = {sha()}
    (models / "net.toml").write_text(NET.replace("sigmoid", "tanh"))
    seen.add(sha())
    (models / "net.toml").write_text(NET.replace("check_samples = 3", "check_samples = 4"))
    seen.add(sha())
    for file in ("weights/net.npz", "data/pairs.npz"):
        with (models / file).open("ab") as stream:
            stream.write(b"\n")
        seen.add(sha())

    assert len(seen) == 5


def test_the_hash_leaves_out_words_and_tolerances(models):
    before = discover_models(models)["net"].source_sha256
    text = NET.replace("two features", "some features").replace("epochs = 1", "epochs = 2")
    (models / "net.toml").write_text(text + "[tolerance]\nflash = 64\n")

    assert discover_models(models)["net"].source_sha256 == before


# --- models of other people ---


def graph(*tensors: Tensor) -> Graph:
    """Return a graph whose first tensor is the input and whose last is the output."""
    return Graph(tensors, (), (0,), (len(tensors) - 1,))


def tensor(dtype: str, data: bytes | None = None) -> Tensor:
    scale = None if dtype.startswith("float") else Quantization((0.5,), (0,), 0)
    return Tensor(0, "t", (1, 4), dtype, scale, data)


@pytest.mark.parametrize(
    ("scheme", "dtypes", "weights"),
    [
        ("basic", ["float32", "float32"], "float32"),
        ("dynamic", ["float32", "float32"], "int8"),
        ("float16", ["float32", "float32"], "float16"),
        ("int8", ["float32", "int8", "float32"], "int8"),
        ("int8", ["int8", "int8", "float32"], "int8"),
        ("int8-only", ["int8", "int8"], "int8"),
        ("16x8", ["float32", "int16", "float32"], "int8"),
        ("16x8-only", ["int16", "int16"], "int8"),
    ],
)
def test_the_scheme_of_a_tflite_file_is_read_from_its_tensors(scheme, dtypes, weights):
    first, *rest = (tensor(dtype) for dtype in dtypes)

    assert scheme_of_graph(graph(first, tensor(weights, b"1234"), *rest)) == scheme


def test_a_corrupt_tflite_file_is_a_model_error_that_names_it(models):
    with pytest.raises(ModelError, match=r"broken\.tflite"):
        scheme_of_tflite(touch(models / "broken.tflite"))


def test_samples_span_what_a_quantized_input_can_represent():
    quantized = Tensor(0, "in", (1, 1000), "int8", Quantization((0.5,), (-28,), 0), None)

    samples = spanning(quantized, 4, where="net")

    assert samples.shape == (4, 1000)
    assert -50.0 <= samples.min() < -49.0  # 0.5 * (-128 + 28)
    assert 76.5 < samples.max() <= 77.5  # 0.5 * (127 + 28)
    np.testing.assert_array_equal(samples, spanning(quantized, 4, where="net"))


def test_samples_of_a_float_input_are_in_0_to_1():
    samples = spanning(tensor("float32"), 500, where="net")

    assert samples.shape == (500, 4)
    assert 0.0 <= samples.min() < 0.01 < 0.99 < samples.max() < 1.0


def test_samples_for_an_input_of_unknown_meaning_must_be_given():
    tokens = Tensor(0, "tokens", (1, 100), "int32", None, None)

    with pytest.raises(
        ModelError, match=r"input 'tokens' is int32 without a scale.* array 'check'"
    ):
        spanning(tokens, 4, where="net")


def test_more_than_one_sample_per_inference_is_refused():
    batch = Tensor(0, "in", (8, 4), "float32", None, None)

    with pytest.raises(ModelError, match=r"shape \[8, 4\]; its first dimension must be 1"):
        spanning(batch, 4, where="net")


def test_a_toml_file_beside_a_model_file_holds_its_settings(tmp_path):
    touch(tmp_path / "kws.tflite")
    (tmp_path / "kws.toml").write_text("check_samples = 4\ntolerance = { error = 1e-3 }\n")

    (kws,) = discover_models(tmp_path).values()

    assert (kws.kind, kws.check_samples, kws.tolerance) == ("tflite", 4, {"error": 1e-3})


def test_a_tflite_file_is_not_converted_so_it_takes_no_scheme(tmp_path):
    touch(tmp_path / "kws.tflite")
    (tmp_path / "kws.toml").write_text("schemes = ['int8']\n")

    with pytest.raises(ConfigurationError, match=r"unknown key 'schemes'.*check_samples, data, t"):
        discover_models(tmp_path)


def test_settings_name_data_that_must_exist(tmp_path):
    touch(tmp_path / "kws.tflite")
    (tmp_path / "kws.toml").write_text("data = 'kws.npz'\n")

    with pytest.raises(ConfigurationError, match=r"data 'kws\.npz' does not exist"):
        discover_models(tmp_path)


def keras_file(path: Path, batch_shape: list[int | None]) -> Path:
    layers = [{"class_name": "InputLayer", "config": {"batch_shape": batch_shape}}]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": layers}}))
    return path


def test_a_keras_file_without_data_gets_uniform_samples_of_its_input_shape(tmp_path):
    model = load_model(keras_file(tmp_path / "net.keras", [None, 8, 8, 1]))

    assert model.calibration().shape == (200, 8, 8, 1)
    assert model.check().shape == (16, 8, 8, 1)
    assert not np.isin(model.check(), model.calibration()).all(axis=(1, 2, 3)).any()


def test_a_keras_file_can_bring_its_own_data(tmp_path):
    path = keras_file(tmp_path / "net.keras", [None, 2])
    both = np.arange(8, dtype=np.float32).reshape(4, 2)
    np.savez(tmp_path / "own.npz", calibration=both, check=-both)
    (tmp_path / "net.toml").write_text("data = 'own.npz'\ncheck_samples = 2\nschemes = ['int8']")

    model = load_model(path)

    assert model.schemes == ("int8",)
    np.testing.assert_array_equal(model.calibration(), both)
    np.testing.assert_array_equal(model.check(), -both[:2])


def test_a_shape_that_a_file_leaves_open_must_be_given(tmp_path):
    path = keras_file(tmp_path / "net.keras", [None, None, 40])

    with pytest.raises(ConfigurationError, match=r"write 'input_shape = .*into .*net\.toml"):
        load_model(path).check()

    (tmp_path / "net.toml").write_text("input_shape = [49, 40]")
    assert load_model(path).check().shape == (16, 49, 40)


def keras_file_of(path, inputs, shapes):
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
def test_several_inputs_get_samples_each_in_the_models_order(tmp_path, inputs):
    shapes = {"age": [3], "image": [4, 4, 1]}
    model = load_model(keras_file_of(tmp_path / "net.keras", inputs, shapes))
    image, age = model.check()
    assert (image.shape, age.shape) == ((16, 4, 4, 1), (16, 3))
    assert [part.shape for part in model.calibration()] == [(200, 4, 4, 1), (200, 3)]
    assert not np.isin(image, age).any()


def test_several_inputs_are_read_by_number(tmp_path):
    inputs = [["first", 0, 0], ["second", 0, 0]]
    keras_file_of(tmp_path / "net.keras", inputs, {"first": [2], "second": [1]})
    (tmp_path / "net.toml").write_text('data = "net.npz"\ncheck_samples = 4')
    arrays = {"check_0": np.ones((5, 2)), "check_1": np.zeros((5, 1))}
    np.savez(tmp_path / "net.npz", **arrays)
    model = load_model(tmp_path / "net.keras")
    assert [part.tolist() for part in model.check()] == [[[1, 1]] * 4, [[0]] * 4]
    np.savez(tmp_path / "net.npz", **arrays | {"check_1": np.zeros((6, 1))})
    with pytest.raises(ConfigurationError, match=r"check_0 to check_1 have \[5, 6\] samples"):
        load_model(tmp_path / "net.keras").check()


def test_a_keras_file_that_is_none_is_a_model_error(tmp_path):
    with pytest.raises(ModelError, match=r"net\.keras: not a model saved by Keras 3"):
        load_model(touch(tmp_path / "net.keras")).check()
