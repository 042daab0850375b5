"""Projects to run pytest in: one whose slow stages are played, so that a run takes milliseconds,
and one in which everything is real.
"""

from __future__ import annotations

import contextlib
import importlib
import re
import shutil
import tomllib
from pathlib import Path

import pytest
from played_project import MATRIX
from played_project import REPOSITORY
from played_project import Bench
from played_project import played_project

from pytest_tinyquant.system.cache import Cache


# A run of pytest in this process forgets the modules that it imported, and these load only once.
importlib.import_module("numpy")
for name in ("sqlalchemy.dialects.postgresql", "psycopg", "onnx", "onnxruntime"):
    with contextlib.suppress(ImportError):
        importlib.import_module(name)

RUN_LIMIT = 500.0
"""Seconds that a run may take on a busy computer before it counts as hanging."""


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pytest prints whole messages once more in its summary where it believes to be in CI."""
    for variable in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def bench(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A project of three models with the test file of the README."""
    return played_project(pytester, monkeypatch)


class RealProject:
    """A project with models of this repository whose stages are real; each run is a process."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.root = pytester.path

    def add_zoo(self, *names: str) -> None:
        """Copy models of the zoo, each with its weights and its data."""
        for name in names:
            toml = _copy(Path("models") / f"{name}.toml", self.root)
            dataset = tomllib.loads(toml.read_text())["data"]["dataset"]
            _copy(Path("models/weights") / f"{name}.npz", self.root)
            _copy(Path("models/data") / f"{dataset}.npz", self.root)

    def run(self, *arguments: str) -> pytest.RunResult:
        return self.pytester.runpytest_subprocess(
            "-p", "no:hypothesispytest", "-ra", *arguments, timeout=RUN_LIMIT
        )

    def verdicts(self, *arguments: str) -> tuple[pytest.RunResult, dict[str, str]]:
        """Run and return each test's outcome by name, such as ``error[fc_1-int8-host]``."""
        result = self.run("-v", *arguments)
        line = re.compile(r"^\S+::test_(\S+\[\S+\]) ([A-Z]+)\b")
        found = filter(None, map(line.match, result.outlines))
        return result, {match[1]: match[2] for match in found}

    def tree(self) -> dict[str, bytes]:
        """Return every file of models/ and baselines/."""
        return {
            str(file.relative_to(self.root)): file.read_bytes()
            for folder in ("models", "baselines")
            for file in sorted((self.root / folder).rglob("*"))
            if file.is_file()
        }


def _copy(file: Path, root: Path) -> Path:
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(REPOSITORY / file, root / file))


@pytest.fixture(scope="session")
def cache_root() -> Path:
    """The cache of this run; known before pytester moves the home directory."""
    return Cache().root


@pytest.fixture
def real_project(
    cache_root: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> RealProject:
    """A project with the test file of the README and no models yet."""
    for variable in ("PYTEST_ADDOPTS", "TINYQUANT_EXTRA_MODELS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TINYQUANT_CACHE", str(cache_root))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(pytester.path / "config"))
    pytester.makeini("[pytest]\naddopts = --import-mode=importlib\n")
    pytester.makepyfile(test_matrix=MATRIX)
    return RealProject(pytester)
