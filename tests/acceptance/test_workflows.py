"""The workflow files of docs/: they are YAML of the right shape, and name options that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest


yaml = pytest.importorskip("yaml")

DOCS = Path(__file__).parents[2] / "docs"
GITHUB, GITLAB = (DOCS / "workflows" / name for name in ("github-actions.yml", "gitlab-ci.yml"))
FILES = (GITHUB, GITLAB, DOCS / "nightly.md")


def commands(file: Path) -> list[str]:
    """Return what a workflow runs."""
    document: dict[Any, Any] = yaml.safe_load(file.read_text())
    if file == GITHUB:
        steps = document["jobs"]["boards"]["steps"]
        return [step["run"] for step in steps if "run" in step]
    return [*document["nightly"]["before_script"], *document["nightly"]["script"]]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_option_exists(file, pytester):
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", file.read_text()))
    assert {"--tq-target", "--dist", "--tq-resume"} <= named
    shown = pytester.runpytest("--help").stdout.str()
    known = set(re.findall(r"--[a-z][a-z-]+", shown))
    assert named - known == set()


@pytest.mark.parametrize("file", [GITHUB, GITLAB], ids=lambda file: file.name)
def test_a_night_looks_after_the_bench_then_measures_and_keeps_its_reports(file):
    lines = [" ".join(command.split()) for command in commands(file)]
    order = [
        next(i for i, line in enumerate(lines) if word in line)
        for word in (
            "pip install",
            "tinyquant doctor",
            "pytest --tq-target hardware -n auto --dist worksteal",
        )
    ]
    assert order == sorted(order)
    measured = lines[order[-1]]
    for report in ("--junit-xml=report/", "--tq-markdown=report/", "--tq-json=report/"):
        assert report in measured
    assert "report/" in file.read_text().partition("always")[2]


def test_the_installed_extras_exist():
    project = (DOCS.parent / "pyproject.toml").read_text()
    for file in (GITHUB, GITLAB):
        (extras,) = re.findall(r"pytest-tinyquant\[([\w,]+)\]", " ".join(commands(file)))
        for extra in extras.split(","):
            assert re.search(rf"^{extra} = \[", project, re.MULTILINE)
