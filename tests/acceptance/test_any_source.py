"""A user's project with a model from Keras, one from ONNX and one from PyTorch, and own schemes."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.cli.main import main
from pytest_tinyquant.models.torch_file import PACKAGES
from pytest_tinyquant.schemes.servers import SERVERS


NEEDED = ("onnx", "onnxruntime", "litert_quantizer")
pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in NEEDED),
    reason="ONNX is not installed: pip install pytest-tinyquant[onnx]",
)

BOARDS = ("host", "nucleo-l4r5zi", "rx65n")

SCHEMES = """
[scheme.w4]
description = "int4 weights"
base = "int8-only"
rules = [{ operators = ["CONV_2D", "FULLY_CONNECTED"], weights = 4, activations = 8 }]

[scheme.mixed]
base = "int8-only"
io = "float32"
rules = [{ operators = ["CONV_2D"], float = true }]
"""

KERAS = """
import keras
keras.utils.set_random_seed(1)
keras.Sequential([
    keras.Input((8, 8, 1)),
    keras.layers.Conv2D(5, 3, 2, "same", activation="relu", bias_initializer="uniform"),
    keras.layers.Flatten(),
    keras.layers.Dense(7, activation="relu", bias_initializer="uniform"),
    keras.layers.Dense(3, activation="softmax", bias_initializer="uniform"),
]).save({path!r})
"""


def add_keras(models: Path) -> None:
    source = KERAS.format(path=str(models / "from_keras.keras"))
    outcome = SERVERS["tensorflow"].call("builtins:exec", [source, {}], timeout=120)
    assert not outcome.trouble, outcome.log


def add_onnx(models: Path, scratch: Path) -> None:
    """Add a network in the form QDQ, as onnxruntime's static quantizer writes it."""
    from onnx_networks import NETWORKS
    from onnx_networks import smooth
    from onnx_networks import write_network

    shape = NETWORKS["cnn"]()[1]
    write_network("cnn", scratch, ("qdq-s8",))["qdq-s8"].rename(models / "from_onnx.onnx")
    samples = {"check": smooth(shape, 8, 9), "calibration": smooth(shape, 50)}
    np.savez(models / "from_onnx.npz", **samples)
    (models / "from_onnx.toml").write_text('data = "from_onnx.npz"\n')


def add_torch(models: Path) -> None:
    from torch_networks import write_factory

    write_factory(models).rename(models / "from_torch.toml")


def outputs_of(root: Path, board: str) -> dict[str, str]:
    """Return the hash of the outputs by model and scheme."""
    files = (root / "baselines" / board).rglob("*.json")
    return {file.stem: json.loads(file.read_text())["output_sha256"] for file in files}


def run_matrix(
    project: Any, schemes: str, combinations: int, capsys: Any, monkeypatch: Any
) -> dict[str, str]:
    """Record the matrix, run it again, compare the boards; return the integer models' outputs."""
    (project.root / "schemes.toml").write_text(SCHEMES)
    arguments = (f"--scheme={schemes}", f"--board={','.join(BOARDS)}", "-k=error or flash")
    tests = combinations * (2 * len(BOARDS) - 1)  # the host has no flash
    project.run(*arguments, "--tq-missing-baseline=record").assert_outcomes(passed=tests)
    project.run(*arguments).assert_outcomes(passed=tests)
    by_board = [outputs_of(project.root, board) for board in BOARDS]
    assert all(len(outputs) == combinations for outputs in by_board)
    integer = {name: value for name, value in by_board[0].items() if "mixed" not in name}
    for outputs in by_board[1:]:
        assert {name: outputs[name] for name in integer} == integer
    monkeypatch.chdir(project.root)
    capsys.readouterr()  # what pytest said has the names as well
    assert main(["compare"]) == 0
    said = capsys.readouterr().out
    for name in by_board[0]:
        model, _, scheme = name.partition("-")
        assert f"{model} on host" in said
        assert scheme in said.partition(f"{model} on host")[2].partition(" on ")[0]
    return integer


def test_keras_and_onnx_with_a_scheme_file_of_ten_lines(
    real_project: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    models = real_project.root / "models"
    models.mkdir()
    add_keras(models)
    add_onnx(models, real_project.pytester.mkdir("scratch"))
    found = run_matrix(real_project, "int8,w4,mixed", 4, capsys, monkeypatch)
    assert set(found) == {"from_keras-int8", "from_keras-w4", "from_onnx-int8"}


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in PACKAGES),
    reason="PyTorch is not installed: pip install pytest-tinyquant[torch]",
)
def test_pytorch_joins_them(
    real_project: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    models = real_project.root / "models"
    models.mkdir()
    add_keras(models)
    add_onnx(models, real_project.pytester.mkdir("scratch"))
    add_torch(models)
    found = run_matrix(real_project, "int8,w4", 5, capsys, monkeypatch)
    assert {"from_torch-int8", "from_torch-w4"} < set(found)
