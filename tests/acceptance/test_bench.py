"""Real boards as a user's test run sees them, with emulators in their place.

Each emulator is a debug probe with an id of its own and a serial console; pyOCD, pyserial, locks
and processes are real.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable
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
ONE = ("--model=fc_1", "--scheme=int8-only", "-k", "test_error")
SCHEMES = ("--scheme=int8-only,int8,basic",)

# Fails on a second holder, and logs who held which board from when to when. The first holders wait
# for each other, so that the pool is exhausted while others stand in line.
WATCH = """
import contextlib, json, os, time
from pathlib import Path
from pytest_tinyquant.boards.bench.pool import Pool

ROOT = Path(__file__).parent
hold = Pool.hold

@contextlib.contextmanager
def watched(self, boards, **options):
    with hold(self, boards, **options) as lease:
        name, start = lease.physical.name, time.monotonic()
        os.close(os.open(ROOT / name, os.O_CREAT | os.O_EXCL))
        try:
            while os.environ["RUN"] != "first" and not (ROOT / "exhausted").exists():
                if all((ROOT / f"qemu{n}").exists() for n in (1, 2, 3)):
                    (ROOT / "exhausted").touch()
                time.sleep(0.01)
            yield lease
        finally:
            os.unlink(ROOT / name)
            entry = (name, options["test"], start, time.monotonic())
            with (ROOT / f"leases-{os.environ['RUN']}.log").open("a") as log:
                log.write(json.dumps(entry) + "\\n")

Pool.hold = watched
"""


@pytest.fixture
def bench_project(
    real_project: RealProject,
    emulated_bench: Callable[[int], EmulatedBench],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[int], RealProject]:
    """A project of two models on a pool of so many boards."""

    def make(boards: int) -> RealProject:
        real_project.add_zoo("fc_1", "fc_2")
        (real_project.root / "boards.toml").write_text(emulated_bench(boards).rows)
        monkeypatch.setenv("RUN", "first")
        return real_project

    return make


def intervals(project: RealProject, run: str) -> list[list[Any]]:
    lines = (project.root / f"leases-{run}.log").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_two_runs_share_a_pool_of_three(
    bench_project: Callable[[int], RealProject],
    start_process: Callable[..., subprocess.Popen[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = bench_project(3)
    project.pytester.makeconftest(WATCH)
    project.run(*HARDWARE, *SCHEMES, "--tq-missing-baseline=record").assert_outcomes(passed=24)
    # One number that the runs must find wrong, and no other.
    baseline = project.root / "baselines/bench-m4/hardware/fc_2-int8.json"
    text = baseline.read_text()
    document = json.loads(text)
    document["metrics"]["latency"]["invoke"]["value"] -= 1
    baseline.write_text(json.dumps(document))

    runs = {}
    for name in ("one", "two"):
        monkeypatch.setenv("RUN", name)
        command = (*HARDWARE, *SCHEMES, "-n4", "--dist=worksteal", "-v", "-p", "no:cacheprovider")
        runs[name] = start_process(
            [*PYTEST, *command],
            cwd=project.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
    outputs = {name: run.communicate()[0].decode() for name, run in runs.items()}

    for name, output in outputs.items():
        failed = set(re.findall(r"FAILED test_matrix.py::(\S+)", output))
        assert failed == {"test_latency[fc_2-int8-bench-m4]"}, output
        assert re.search(r"= tinyquant: 1 regressed, 23 ok =", output), output
        assert len({test for _, test, _, _ in intervals(project, name)}) == 6
    held = [interval for name in runs for interval in intervals(project, name)]
    assert len(held) == 12
    for board in ("qemu1", "qemu2", "qemu3"):
        times = sorted((start, end) for name, _, start, end in held if name == board)
        assert times, f"{board} was never used"
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(times))


def test_the_header_says_which_boards_were_taken_and_auto_prefers_them(
    bench_project: Callable[[int], RealProject],
) -> None:
    project = bench_project(2)
    one = ("--board=bench-m4,host", *ONE, "--tq-missing-baseline=record")
    result = project.run(*one, "-n1")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["tinyquant: *; bench-m4: hardware (qemu1, qemu2); host: this computer"]
    )
    assert (project.root / "baselines/bench-m4/hardware/fc_1-int8-only.json").is_file()


def test_without_its_boards_auto_emulates_and_hardware_is_an_error(
    bench_project: Callable[[int], RealProject], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = bench_project(1)
    monkeypatch.setenv("TINYQUANT_QEMU_PROBES", "")
    result = project.run("--board=bench-m4", *ONE, "--tq-missing-baseline=record")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["tinyquant: *; bench-m4: emulated (QEMU mps2-an386)"])
    result = project.run(*HARDWARE, *ONE)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*BoardNotFoundError: *: none of the boards of this bench is attached: qemu1 (QEMU1). *"]
    )


def test_a_board_that_others_hold_for_too_long_is_an_error(
    bench_project: Callable[[int], RealProject], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = bench_project(1)
    file = project.root / "boards.toml"
    (physical,) = load_bench([file], load_boards([file]))
    lease = LeaseDirectory().try_take(physical, command="make flash", test="mine")
    result = project.run(*HARDWARE, *ONE, "--tq-lease-timeout=0.1")
    assert lease is not None
    lease.release()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["BoardBusyError: *qemu1 is held by pid * (make flash) for mine*"])


# Breaks the console of one board.
BREAK = """
from pytest_tinyquant.boards.bench.hardware import PyocdBoard
from pytest_tinyquant.errors import ConsoleError

run = PyocdBoard.run

def broken(self):
    if self._physical.name in {names!r}:
        raise ConsoleError("the cable is loose")
    return run(self)

PyocdBoard.run = broken
"""


def test_a_board_that_keeps_failing_is_set_aside_and_its_twin_does_the_rest(
    bench_project: Callable[[int], RealProject],
) -> None:
    project = bench_project(2)
    project.pytester.makeconftest(BREAK.format(names={"qemu1"}))
    (project.root / "tox.ini").write_text(
        "[pytest]\naddopts = --import-mode=importlib\ntinyquant_set_aside_after = 1\n"
    )
    arguments = (*HARDWARE, "--model=fc_1", "--tq-missing-baseline=record")
    result = project.run(*arguments, "--scheme=int8-only")
    result.assert_outcomes(errors=1, passed=3)
    result.stdout.fnmatch_lines(
        [
            "ConsoleError: fc_1-int8-only-bench-m4: the cable is loose",
            "tinyquant: board qemu1: set aside after 1 failures in a row; the first: "
            "ConsoleError: the cable is loose",
        ]
    )
    project.pytester.makeconftest(BREAK.format(names={"qemu1", "qemu2"}))
    result = project.run(*arguments, "--scheme=int8", "-n2")
    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines(
        ["BenchError: *: every board that could do it is set aside:", "  qemu1: set aside after *"]
    )


def test_who_waits_is_told_of_on_the_terminal_of_the_run(
    bench_project: Callable[[int], RealProject], start_process: Callable[..., subprocess.Popen[Any]]
) -> None:
    project = bench_project(1)
    file = project.root / "boards.toml"
    (physical,) = load_bench([file], load_boards([file]))
    lease = LeaseDirectory().try_take(physical, command="make flash", test="mine")
    options = ("-n2", "--tq-progress=0.05", "--tq-missing-baseline=record")
    told = re.compile(
        r"tinyquant: fc_1-int8-only-bench-m4: waits for a bench-m4 for \d+ s; "
        r"qemu1 is held by pid \d+ of .* \(make flash\) for mine, \d+ s"
    )
    with (project.root / "stderr").open("w") as stderr:
        run = start_process(
            [*PYTEST, *HARDWARE, *ONE, *options],
            cwd=project.root, stdout=subprocess.PIPE, stderr=stderr, text=True,
        )  # fmt: skip
    before = []
    assert run.stdout is not None
    for line in run.stdout:
        before.append(line)
        if told.match(line):
            break
    assert lease is not None
    lease.release()
    assert run.stdout is not None
    output = "".join(before) + run.stdout.read()
    assert told.match(before[-1])
    assert " 1 passed in " in output
    assert "\r" not in output and "\x1b" not in output
    assert "waits" not in (project.root / "stderr").read_text(), "from a worker itself"


def test_an_image_that_is_on_the_board_is_not_written_again(
    bench_project: Callable[[int], RealProject],
) -> None:
    project = bench_project(1)
    project.pytester.makeconftest("""
from pytest_tinyquant.boards.debug.pyocd_debugger import PyocdDebugger
load = PyocdDebugger.load
def logged(self, elf):
    print("written to the board")
    load(self, elf)
PyocdDebugger.load = logged
""")
    for scheme, times in (("int8-only", 1), ("int8-only", 0), ("int8", 1)):
        one = (*HARDWARE, "--model=fc_1", "--scheme", scheme, "-k", "test_error", "-s")
        result = project.run(*one, "--tq-missing-baseline=record")
        result.assert_outcomes(passed=1)
        assert result.stdout.str().count("written to the board") == times
