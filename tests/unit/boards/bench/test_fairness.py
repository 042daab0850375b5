"""Many runs on one bench, simulated: nobody overtakes, nobody starves, no board idles.

Each worker of a run measures one thing after the other on any board of a type. When a measurement
ends, all who wait try for a board, in an order drawn anew.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from attack import parameters
from simulated_bench import LONGEST
from simulated_bench import Night
from simulated_bench import Plan
from simulated_bench import Simulation

from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.boards.bench.ticket_files import TicketFiles


SMALL = Plan(boards=6, types=2, runs=5, workers=3, measurements=8)
LARGE = Plan(boards=200, types=20, runs=50)


def check(night: Night) -> None:
    plan = night.plan
    assert night.finished == dict.fromkeys(range(plan.runs), plan.measurements)
    assert not night.overtaken
    assert night.idle == 0
    for wait in night.waits:
        assert wait.waited <= wait.limit, f"run {wait.run} waited {wait.waited:.0f} s"
    assert any(wait.waited for wait in night.waits), "nobody had to wait: nothing was tried"
    assert night.seconds <= night.limit


@pytest.mark.parametrize("seed", range(3))
def test_a_small_bench_is_fair_with_tickets_and_locks_in_files(tmp_path: Path, seed: int) -> None:
    night = Simulation(
        SMALL,
        random.Random(seed),
        tickets=TicketFiles(tmp_path),
        leases=LeaseDirectory(tmp_path),
        everybody=True,
    ).run()
    check(night)
    # In memory, and with only those looking for whom something changed, it is the same night.
    again = Simulation(SMALL, random.Random(seed)).run()
    assert sorted(map(str, again.waits)) == sorted(map(str, night.waits))
    assert again.seconds == night.seconds


@pytest.mark.parametrize("seed", parameters(range(5), quick=1))
def test_two_hundred_boards_and_fifty_runs_are_fair(seed: int) -> None:
    night = Simulation(LARGE, random.Random(seed)).run()
    check(night)
    waits = night.mean_waits()
    assert waits[-1] <= 2 * waits[len(waits) // 2], "no run waits much longer than others"
    assert max(wait.waited for wait in night.waits) <= 3 * LONGEST
