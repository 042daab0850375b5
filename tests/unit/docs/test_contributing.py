"""CONTRIBUTING.md and the site of the documentation hold what they promise."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


ROOT = Path(__file__).parents[3]
TABLE = re.findall(
    r"^\| ([^|]+\?) \| `([^`]+)` \|$", (ROOT / "CONTRIBUTING.md").read_text(), flags=re.MULTILINE
)


def test_twelve_questions_are_answered() -> None:
    assert len(TABLE) == 12


#: What stands in each of the files if the answer is right.
ANSWERS = {
    "built_in.py": 'name="latency"',
    "spec.py": "class MetricSpec",
    "__init__.py": "LOWERINGS",
    "tables.py": "TINYQUANT: Mapping",
    "schemes.toml": "[scheme.int8-only]",
    "boards.toml": "[nucleo-l4r5zi]",
    "protocol.py": "crc32(",
    "diagnosis.py": "DeviceTimeoutError(",
    "collection.py": "pytest.mark.xfail(",
    "outcomes.py": "def get_or_measure(",
    "cmake.py": "subprocess.run(",
    "attribution.py": "def explain(",
}


@pytest.mark.parametrize(("question", "file"), TABLE, ids=[question for question, _ in TABLE])
def test_where_things_are(question: str, file: str) -> None:
    assert ANSWERS[Path(file).name] in (ROOT / file).read_text()


@pytest.fixture
def site(tmp_path: Path) -> tuple[Path, Callable[..., Any]]:
    """A copy of what the site is built from, and its building."""
    for name in ("docs", "mkdocs.yml", "README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    for name in ("firmware", "firmware/engine", "models", "benchmarks"):
        (tmp_path / name).mkdir()
        shutil.copy(ROOT / name / "README.md", tmp_path / name)
    (tmp_path / "pytest_tinyquant").symlink_to(ROOT / "pytest_tinyquant")
    shutil.copytree(ROOT / "firmware/engine/include", tmp_path / "firmware/engine/include")

    def build() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", "site"]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )

    return tmp_path, build


def test_a_link_that_leads_nowhere_fails_the_site(site: tuple[Path, Callable[..., Any]]) -> None:
    directory, build = site
    (directory / "docs/usage.md").write_text("# Using it\n\n[gone](nowhere.md)\n")
    result = build()
    assert result.returncode != 0
    assert "nowhere.md" in result.stdout + result.stderr
