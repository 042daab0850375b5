"""The workflow files of docs/: they name options and extras that exist, and their steps run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.system.cache import Cache


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


yaml = pytest.importorskip("yaml")

DOCS = Path(__file__).parents[2] / "docs"
NIGHTLY, PULL_REQUEST, GITLAB = (
    DOCS / "workflows" / name
    for name in ("github-nightly.yml", "github-pull-request.yml", "gitlab-ci.yml")
)
GITHUB_FARM, GITLAB_FARM = (
    DOCS / "workflows" / name for name in ("github-farm.yml", "gitlab-farm.yml")
)
WORKFLOWS = (NIGHTLY, PULL_REQUEST, GITLAB, GITHUB_FARM, GITLAB_FARM)

#: Steps that a test cannot take: they install packages, or talk to a code host.
ELSEWHERE = re.compile(r"apt-get|pip install|python3 -m venv|^gh |\ngh |git fetch")


def commands(file: Path) -> dict[str, list[str]]:
    """Return what each job of a workflow runs, in order."""
    document: dict[Any, Any] = yaml.safe_load(file.read_text())
    if file in (GITLAB, GITLAB_FARM):
        return {name: [*job["before_script"], *job["script"]] for name, job in document.items()}
    return {
        name: [step["run"] for step in job["steps"] if "run" in step]
        for name, job in document["jobs"].items()
    }


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_is_one_by_the_schema_of_its_code_host(file: Path, tmp_path: Path) -> None:
    pytest.importorskip("check_jsonschema", reason="pip install check-jsonschema")
    gitlab = ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    schema = gitlab if file in (GITLAB, GITLAB_FARM) else ["vendor.github-workflows"]

    def lint(path: Path) -> int:
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", *schema, str(path)]
        return subprocess.run(command, capture_output=True, check=False).returncode

    assert lint(file) == 0
    wrong = tmp_path / file.name
    wrong.write_text(re.sub(r"^( +)(steps|script):", r"\1\2s:", file.read_text(), flags=re.M))
    assert lint(wrong) != 0


@pytest.mark.parametrize(
    "file", [*WORKFLOWS, DOCS / "nightly.md", DOCS / "farm.md"], ids=lambda file: file.name
)
def test_every_option_exists(file: Path, pytester: pytest.Pytester) -> None:
    named = set(re.findall(r"(?<![\w-])--tq-[a-z-]+", file.read_text()))
    assert named
    known = set(re.findall(r"--[a-z][a-z-]+", pytester.runpytest("--help").stdout.str()))
    assert named - known == set()


@pytest.mark.parametrize(
    "file", [NIGHTLY, GITLAB, GITHUB_FARM, GITLAB_FARM], ids=lambda file: file.name
)
def test_a_night_looks_after_the_bench_then_measures_and_keeps_its_reports(file: Path) -> None:
    (job,) = (
        lines for name, lines in commands(file).items() if name in ("boards", "nightly", "farm")
    )
    lines = [" ".join(command.split()) for command in job]
    order = [
        next(i for i, line in enumerate(lines) if word in line)
        for word in ("pip install", "tinyquant doctor", "pytest --tq-target hardware --board")
    ]
    assert order == sorted(order)
    measured = lines[order[-1]]
    for report in ("--junit-xml=report/", "--tq-markdown=report/", "--tq-json=report/"):
        assert report in measured
    assert "--tq-history=" in measured


@pytest.mark.parametrize("file", [GITHUB_FARM, GITLAB_FARM], ids=lambda file: file.name)
def test_hosts_of_a_farm_share_one_coordinator_and_history_and_do_not_run_twice(file: Path) -> None:
    text = file.read_text()
    document: dict[Any, Any] = yaml.safe_load(text)
    if file == GITHUB_FARM:
        job, variables = document["jobs"]["boards"], document["env"]
        assert set(job["runs-on"]) == {"self-hosted", "farm"}
        assert "github.ref" in document["concurrency"]["group"]
    else:
        job = document["farm"]
        variables = job["variables"]
        assert job["tags"] == ["farm"]
        assert "CI_COMMIT_REF" in job["resource_group"]
    assert variables["LG_COORDINATOR"].endswith(":20408"), "the port of labgrid's coordinator"
    assert "sqlite" not in text, "a file of one host is no history of several"
    lines = [
        " ".join(command.split()) for commands_ in commands(file).values() for command in commands_
    ]
    order = [
        next(i for i, line in enumerate(lines) if word in line)
        for word in ("tinyquant janitor", "tinyquant doctor", "pytest --tq-target hardware")
    ]
    assert order == sorted(order)


def test_the_installed_extras_exist() -> None:
    project = (DOCS.parent / "pyproject.toml").read_text()
    for file in WORKFLOWS:
        for extras in re.findall(r"pytest-tinyquant\[([\w,]+)\]", file.read_text()):
            for extra in extras.split(","):
                assert re.search(rf"^{extra} = \[", project, re.MULTILINE)


@pytest.fixture
def repository(
    real_project: RealProject, cache_root: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A project of `tinyquant init` with one .tflite, committed with its first baselines."""
    root = real_project.root
    model = load_model(DOCS.parent / "models" / "fc_0.toml")
    converted = convert(model, SCHEMES["int8-only"], Cache(cache_root))
    (root / "models").mkdir()
    (root / "models" / "net.tflite").write_bytes(converted.read())
    (root / "tox.ini").unlink()
    (root / "test_matrix.py").unlink()
    (root / ".venv").symlink_to(sys.prefix)
    (root / ".gitignore").write_text(".venv\nhome/\nreport/\n__pycache__/\n.pytest_cache/\n")
    for name, value in (
        ("GITHUB_STEP_SUMMARY", str(root / "report" / "step.md")),
        ("HOME", str(root / "home")),
        ("BOARDS", "nucleo-l4r5zi"),
        ("NIGHTLY_OPTIONS", ""),
        ("PYTEST_ADDOPTS", "-p no:hypothesispytest"),
    ):
        monkeypatch.setenv(name, value)
    (root / "home").mkdir()
    (root / "report").mkdir()
    run(root, ".venv/bin/tinyquant init")
    boards = "host,nucleo-l4r5zi"
    run(root, f".venv/bin/python -m pytest --board {boards} --tq-missing-baseline=record")
    who = "-c user.name=a -c user.email=a@example.org"
    run(root, f"git init -q -b main && git add -A && git {who} commit -qm first")
    run(root, "git update-ref refs/remotes/origin/main HEAD && git update-ref FETCH_HEAD HEAD")
    return root


def run(root: Path, command: str) -> str:
    """Run a step as CI's shell does."""
    done = subprocess.run(
        ["bash", "-e", "-c", command],
        cwd=root,
        env={**os.environ, "PATH": f"{root / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def steps(file: Path, job: str) -> list[str]:
    """Return the steps of a job that can be taken here, expressions of the code host filled in."""
    filled = []
    for command in commands(file)[job]:
        text = re.sub(r"\$\{\{ github\.base_ref \}\}", "main", command)
        text = re.sub(r"\$\{\{.*?\}\}", "", text, flags=re.DOTALL)
        # No board is attached: the emulator stands in for it.
        text = text.replace("--tq-target hardware", "--tq-target emulator").replace("-n auto", "")
        text = re.sub(r"--dist worksteal|--max-worker-restart=4", "", text)
        if not ELSEWHERE.search(text):
            filled.append(text)
    return filled


@pytest.mark.parametrize(
    ("file", "job", "least"),
    [
        (PULL_REQUEST, "emulated", 3),
        (NIGHTLY, "boards", 2),
        (GITLAB, "quantization", 3),
        (GITLAB, "nightly", 2),
    ],
    ids=["pull request", "nightly", "gitlab merge request", "gitlab nightly"],
)
def test_the_steps_of_a_workflow_run_green_in_a_project_of_tinyquant_init(
    repository: Path, file: Path, job: str, least: int
) -> None:
    taken = steps(file, job)
    assert len(taken) >= least
    for command in taken:
        run(repository, command)
    assert list((repository / "report").glob("*.md"))
