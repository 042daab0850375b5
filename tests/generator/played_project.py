"""A project whose slow stages are played, so that a run of pytest in it takes milliseconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# pyOCD imports it, and it takes the place of importlib.metadata's finder. Imported for the first
# time in a run that pytester undoes, it would leave no finder, and pytest without its plugins.
import importlib_metadata  # noqa: F401
import pytest


REPOSITORY = Path(__file__).parents[2]

MATRIX = (REPOSITORY / "tests" / "experiments" / "test_matrix.py").read_text()

# Plays the pipeline: what a combination measures, or raises, stands in bench.json.
BENCH = """
import json, os
from pathlib import Path

from pytest_tinyquant import errors
from pytest_tinyquant.measure.measurement import Measurement, Metric, OpCount

ROOT = Path(__file__).parent

def pytest_tinyquant_measure(model, scheme, board):
    name = f"{model.name}-{scheme.name}-{board.name}"
    with (ROOT / "measured.txt").open("a") as log:
        log.write(f"{name}\\n")
    says = json.loads((ROOT / "bench.json").read_text()).get(name, {})
    if "crash" in says:
        os._exit(1)
    if "raises" in says:
        error = getattr(errors, says["raises"])(says["text"], **says.get("attributes", {}))
        error.retries = says.get("retries", ())
        raise error
    conv = says.get("conv2d[3]", 1000)
    kernel = says.get("tq_conv_2d_s8", 400)
    metrics = {
        "error": {"mae": Metric(says.get("mae", 0.01), "1", "exact")},
        "latency": {"invoke": Metric(500 + conv, "instructions", says.get("class", "exact"))},
        "flash": {"total": Metric(1000 + kernel, "B", "exact")},
        "ram": {"total": Metric(2048, "B", "exact"), "arena": Metric(1024, "B", "exact")},
    }
    if "cycles" in says:  # one number for each time that the combination is measured
        earlier = (ROOT / "measured.txt").read_text().split().count(name)
        metrics["latency"] = {"invoke": Metric(says["cycles"][earlier - 1], "cycles", "measured")}
    identity = dict.fromkeys(
        ("model_sha256", "tflite_sha256", "converter", "runtime_version", "kernels", "flags"), "x"
    )
    return Measurement(
        model=model.name, scheme=scheme.name, board=board.name, target=board.target,
        identity={**identity, "runtime": board.runtime}, toolchain="gcc",
        metrics={metric: metrics[metric] for metric in board.metrics},
        output_sha256="0" * 64,
        ops=(OpCount("conv2d[3]", "tq_conv_2d_s8", (1, 16, 16, 32), conv),),
        symbols={"tq_conv_2d_s8": kernel, "main": 100},
        retries=tuple(says.get("retries", ())),
    )
"""


class Bench:
    """The outer test's hand on the project and on what its boards measure."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.root = pytester.path
        self.says: dict[str, dict[str, Any]] = {}

    def add_models(self, *names: str) -> None:
        (self.root / "models").mkdir(exist_ok=True)
        for name in names:
            (self.root / "models" / f"{name}.keras").touch()

    def expect_gap(self, text: str) -> None:
        (self.root / "models" / "known_issues.toml").write_text(text)

    def run(self, *arguments: str, **options: Any) -> pytest.RunResult:
        (self.root / "bench.json").write_text(json.dumps(self.says))
        return self.pytester.runpytest("-p", "no:hypothesispytest", *arguments, **options)

    def record(self, *arguments: str) -> None:
        """Make what the boards measure now the baseline."""
        self.run("--tq-update-baselines=all", *arguments)
        (self.root / "measured.txt").unlink()

    @property
    def measured(self) -> list[str]:
        return (self.root / "measured.txt").read_text().split()

    def baselines(self) -> dict[str, str]:
        folder = self.root / "baselines"
        return {str(file.relative_to(folder)): file.read_text() for file in _files(folder)}


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.json"))


def played_project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return a project of three models with the test file of the README."""
    for variable in ("PYTEST_ADDOPTS", "TINYQUANT_EXTRA_MODELS", "TINYQUANT_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(pytester.path / "config"))
    pytester.makeini("[pytest]\naddopts = --import-mode=importlib\n")
    pytester.makeconftest(BENCH)
    pytester.makepyfile(test_matrix=MATRIX)
    project = Bench(pytester)
    project.add_models("fc_1", "cnn_1", "cnn_4")
    return project
