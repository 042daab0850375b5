"""kill -9 of a worker of pytest-xdist on a bench of one board, and of a whole run.

The boards are emulators attached as probes, see ``emulated_bench``. A process kills itself, or its
run, when it comes to a given point for the first time.
"""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Iterable
from typing import TYPE_CHECKING
from typing import Any

import pytest

from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.project.bench import load_bench
from pytest_tinyquant.project.board_types import load_boards


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject
    from tests.conftest import EmulatedBench


pytest.importorskip("xdist")

PYTEST = (sys.executable, "-m", "pytest", "-p", "no:hypothesispytest")
HARDWARE = ("--board=bench-m4", "--tq-target=hardware")
MATRIX = ("--model=fc_1", "--scheme=int8-only,int8,basic", "-k", "test_latency or test_error")
ONE = ("--model=fc_1", "--scheme=int8-only", "-k", "test_latency or test_error")
WORKERS = ("-n2", "--dist=worksteal")
RECORD = ("--tq-missing-baseline=record",)
BENCH_BUSY = ("--tq-lease-timeout=200",)

# Notes every writing of an image and every run on a board, with the process that did it.
WATCH = """
import os, signal
from pathlib import Path
from pytest_tinyquant.boards.debug.pyocd_debugger import PyocdDebugger
from pytest_tinyquant.boards.debug.gdb_remote import GdbRemote
from pytest_tinyquant.boards.bench.hardware import PyocdBoard
from pytest_tinyquant.stages.journal import RunJournal

ROOT = Path(__file__).parent

def note(what):
    with (ROOT / "events.txt").open("a") as log:
        log.write(f"{what} {os.getpid()}\\n")

def once(kill):
    try:
        os.close(os.open(ROOT / "killed", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    kill()

def kill_worker():
    note("killed")
    os.kill(os.getpid(), signal.SIGKILL)

load, run = PyocdDebugger.load, PyocdBoard.run

def noted_load(self, elf):
    note(f"load:{elf.parent.name}")
    load(self, elf)
    note("loaded")

def noted_run(self):
    note(f"run:{self._image.elf.parent.name}")
    return run(self)

PyocdDebugger.load, PyocdBoard.run = noted_load, noted_run
"""

# The core has begun to run the image.
WHILE_MEASURING = """
resume = PyocdDebugger.resume

def resume_and_die(self):
    resume(self)
    once(kill_worker)

PyocdDebugger.resume = resume_and_die
"""

# Half of the image's first long segment is on the board.
WHILE_WRITING = """
write = GdbRemote.write

def write_and_die(self, address, data):
    if len(data) >= 1024 and not (ROOT / "killed").exists():
        write(self, address, data[: len(data) // 2])
        once(kill_worker)
    write(self, address, data)

GdbRemote.write = write_and_die
"""

# The second outcome of the run has been kept.
WHOLE_RUN = """
keep = RunJournal._keep

def keep_and_die(self, key, outcome):
    keep(self, key, outcome)
    if len(list(self._directory.glob("*/*.json"))) == 2:
        once(lambda: os.killpg(0, signal.SIGKILL))

RunJournal._keep = keep_and_die
"""


@pytest.fixture
def project(
    real_project: RealProject,
    emulated_bench: Callable[[int], EmulatedBench],
    monkeypatch: pytest.MonkeyPatch,
) -> RealProject:
    """A project of one model on one board."""
    real_project.add_zoo("fc_1")
    (real_project.root / "boards.toml").write_text(emulated_bench(1).rows)
    monkeypatch.setenv("TINYQUANT_LEASE_DIR", str(real_project.root / "leases"))
    monkeypatch.setenv("XDG_STATE_HOME", str(real_project.root / "state"))
    return real_project


def events(project: RealProject) -> list[str]:
    return (project.root / "events.txt").read_text().splitlines()


def outcomes_kept(project: RealProject) -> int:
    entries = list((project.root / "state").glob("**/interrupted/*/*/*.json"))
    assert all(json.loads(entry.read_text()) for entry in entries)
    return len(entries)


def is_free(project: RealProject) -> bool:
    file = project.root / "boards.toml"
    (physical,) = load_bench([file], load_boards([file]))
    return LeaseDirectory(project.root / "leases").is_free(physical)


def runs_of_history(project: RealProject) -> int:
    with sqlite3.connect(project.root / "history.db") as history:
        assert history.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (count,) = history.execute("SELECT COUNT(*) FROM run").fetchone()
    assert isinstance(count, int)
    return count


def test_a_worker_killed_while_it_measures_costs_its_test_and_nothing_else(
    project: RealProject,
) -> None:
    recorded = project.run(*HARDWARE, *MATRIX, *RECORD, "--tq-history=history.db")
    recorded.assert_outcomes(passed=6)
    before = project.tree()
    project.pytester.makeconftest(WATCH + WHILE_MEASURING)
    result = project.run(*HARDWARE, *MATRIX, *WORKERS, *BENCH_BUSY, "--tq-history=history.db")
    result.assert_outcomes(passed=5, failed=1)
    result.stdout.re_match_lines(
        [
            "=+ tinyquant: 1 error, 5 ok =+",
            r"fc_1-\S+-bench-m4 +WorkerCrash +worker 'gw\d' crashed while running ",
            r"FAILED test_matrix.py::test_(error|latency)\[fc_1-\S+-bench-m4\]",
        ]
    )
    _holder_at_its_death(events(project))
    assert project.tree() == before
    assert runs_of_history(project) == 2
    assert is_free(project)
    # Nobody knows the verdict on that test, so the run is not taken for a complete one.
    assert outcomes_kept(project) == 3
    (project.root / "events.txt").unlink()
    resumed = project.run(*HARDWARE, *MATRIX, *WORKERS, "--tq-resume")
    resumed.assert_outcomes(passed=6)
    assert not (project.root / "events.txt").exists()
    assert outcomes_kept(project) == 0


def test_an_image_that_a_killed_worker_half_wrote_is_written_again(project: RealProject) -> None:
    """The next holder of the board is to run the very same image."""
    project.run(*HARDWARE, *ONE, *RECORD).assert_outcomes(passed=2)
    before = project.tree()
    shutil.rmtree(project.root / "leases")  # nobody knows what is on the board
    project.pytester.makeconftest(WATCH + WHILE_WRITING)
    result = project.run(*HARDWARE, *ONE, *WORKERS, *BENCH_BUSY)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.re_match_lines(["=+ tinyquant: 1 error, 1 ok =+"])
    seen = events(project)
    death, holder = _holder_at_its_death(seen)
    (begun,) = (line.split()[0] for line in seen[:death] if line.endswith(f" {holder}"))
    following = [line.split()[0] for line in seen[death + 1 :]]
    assert following[:3] == [begun, "loaded", begun.replace("load:", "run:")]
    assert project.tree() == before
    assert is_free(project)


def _holder_at_its_death(seen: list[str]) -> tuple[int, str]:
    """Return where the notes tell of the kill, and whose; it had the board to itself until then."""
    death = next(index for index, line in enumerate(seen) if line.startswith("killed "))
    holder = seen[death].split()[1]
    mine = [index for index, line in enumerate(seen[:death]) if line.endswith(f" {holder}")]
    assert mine and mine[-1] == death - 1
    return death, holder


def test_a_killed_run_goes_on_where_it_was(
    project: RealProject, start_process: Callable[..., subprocess.Popen[Any]]
) -> None:
    project.pytester.makeconftest(WATCH + WHOLE_RUN)
    run = start_process(
        [*PYTEST, *HARDWARE, *MATRIX, *WORKERS, *RECORD],
        cwd=project.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    run.communicate()  # until the last of its workers is dead, too
    assert run.returncode == -signal.SIGKILL
    kept = outcomes_kept(project)
    assert kept >= 2
    (project.root / "events.txt").unlink()
    result = project.run(*HARDWARE, *MATRIX, *WORKERS, *RECORD, "--tq-resume")
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines([f"tinyquant: resumes with {kept} outcomes kept"])
    measured = [line for line in events(project) if line.startswith("run:")] if kept < 3 else []
    assert len(measured) == 3 - kept
    assert len(list((project.root / "baselines").rglob("*.json"))) == 3


def test_two_runs_at_once_leave_each_other_their_outcomes(
    project: RealProject,
    start_process: Callable[..., subprocess.Popen[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first is killed after the second, which measured the same, came to its end."""
    project.pytester.makeconftest(WATCH + WAIT_FOR_THE_OTHER)
    monkeypatch.setenv("RUN", "first")
    first = start_process(
        [*PYTEST, *HARDWARE, *MATRIX, *RECORD],
        cwd=project.root,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert first.stdout is not None
    assert "measured all" in _line_with("measured all", first.stdout)
    monkeypatch.setenv("RUN", "second")
    assert not (project.root / "baselines").exists(), "nothing is recorded before a run ends"
    project.run(*HARDWARE, *MATRIX, *WORKERS, *RECORD).assert_outcomes(passed=6)
    assert outcomes_kept(project) == 3
    first.kill()
    first.wait()
    (project.root / "events.txt").unlink()
    # What was measured to be recorded was also compared with TensorFlow Lite's interpreter, so it
    # is taken up by a run that records as well.
    result = project.run(*HARDWARE, *MATRIX, *RECORD, "--tq-resume")
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(["tinyquant: resumes with 3 outcomes kept"])
    assert not (project.root / "events.txt").exists()


# The first run has measured everything and does not end.
WAIT_FOR_THE_OTHER = """
import sys

def pytest_runtest_teardown(item, nextitem):
    if nextitem is None and os.environ["RUN"] == "first":
        capture = item.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            print("measured all", flush=True)
        signal.pause()
"""


def _line_with(text: str, stream: Iterable[str]) -> str:
    return next((line for line in stream if text in line), "")
