"""A farm on the loopback interface: labgrid's coordinator and exporter, `pyocd server`, ser2net.

Only the boards are emulators.
"""

from __future__ import annotations

import contextlib
import math
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest
from emulated_farm import HARDWARE
from emulated_farm import until

from pytest_tinyquant.boards.farm.client import Client
from pytest_tinyquant.boards.farm.heartbeat import DEAD_SECONDS
from pytest_tinyquant.boards.farm.heartbeat import Janitor
from pytest_tinyquant.boards.farm.place import places_with
from pytest_tinyquant.errors import BenchError


if TYPE_CHECKING:
    from emulated_farm import Farm

    from tests.acceptance.conftest import RealProject
    from tests.acceptance.farm.conftest import AddRows
    from tests.acceptance.farm.conftest import StartRun


@pytest.fixture
def project(project_with: AddRows) -> RealProject:
    return project_with(2)


def test_boards_of_a_farm_count_as_those_on_the_desk(
    project: RealProject, farm: Farm, start_run: StartRun
) -> None:
    first = project.run(*HARDWARE, "--tq-missing-baseline=record")
    first.assert_outcomes(passed=16)
    assert farm.held() == []
    # Two runs of four workers share the two places; both finish, with the same counts.
    runs = [start_run("-n4", "-p", "no:cacheprovider") for _ in range(2)]
    for output in [process.communicate()[0] for process in runs]:
        assert "= tinyquant: 16 ok =" in output, output
    assert farm.held() == []


def test_a_killed_run_leaves_its_place_to_the_next(
    project: RealProject, farm: Farm, start_run: StartRun
) -> None:
    project.run(*HARDWARE, "--tq-missing-baseline=record").assert_outcomes(passed=16)
    for _ in range(5):
        killed = start_run("--tq-lease-timeout=60")
        until(farm.held, "the run holds a place")
        killed.kill()
        killed.wait()
    result = project.run(*HARDWARE, "--tq-lease-timeout=60")
    result.assert_outcomes(passed=16)
    assert farm.held() == []


def test_trouble_of_a_farm_is_an_error_that_says_what_to_do(
    project: RealProject, farm: Farm
) -> None:
    one = ("--model=fc_1", "-k", "test_error and int8-only")
    project.run(*HARDWARE, *one, "--tq-missing-baseline=record").assert_outcomes(passed=1)
    client = Client("somebody")
    for n in (0, 1):  # taken by hand
        client.call("-p", f"exporter-p{n}", "acquire")
    result = project.run(*HARDWARE, *one, "--tq-lease-timeout=3")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*BoardBusyError: *no place with board=m4 was free for*who*"])
    for n in (0, 1):
        client.call("-p", f"exporter-p{n}", "release")
    farm.parts["exporter"].kill()
    farm.parts["exporter"].wait()
    result = project.run(*HARDWARE, *one, "--tq-lease-timeout=20")
    result.assert_outcomes(errors=1)
    farm.export()
    project.run(*HARDWARE, *one).assert_outcomes(passed=1)
    farm.parts["exporter-pyocd0"].kill()
    farm.parts["exporter-pyocd1"].kill()
    result = project.run(*HARDWARE, *one)
    result.assert_outcomes(errors=1)
    assert farm.held() == []
    farm.parts["coordinator"].kill()
    farm.parts["coordinator"].wait()
    result = project.run(*HARDWARE, *one)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*FarmError: *labgrid-client * (at 127.0.0.1:*"])
    with pytest.raises(BenchError, match="labgrid-client"):
        places_with(Client("somebody"), (("board", "m4"),))


HOLDER = """
import sys, time
from pathlib import Path
from pytest_tinyquant.boards.farm.farm import Farm
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.system.scratch import Scratch, new_path

scratch = Scratch(new_path())
row = PhysicalBoard("farm-1", "bench-m4", "", "", labgrid=(("board", "m4"),))
with Farm(scratch.path, Path(sys.argv[1]), timeout=60).reach(row):
    time.sleep(600)
"""


@pytest.mark.timeout(3000)
def test_killed_fifty_times_no_place_is_held_after_the_janitors_period(
    farm: Farm, start_process: Callable[..., subprocess.Popen[Any]], tmp_path: Path
) -> None:
    """Each client is killed at another moment, on a host whose notes nobody reads again."""
    draw, seconds, held = random.Random(17), [0.0], 0
    janitor = Janitor(Client("tinyquant-janitor"), tmp_path / "here", now=lambda: seconds[0])
    start = time.monotonic()
    took = math.inf  # until a client holds a place on this computer; the first one tells

    for n in range(50):
        command = (sys.executable, "-c", HOLDER, str(tmp_path / f"there-{n}"))
        process = start_process(command, stdin=subprocess.DEVNULL)
        if n == 0:
            until(farm.held, "the client holds a place")
            took = time.monotonic() - start
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(draw.uniform(0, 1.5) * took)
        process.kill()
        process.wait()
        held += len(farm.held())
        # What it had asked of labgrid may still be done after its death, and is seen later.
        for _ in range(3):
            janitor.sweep()
            seconds[0] += DEAD_SECONDS
        assert farm.held() == []
        for token in re.findall(r"Reservation '(\w+)'", Client("setup").call("reservations")):
            Client("setup").call("cancel-reservation", token)  # it would expire in a minute
    print(f"killed 50 times, {held} of them with a place held; one takes {took:.1f} s to hold it")
    assert held > 5, "many were killed while they held a place"
