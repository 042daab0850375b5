"""Nights on a bench: interrupted and resumed, with a canary before and after.

The boards are emulators attached as probes, see ``emulated_bench``.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject
    from tests.conftest import EmulatedBench


HARDWARE = ("--board=bench-m4", "--tq-target=hardware")
MATRIX = ("--model=fc_1", "--scheme=int8-only,int8,basic", "-k", "test_latency or test_error")

# Notes what is run on a board, and ends the run, as ctrl-C does, before the second combination.
WATCH = """
import os
from pathlib import Path
from pytest_tinyquant.boards.bench.hardware import PyocdBoard

ROOT = Path(__file__).parent
run = PyocdBoard.run

def watched(self):
    with (ROOT / "runs.txt").open("a") as log:
        log.write(self._image.elf.parent.name + "\\n")
    if os.environ.get("INTERRUPT") and len((ROOT / "runs.txt").read_text().split()) == 2:
        raise KeyboardInterrupt
    return run(self)

PyocdBoard.run = watched
"""

# Makes the board slower from its second run on.
DRIFT = """
import dataclasses
from pytest_tinyquant.boards.bench.hardware import PyocdBoard

run = PyocdBoard.run
runs = []

def drifting(self):
    record = run(self)
    runs.append(1)
    late = 500 if len(runs) > {calm} else 0
    return dataclasses.replace(
        record, counter=record.counter + late, walk_counter=record.walk_counter + late
    )

PyocdBoard.run = drifting
"""


# Fails the first time that a board runs.
FAIL_ONCE = """
from pytest_tinyquant.boards.bench.hardware import PyocdBoard
from pytest_tinyquant.errors import ConsoleError

run = PyocdBoard.run

def failing(self):
    PyocdBoard.run = run
    raise ConsoleError("the cable is loose")

PyocdBoard.run = failing
"""


@pytest.fixture
def night(
    real_project: RealProject,
    emulated_bench: Callable[[int], EmulatedBench],
    monkeypatch: pytest.MonkeyPatch,
) -> RealProject:
    """A project of one model on one board, with recorded baselines."""
    real_project.add_zoo("fc_1")
    (real_project.root / "boards.toml").write_text(emulated_bench(1).rows)
    real_project.run(*HARDWARE, *MATRIX, "--tq-missing-baseline=record")
    return real_project


def runs(project: RealProject) -> int:
    file = project.root / "runs.txt"
    count = len(file.read_text().split()) if file.exists() else 0
    file.unlink(missing_ok=True)
    return count


def test_an_interrupted_matrix_goes_on_where_it_was(
    night: RealProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.pytester.makeconftest(WATCH)
    monkeypatch.setenv("INTERRUPT", "1")
    assert night.run(*HARDWARE, *MATRIX).ret == pytest.ExitCode.INTERRUPTED
    assert runs(night) == 2
    monkeypatch.delenv("INTERRUPT")
    result = night.run(*HARDWARE, *MATRIX, "--tq-resume")
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(["tinyquant: resumes with 1 outcomes kept"])
    assert runs(night) == 2
    # The run came to its end: nothing is left that could stand for a measurement.
    result = night.run(*HARDWARE, *MATRIX, "--tq-resume")
    result.stdout.fnmatch_lines(["tinyquant: resumes with 0 outcomes kept"])
    assert runs(night) == 3


def test_what_changed_since_the_interruption_is_measured_again(
    night: RealProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.pytester.makeconftest(WATCH)
    monkeypatch.setenv("INTERRUPT", "1")
    night.run(*HARDWARE, *MATRIX)
    runs(night)
    monkeypatch.delenv("INTERRUPT")
    boards = night.root / "boards.toml"
    boards.write_text(boards.read_text().replace("[bench-m4]", "[bench-m4]\ncflags = ['-O1']"))
    night.run(*HARDWARE, *MATRIX, "--tq-resume")
    assert runs(night) == 3


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["one", "n2"])
def test_a_canary_that_stays_is_a_passed_test_of_its_own(
    night: RealProject, workers: tuple[str]
) -> None:
    result = night.run(*HARDWARE, *MATRIX, "--tq-canary=fc_1-int8-only", "-v", *workers)
    result.assert_outcomes(passed=7)
    percentages = [int(text) for text in re.findall(r"\[ *(\d+)%\]", result.stdout.str())]
    assert max(percentages) == 100


def test_a_canary_is_allowed_what_the_gate_allows(night: RealProject) -> None:
    """One run for the canary, one for each combination, and only then a late one."""
    night.pytester.makeconftest(DRIFT.format(calm=4))
    canary = (*HARDWARE, *MATRIX, "--tq-canary=fc_1-int8-only")
    result = night.run(*canary)
    result.assert_outcomes(passed=6, errors=1)
    result.stdout.fnmatch_lines(["BenchError: canary *: latency drifted * (limit 0)"])
    night.run(*canary, "--tq-tolerance=latency:200%").assert_outcomes(passed=7)


def test_a_canary_that_fails_before_the_run_does_not_keep_it_from_running(
    night: RealProject,
) -> None:
    night.pytester.makeconftest(FAIL_ONCE)
    result = night.run(*HARDWARE, *MATRIX, "--tq-canary=fc_1-int8-only")
    result.assert_outcomes(passed=6, errors=1)
    result.stdout.fnmatch_lines(
        [
            "tinyquant: canary fc_1-int8-only on qemu1: before the run: *the cable is loose",
            "BenchError: canary fc_1-int8-only on qemu1: before the run: *the cable is loose",
        ]
    )


def test_a_canary_that_drifts_makes_the_night_an_error_and_no_regression(
    night: RealProject,
) -> None:
    # One run for the canary, one for each combination, of which the last two are late.
    night.pytester.makeconftest(DRIFT.format(calm=2))
    (night.root / "tox.ini").write_text(
        "[pytest]\naddopts = --import-mode=importlib\ntinyquant_canary = fc_1-int8-only\n"
    )
    result = night.run(*HARDWARE, *MATRIX, "--tq-json=result.json", "--junitxml=junit.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["BenchError: canary fc_1-int8-only on qemu1: latency drifted * instructions (limit 0)"]
    )
    counts = json.loads((night.root / "result.json").read_text())["counts"]
    assert counts["error"] == 2
    assert counts.get("regressed", 0) == 0
    assert "canary[qemu1]" in (night.root / "junit.xml").read_text()


@pytest.mark.parametrize("trouble", [DRIFT.format(calm=2), FAIL_ONCE], ids=["after", "before"])
def test_nothing_is_recorded_beside_a_canary_with_trouble(night: RealProject, trouble: str) -> None:
    shutil.rmtree(night.root / "baselines")
    night.pytester.makeconftest(trouble)
    canary = (*HARDWARE, *MATRIX, "--tq-canary=fc_1-int8-only")
    result = night.run(*canary, "--tq-update-baselines=all")
    result.assert_outcomes(passed=6, errors=1)
    assert not [*night.root.glob("baselines/**/*.json")]
    result.stdout.fnmatch_lines(["tinyquant: no baseline of bench-m4 was recorded: by the canary*"])


def test_a_canary_that_does_not_exist_is_a_usage_error(night: RealProject) -> None:
    result = night.run(*HARDWARE, "--tq-canary=fc_9-int8")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: tinyquant_canary: 'fc_9-int8' is no MODEL-SCHEME of *"])
