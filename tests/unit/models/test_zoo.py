"""The zoo: the study's networks exactly, really trained, with samples that no training saw."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from layer_counts import mac_count
from layer_counts import parameter_count

from pytest_tinyquant.models.discovery import discover_models
from pytest_tinyquant.models.model_file import read_zoo_file


ROOT = Path(__file__).parents[3]
MODELS = ROOT / "models"

# Parameters as the study published them, and multiply-accumulates (the study's "MACs" are half of
# TensorFlow's float operations), input shape, outputs, output activation, check samples.
ZOO = {
    "fc_0": (2, 1, (1,), 1, "sigmoid", 50),
    "fc_1": (16, 10, (1,), 1, "sigmoid", 50),
    "fc_2": (141, 120, (1,), 1, "sigmoid", 50),
    "fc_3": (1042, 1008, (50,), 10, "softmax", 50),
    "fc_4": (2330, 2272, (50,), 10, "softmax", 50),
    "fc_5": (3521, 3408, (13,), 1, "linear", 50),
    "fc_6": (9281, 9088, (13,), 1, "linear", 50),
    "fc_7": (11034, 10912, (128,), 10, "softmax", 50),
    "fc_8": (34945, 34560, (13,), 1, "linear", 50),
    "fc_9": (49750, 49632, (784,), 10, "softmax", 50),
    "fc_10": (199450, 199328, (3072,), 10, "softmax", 50),
    "cnn_1": (792, 24632, (28, 28, 1), 10, "softmax", 20),
    "cnn_2": (2224, 44248, (28, 28, 1), 10, "softmax", 20),
    "cnn_3": (6666, 166976, (28, 28, 1), 10, "softmax", 20),
    "cnn_4": (12114, 737056, (28, 28, 1), 10, "softmax", 20),
    "cnn_5": (21178, 3690816, (32, 32, 3), 10, "softmax", 10),
    "cnn_6": (47212, 7532156, (32, 32, 3), 10, "softmax", 10),
    "cnn_7": (171354, 11084416, (32, 32, 3), 10, "softmax", 10),
}

# What a trained model reaches on its test part at least; guessing gives an accuracy of 0.1 to
# 0.14 and an r2 of 0. One neuron without a hidden layer cannot follow a sine.
LEAST = {"sine": 0.7, "teacher_50": 0.7, "teacher_128": 0.6, "housing": 0.5, "digits": 0.8}
LEAST_PHOTOGRAPHS = 0.4

DESCRIBE = """
import json, sys
from pathlib import Path
import numpy as np
from pytest_tinyquant.models.discovery import discover_models, load_keras

found = {}
for name, model in discover_models(Path(sys.argv[1])).items():
    if model.kind != "zoo":
        continue
    keras_model = load_keras(model.path)
    outputs = np.asarray(keras_model(model.check(), training=False))
    found[name] = {
        "parameters": keras_model.count_params(),
        "layers": [layer.name for layer in keras_model.layers],
        "outputs": outputs.shape,
        "finite": bool(np.isfinite(outputs).all()),
        "spread": float(outputs.std(axis=0).max()),
    }
print(json.dumps(found))
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def built() -> dict[str, dict[str, Any]]:
    """What TensorFlow says about each model, from one process for all."""
    done = run("-c", DESCRIBE, str(MODELS))
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def training_data() -> ModuleType:
    spec = importlib.util.spec_from_file_location("training_data", MODELS / "training_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_zoo_has_all_models_of_the_study() -> None:
    zoo = {name for name, model in discover_models(MODELS).items() if model.kind == "zoo"}

    assert zoo == set(ZOO)


@pytest.mark.parametrize("name", ZOO)
def test_a_model_is_the_studys(name: str, built: dict[str, dict[str, Any]]) -> None:
    parameters, macs, input_shape, outputs, activation, checks = ZOO[name]
    zoo = read_zoo_file(MODELS / f"{name}.toml")

    assert zoo.architecture.input_shape == input_shape
    assert zoo.architecture.output_shape == (outputs,)
    assert zoo.architecture.output_activation == activation
    assert parameter_count(zoo.architecture) == parameters
    assert mac_count(zoo.architecture) == macs
    assert built[name]["parameters"] == parameters
    assert built[name]["outputs"] == [checks, outputs]
    assert zoo.settings.dense_per_channel is False


def test_layer_names_do_not_depend_on_what_was_built_before(
    built: dict[str, dict[str, Any]],
) -> None:
    # Conversions are cached by content, and layer names become tensor names.
    assert built["fc_1"]["layers"] == ["dense_0", "dense_1"]
    assert built["cnn_1"]["layers"] == [
        "conv_0", "conv_0_relu", "conv_1", "conv_1_relu", "conv_2", "conv_2_relu",
        "global_average_pool_3", "flatten_4", "dense_5",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ZOO)
def test_outputs_depend_on_the_input(name: str, built: dict[str, dict[str, Any]]) -> None:
    assert built[name]["finite"]
    assert built[name]["spread"] > 0.05


@pytest.mark.parametrize("name", ZOO)
def test_a_model_is_really_trained(name: str) -> None:
    results = json.loads((MODELS / "weights" / "metrics.json").read_text())[name]

    reached = results["test"].get("accuracy", results["test"].get("r2"))
    assert reached > LEAST.get(results["dataset"], LEAST_PHOTOGRAPHS)


def test_the_readme_shows_the_metrics_of_the_committed_weights() -> None:
    readme = (MODELS / "README.md").read_text()

    for name, row in json.loads((MODELS / "weights" / "metrics.json").read_text()).items():
        text = ", ".join(f"{key} {value:.4f}" for key, value in row["test"].items())
        assert f"| {name} | {row['dataset']} | {row['epochs']} | {text} |" in readme


DATASETS = ["sine", "teacher_50", "teacher_128", "housing", "digits", "photographs"]


def rows(samples: np.ndarray) -> set[bytes]:
    return {sample.tobytes() for sample in samples}


@pytest.mark.parametrize("name", DATASETS)
def test_check_samples_are_in_neither_training_nor_calibration(
    name: str, training_data: ModuleType
) -> None:
    dataset = training_data.DATASETS[name]()
    with np.load(MODELS / "data" / f"{name}.npz") as stored:
        calibration, check = stored["calibration"], stored["check"]

    assert len(calibration) == 200
    assert len(rows(check)) == len(check) == 50
    assert calibration.dtype == dataset.train_features.dtype
    assert rows(calibration) <= rows(dataset.train_features)
    assert rows(check) <= rows(dataset.test_features)
    assert not rows(check) & rows(dataset.train_features)


@pytest.mark.parametrize("name", DATASETS)
def test_committed_samples_are_those_of_the_data_set(name: str, training_data: ModuleType) -> None:
    dataset = training_data.DATASETS[name]()
    with np.load(MODELS / "data" / f"{name}.npz") as stored:
        np.testing.assert_allclose(stored["calibration"], dataset.calibration, rtol=1e-6)
        np.testing.assert_allclose(stored["check"], dataset.check, rtol=1e-6)
        assert stored["scale"] == np.float32(dataset.scale)


@pytest.mark.parametrize("name", ["digits", "photographs"])
def test_images_are_stored_as_bytes_and_seen_as_0_to_1(name: str) -> None:
    models = {"digits": "cnn_1", "photographs": "cnn_5"}

    samples = discover_models(MODELS)[models[name]].calibration()

    assert isinstance(samples, np.ndarray)
    assert samples.dtype == np.float32
    assert samples.min() == 0.0
    assert samples.max() == 1.0


def test_enlarging_keeps_flat_images_and_the_order_of_pixels(training_data: ModuleType) -> None:
    flat = np.full((1, 8, 8), 80.0)
    ramp = np.tile(np.arange(8.0) * 30.0, (1, 8, 1))

    assert (training_data.enlarge(flat, 28) == 80).all()
    enlarged = training_data.enlarge(ramp, 28)[0]
    assert (np.diff(enlarged.astype(int), axis=1) >= 0).all()
    assert (enlarged[0, 0], enlarged[0, -1]) == (0, 210)


def test_repeated_samples_cannot_reach_both_parts(training_data: ModuleType) -> None:
    features = np.repeat(np.arange(50.0)[:, None], 4, axis=0)

    dataset = training_data.split(features, np.arange(200))

    assert sorted(np.concatenate([dataset.train_features, dataset.test_features])) == list(
        np.arange(50.0)[:, None]
    )


def test_originals_replace_what_stands_in_for_them(
    training_data: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras: Any = ModuleType("keras")
    images = np.zeros((3, 28, 28), np.uint8)
    keras.datasets = ModuleType("datasets")
    keras.datasets.mnist = ModuleType("mnist")
    keras.datasets.mnist.load_data = lambda: ((images, np.arange(3)), (images, np.arange(3)))
    monkeypatch.setitem(sys.modules, "keras", keras)

    mnist = training_data.ORIGINALS["digits"]()

    assert mnist.train_features.shape == (3, 28, 28, 1)
    assert list(mnist.train_targets) == [0, 1, 2]
    assert mnist.scale == 1 / 255


def test_the_zoo_is_small() -> None:
    files = [file for file in MODELS.rglob("*") if file.is_file() and file.suffix != ".pyc"]

    assert sum(file.stat().st_size for file in files) < 4_000_000


def test_training_again_gives_the_committed_weights() -> None:
    done = run(str(MODELS / "train.py"), "--check", "fc_1")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("fc_1: max difference ")
    assert done.stdout.endswith(" ok\n")


def test_training_says_which_models_there_are() -> None:
    done = run(str(MODELS / "train.py"), "--check", "fc_11")

    assert done.returncode == 2
    assert "unknown model 'fc_11'; known: cnn_1, " in done.stderr
