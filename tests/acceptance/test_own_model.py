"""A model of the user's own, as its maker would bring it: trained with Keras 3, with labels.

It has BatchNorm and Dropout, as most have. The nightly profile measures it on the emulated board as
well as on the host.
"""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_tinyquant.schemes.scheme import SCHEMES


TRAIN = """
import numpy as np
import keras
from sklearn.datasets import load_digits

keras.utils.set_random_seed(7)
data = load_digits()
images = (data.images / 16.0).astype(np.float32)[..., None]
train, check = slice(0, 1400), slice(1400, None)
layers = keras.layers
model = keras.Sequential([
    layers.Input((8, 8, 1)),
    layers.Conv2D(16, 3, padding="same", use_bias=False), layers.BatchNormalization(),
    layers.ReLU(), layers.MaxPooling2D(),
    layers.Conv2D(16, 3, padding="same", use_bias=False), layers.BatchNormalization(),
    layers.ReLU(), layers.GlobalAveragePooling2D(), layers.Dropout(0.2),
    layers.Dense(10, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(images[train], data.target[train], epochs=20, verbose=0)
model.save("models/digits.keras")
np.savez(
    "models/digits.npz",
    calibration=images[:200], check=images[check], labels=data.target[check],
)
"""

SETTINGS = """
data = "digits.npz"
check_samples = 100

[task]
gate = "accuracy"
"""

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
BOARDS = "host,nucleo-l4r5zi" if NIGHTLY else "host"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache_root: Path) -> Path:
    """A new directory with the trained model, its data and what `tinyquant init` writes."""
    pytest.importorskip("sklearn")
    monkeypatch.setenv("TINYQUANT_CACHE", str(cache_root))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for variable in ("TINYQUANT_EXTRA_MODELS", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(variable, raising=False)
    root = tmp_path / "project"
    (root / "models").mkdir(parents=True)
    command(root, sys.executable, "-c", TRAIN)
    tinyquant(root, "init")
    (root / "models" / "digits.toml").write_text(SETTINGS)
    return root


def command(root: Path, *words: str) -> str:
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def tinyquant(root: Path, *words: str) -> str:
    main = "import sys; from pytest_tinyquant.cli.main import main; sys.exit(main())"
    return command(root, sys.executable, "-c", main, *words)


def test_the_first_run_is_green_and_a_scheme_can_be_chosen(project: Path) -> None:
    pytest_command = (sys.executable, "-m", "pytest", "-p", "no:hypothesispytest")
    out = command(
        project, *pytest_command, "--board", BOARDS, "--tq-missing-baseline=record",
        "--tq-html=report.html", "--tq-json=result.json",
    )  # fmt: skip
    assert "7 schemes" in out
    assert "drawn at random" not in out
    out = command(project, *pytest_command, "--board", BOARDS)
    assert "regressed" not in out

    table = tinyquant(project, "compare", "digits", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(table)))
    accuracy = [row for row in rows if row["metric"] == "accuracy" and row["board"] == "host"]
    assert [row["scheme"] for row in accuracy] == list(SCHEMES)
    assert all(float(row["value"]) > 0.8 for row in accuracy)
    # No board runs these two, so their accuracy is of another class, and is never the best.
    gaps = {row["scheme"] for row in accuracy if row["known_gap"]}
    assert gaps == {"dynamic", "float16"}
    assert {row["scheme"] for row in accuracy if row["class"] == "interpreter"} == gaps
    assert not [row for row in rows if row["known_gap"] and row["best"]]
    text = tinyquant(project, "compare", "digits")
    assert "within 1% of basic's accuracy" in text
    assert "TensorFlow Lite's interpreter on this computer, not run on the board" in text
    page = (project / "report.html").read_text()
    assert "accuracy over" in page
    assert "within 1% of basic&#39;s accuracy" in page
    (float16,) = (row["value"] for row in accuracy if row["scheme"] == "float16")
    assert f">({float(float16):.6g})</td>" in page
    assert "not run on the board" in page
