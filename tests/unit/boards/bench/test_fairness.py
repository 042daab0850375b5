"""Many runs on one bench, simulated: nobody overtakes, nobody starves, no board idles.

Leases, tickets and locks are the real ones; only time is not. Each worker of a run measures one
thing after the other on any board of a type. When a measurement ends all who wait try for a board,
in an order drawn anew.
"""

from __future__ import annotations

import contextlib
import dataclasses
import heapq
import math
import random
from collections import Counter
from pathlib import Path

import pytest
from attack import NIGHTLY

from pytest_tinyquant.boards.bench.lease import Lease
from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.boards.bench.pool import Pool
from pytest_tinyquant.boards.bench.set_aside import BoardHealth
from pytest_tinyquant.boards.bench.waiting_line import Ticket
from pytest_tinyquant.boards.bench.waiting_line import WaitingLine
from pytest_tinyquant.project.bench import PhysicalBoard


LONGEST = 60.0
"""Seconds of a measurement, at most."""


@dataclasses.dataclass
class Worker:
    """One process of a run.

    :param jobs: type and seconds of what its run has still to measure; shared by its workers.
    :param ahead: how many waited for that type when it came.
    """

    run: int
    jobs: list[tuple[int, float]]
    job: tuple[int, float] = (0, 0.0)
    since: float = 0.0
    ahead: int = 0
    line: contextlib.ExitStack = dataclasses.field(default_factory=contextlib.ExitStack)
    ticket: Ticket | None = None


class Simulation:
    def __init__(self, directory: Path, *, types: int, boards: int, draw: random.Random) -> None:
        self._draw = draw
        self._line = WaitingLine(directory / "leases")
        leases = LeaseDirectory(directory / "leases")
        leases.root.mkdir()
        self._pool = Pool(leases, BoardHealth(directory / "boards"), command="p", timeout=0)
        self._boards = {
            kind: [
                PhysicalBoard(f"b{kind}-{n}", f"t{kind}", f"{kind}x{n}", "") for n in range(boards)
            ]
            for kind in range(types)
        }
        self._running: list[tuple[float, int, Worker, Lease]] = []
        self.now = 0.0
        self.waiting: list[Worker] = []
        self.waits: list[tuple[Worker, float, int]] = []
        self.overtaken: list[str] = []
        self.finished: Counter[int] = Counter()
        self.idle_while_wanted = 0

    def next_job(self, worker: Worker) -> None:
        """Have a worker stand in line for what its run wants next."""
        if not worker.jobs:
            return
        worker.job = worker.jobs.pop()
        worker.since = self.now
        worker.ahead = sum(other.job[0] == worker.job[0] for other in self.waiting)
        worker.ticket = worker.line.enter_context(self._line.join())
        # As a process would say at its first look, before any other may come.
        with worker.ticket.turn(board.lease_id for board in self._boards[worker.job[0]]):
            pass
        self.waiting.append(worker)

    def everybody_tries(self) -> None:
        """Let all who wait look for a board until none gets one."""
        got = True
        while got:
            got = False
            for worker in self._draw.sample(self.waiting, len(self.waiting)):
                kind, seconds = worker.job
                assert worker.ticket is not None
                lease = self._pool._try(self._boards[kind], None, "m", worker.ticket)
                if lease is not None:
                    got = True
                    self._begins(worker, lease, seconds)

    def _begins(self, worker: Worker, lease: Lease, seconds: float) -> None:
        for earlier in self.waiting[: self.waiting.index(worker)]:
            if earlier.job[0] == worker.job[0]:
                self.overtaken.append(f"run {worker.run} went before run {earlier.run}")
        self.waiting.remove(worker)
        worker.line.close()
        self.waits.append((worker, self.now - worker.since, worker.ahead))
        heapq.heappush(self._running, (self.now + seconds, len(self.waits), worker, lease))

    def run(self) -> float:
        """Go on until nothing is left; return how long that took."""
        self.everybody_tries()
        while self._running:
            self.now, _, worker, lease = heapq.heappop(self._running)
            lease.release()
            self.finished[worker.run] += 1
            self.next_job(worker)
            self.everybody_tries()
            busy = Counter(w.job[0] for _, _, w, _ in self._running)
            self.idle_while_wanted += sum(
                busy[w.job[0]] < len(self._boards[w.job[0]]) for w in self.waiting
            )
        assert not self.waiting, "somebody waits for ever"
        return self.now


def simulate(
    directory: Path, seed: int, *, boards: int, types: int, runs: int, workers: int, jobs: int
) -> None:
    draw = random.Random(seed)
    simulation = Simulation(directory, types=types, boards=boards // types, draw=draw)
    work = [0.0] * types
    for run in range(runs):
        wanted = [(draw.randrange(types), draw.uniform(1, LONGEST)) for _ in range(jobs)]
        for kind, seconds in wanted:
            work[kind] += seconds
        for _ in range(workers):
            simulation.next_job(Worker(run, wanted))
    took = simulation.run()
    assert simulation.finished == Counter(dict.fromkeys(range(runs), jobs))
    assert not simulation.overtaken
    assert simulation.idle_while_wanted == 0
    for worker, waited, ahead in simulation.waits:
        rounds = math.ceil((ahead + 1) / (boards // types))
        assert waited <= rounds * LONGEST, f"run {worker.run} waited {waited:.0f} s"
    assert any(waited for _, waited, _ in simulation.waits), "nobody had to wait: nothing was tried"
    # Whoever measures one thing after the other may itself be what takes longest.
    alone = LONGEST * math.ceil(jobs / workers)
    assert took <= sum(work) / (boards // types) + alone


@pytest.mark.parametrize("seed", range(3))
def test_a_small_bench_is_fair(tmp_path: Path, seed: int) -> None:
    simulate(tmp_path, seed, boards=6, types=2, runs=5, workers=3, jobs=8)


@pytest.mark.skipif(not NIGHTLY, reason="only in the nightly profile")
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seed", range(2))
def test_two_hundred_boards_and_fifty_runs_are_fair(tmp_path: Path, seed: int) -> None:
    simulate(tmp_path, seed, boards=200, types=20, runs=50, workers=8, jobs=32)
