"""Models: how they are found, what their files may say, and which samples they get."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.models.discovery import discover_models
from pytest_tinyquant.models.discovery import load_model


ROOT = Path(__file__).parents[3]

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


def test_a_toml_file_is_a_model_of_the_zoo(models: Path) -> None:
    net = discover_models(models)["net"]

    assert (net.kind, net.family, net.check_samples) == ("zoo", "tiny", 3)
    assert net.schemes is None
    assert net.dense_per_channel is False
    assert net.path == models / "net.toml"


def test_model_files_are_found_at_any_depth_and_named_by_their_place(models: Path) -> None:
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


def test_weights_data_known_issues_and_hidden_files_are_no_models(models: Path) -> None:
    touch(models / "weights" / "old.tflite")
    touch(models / "data" / "old.tflite")
    touch(models / ".cache" / "old.tflite")
    touch(models / ".old.tflite")
    touch(models / "README.md")
    (models / "known_issues.toml").write_text("")

    assert list(discover_models(models)) == ["net"]


def test_numbers_sort_as_numbers(models: Path) -> None:
    for name in ("fc_10", "fc_2", "fc_1"):
        touch(models / f"{name}.tflite")

    assert list(discover_models(models)) == ["fc_1", "fc_2", "fc_10", "net"]


def test_extra_folders_and_files_add_models(tmp_path: Path, models: Path) -> None:
    touch(tmp_path / "elsewhere" / "vendor" / "kws.tflite")
    (tmp_path / "elsewhere" / "pyproject.toml").write_text("[project]")
    single = touch(tmp_path / "single.tflite")

    found = discover_models(models, [tmp_path / "elsewhere", single])

    assert list(found) == ["net", "single", "vendor/kws"]


def test_without_a_models_directory_there_are_only_the_extra_ones(tmp_path: Path) -> None:
    assert discover_models(tmp_path / "models") == {}


def test_an_extra_path_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone: no such model file or folder; correct"):
        discover_models(tmp_path, [tmp_path / "gone"])


def test_two_models_of_one_name_are_an_error(models: Path) -> None:
    touch(models / "a.tflite")
    touch(models / "A.keras")

    with pytest.raises(ConfigurationError, match=r"two models are named 'a': .*A\.keras and .*a\."):
        discover_models(models)


def test_a_name_that_cannot_be_part_of_a_test_id_is_an_error(models: Path) -> None:
    touch(models / "my net[1].tflite")

    with pytest.raises(ConfigurationError, match=r"becomes part of test ids .* rename it"):
        discover_models(models)


def test_finding_models_imports_nothing_heavy() -> None:
    code = (
        "import sys; from pathlib import Path; from pytest_tinyquant.models.discovery import *;"
        f"assert len(discover_models(Path({str(ROOT / 'models')!r}))) >= 18;"
        "print({'numpy', 'tensorflow', 'keras', 'tflite'} & set(sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "set()"


# --- what a file may say ---


def test_a_misspelt_key_is_an_error_and_not_ignored(models: Path) -> None:
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
        ("[data]", "[conversion]\nschemes = []\n[data]", "'schemes' is empty"),
        ("[data]", "[tolerance]\nlatncy = '5%'\n[data]", r"\[tolerance\]: unknown metric 'latncy'"),
        ("[data]", "[data", "net.toml: not valid TOML: .*line 7"),
    ],
)
def test_what_a_file_may_not_say(models: Path, old: str, new: str, message: str) -> None:
    (models / "net.toml").write_text(NET.replace(old, new))

    with pytest.raises(ConfigurationError, match=message):
        discover_models(models)


def test_what_a_file_may_say_about_conversion_and_tolerance(models: Path) -> None:
    more = "[conversion]\nschemes = ['int8', 'basic']\ndense_per_channel = true\n"
    (models / "net.toml").write_text(NET + more + "[tolerance]\nlatency = '5%'\n")

    net = discover_models(models)["net"]

    assert net.schemes == ("int8", "basic")
    assert net.dense_per_channel is True
    assert net.tolerance == {"latency": "5%"}


def test_missing_weights_say_how_to_make_them(models: Path) -> None:
    (models / "weights" / "net.npz").unlink()

    with pytest.raises(ConfigurationError, match=r"weights are missing .*train\.py net'"):
        discover_models(models)


def test_missing_samples_say_how_to_make_them(models: Path) -> None:
    (models / "data" / "pairs.npz").unlink()

    with pytest.raises(ConfigurationError, match=r"samples .dataset 'pairs'. are missing .*train"):
        discover_models(models)


def test_what_is_no_model_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"notes\.txt: not a model; models are \.tflite"):
        load_model(touch(tmp_path / "notes.txt"))


# --- samples of the zoo ---


def test_images_are_scaled_to_what_the_model_sees(models: Path) -> None:
    net = discover_models(models)["net"]

    calibration = net.calibration()
    assert isinstance(calibration, np.ndarray)
    assert calibration.dtype == np.float32
    np.testing.assert_allclose(calibration[:2], [[0.0, 0.1], [0.2, 0.3]], rtol=1e-6)
    np.testing.assert_allclose(net.check(), [[1.0, 1.1], [1.2, 1.3], [1.4, 1.5]], rtol=1e-6)


def test_more_check_samples_than_there_are_is_an_error(models: Path) -> None:
    (models / "net.toml").write_text(NET.replace("check_samples = 3", "check_samples = 6"))

    with pytest.raises(ConfigurationError, match="check_samples is 6, but its data has only 5"):
        discover_models(models)["net"].check()


def test_samples_of_another_shape_are_an_error(models: Path) -> None:
    (models / "net.toml").write_text(NET.replace("[2]", "[3]"))

    with pytest.raises(ConfigurationError, match=r"'check' has shape \[5, 2\]; .* inputs of \[3\]"):
        discover_models(models)["net"].check()


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 truncated", b"no zip"])
def test_damaged_samples_are_one_clear_error(models: Path, damage: bytes) -> None:
    (models / "data" / "pairs.npz").write_bytes(damage)

    with pytest.raises(ConfigurationError, match=r"pairs\.npz: not a readable npz file .*restore"):
        discover_models(models)["net"].check()


# --- identity ---


def test_the_hash_covers_what_changes_results(models: Path) -> None:
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


def test_the_hash_leaves_out_words_and_tolerances(models: Path) -> None:
    before = discover_models(models)["net"].source_sha256
    text = NET.replace("two features", "some features").replace("epochs = 1", "epochs = 2")
    (models / "net.toml").write_text(text + "[tolerance]\nflash = 64\n")

    assert discover_models(models)["net"].source_sha256 == before
