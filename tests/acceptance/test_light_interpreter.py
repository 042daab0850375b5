"""A project of .tflite files in an environment that has ai-edge-litert and no TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.system.cache import Cache


pytest.importorskip("ai_edge_litert")

REPOSITORY = Path(__file__).parents[2]
MODEL = "fc_1"


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Returns a function that makes an environment like this one without some packages."""

    def without(*packages: str) -> Path:
        root = tmp_path_factory.mktemp("env")
        venv.create(root, symlinks=True)
        (site,) = root.glob("lib/python*/site-packages")
        for source in Path(sysconfig.get_path("purelib")).iterdir():
            name = source.name.lower().replace("-", "_")
            if not any(name == p or name.startswith((f"{p}_", f"{p}-")) for p in packages):
                (site / source.name).symlink_to(source)
        for tool in ("cmake", "ninja"):
            program = Path(sys.prefix) / "bin" / tool
            if program.is_file():
                (root / "bin" / tool).symlink_to(program)
        return root / "bin" / "python"

    return without


@pytest.fixture
def project(tmp_path: Path, cache_root: Path) -> Path:
    """What `tinyquant init` makes, with one .tflite in it, and an empty cache."""
    models = tmp_path / "models"
    models.mkdir()
    model = load_model(REPOSITORY / "models" / f"{MODEL}.toml")
    converted = convert(model, SCHEMES["int8-only"], Cache(cache_root))
    (models / "net.tflite").write_bytes(converted.read())
    return tmp_path


def run(project: Path, python: str | Path, *words: Any, expect: int = 0) -> str:
    done = subprocess.run(
        [python, *words],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(project / "home"),
            "TINYQUANT_CACHE": str(project / "cache"),
            "COLUMNS": "200",
        },
    )
    assert done.returncode == expect, f"{done.stdout[-4000:]}\n{done.stderr[-3000:]}"
    return done.stdout + done.stderr


def tinyquant(*words: Any) -> tuple[str, ...]:
    main = "import sys; from pytest_tinyquant.cli.main import main; sys.exit(main())"
    return ("-c", main, *words)


def test_a_tflite_runs_on_the_host_and_on_an_emulated_board(
    environments: Callable[..., Path], project: Path
) -> None:
    python = environments("tensorflow", "keras", "tf_keras")
    missing = subprocess.run(
        [python, "-c", "import tensorflow"], capture_output=True, text=True, check=False
    )
    assert "No module named 'tensorflow'" in missing.stderr

    run(project, python, *tinyquant("init"))
    out = run(project, python, *tinyquant("doctor", "host", "nucleo-l4r5zi"))
    assert "ai-edge-litert" in out
    options = ("-m", "pytest", "-p", "no:hypothesispytest", "-p", "no:cacheprovider")
    out = run(project, python, *options, "--tq-missing-baseline=record")
    assert "6 passed" in out
    out = run(project, python, *options)
    assert "6 ok" in out


def test_a_model_that_is_to_be_converted_says_which_extra_does_it(
    environments: Callable[..., Path], project: Path
) -> None:
    python = environments("tensorflow", "keras", "tf_keras")
    (project / "models" / "other.keras").write_bytes(b"never read")
    (project / "models" / "other.toml").write_text("input_shape = [8]\n")
    run(project, python, *tinyquant("init"))
    out = run(project, python, *tinyquant("doctor", "host"), expect=1)
    assert "pip install 'pytest-tinyquant[convert]'" in out
    out = run(project, python, "-m", "pytest", "--board=host", "--model=other", "-k", "int8-only",
              expect=1)  # fmt: skip
    assert "pip install 'pytest-tinyquant[convert]'" in out


def test_without_any_interpreter_the_small_extra_is_named(
    environments: Callable[..., Path], project: Path
) -> None:
    python = environments("tensorflow", "keras", "tf_keras", "ai_edge_litert")
    run(project, python, *tinyquant("init"))
    for words in (tinyquant("doctor", "host"), ("-m", "pytest", "--board", "host")):
        assert "pip install 'pytest-tinyquant[litert]'" in run(project, python, *words, expect=1)
