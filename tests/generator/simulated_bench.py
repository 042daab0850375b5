"""Many runs on one bench, on a clock of its own: no processes, no files, no waiting.

What is simulated is the time, and where tickets and leases are kept. Who may take which board when
is decided by the product's own :class:`WaitingLine` and :class:`Pool`.

    python tests/generator/simulated_bench.py --boards 200 --types 20 --runs 50
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import heapq
import math
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pytest_tinyquant.boards.bench.lease import Lease
from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.boards.bench.pool import Pool
from pytest_tinyquant.boards.bench.set_aside import BoardHealth
from pytest_tinyquant.boards.bench.waiting_line import Ticket
from pytest_tinyquant.boards.bench.waiting_line import Tickets
from pytest_tinyquant.boards.bench.waiting_line import WaitingLine
from pytest_tinyquant.project.bench import PhysicalBoard


LONGEST = 60.0
"""Seconds of a measurement, at most."""

LATEST = 200.0
"""Seconds after the first run that the last one begins, at most."""


class TicketsInMemory(Tickets):
    """Tickets of processes that are never killed."""

    def __init__(self) -> None:
        self._wanted: dict[int, set[str]] = {}

    def moving(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def numbers(self) -> list[int]:
        return list(self._wanted)

    def new(self, number: int) -> contextlib.ExitStack:
        self._wanted[number] = set()
        taken = contextlib.ExitStack()
        taken.callback(self._wanted.pop, number)
        return taken

    def write(self, number: int, wanted: Iterable[str]) -> None:
        self._wanted[number] = set(wanted)

    def wanted(self, number: int) -> set[str]:
        return self._wanted[number]

    def is_alive(self, number: int) -> bool:
        return True


class LeasesInMemory(LeaseDirectory):
    """Leases that nothing but this process takes."""

    def __init__(self) -> None:
        self.held: set[str] = set()

    def try_take(self, physical: PhysicalBoard, *, command: str, test: str) -> Any:
        if physical.lease_id in self.held:
            return None
        self.held.add(physical.lease_id)
        lease = contextlib.ExitStack()
        lease.callback(self.held.remove, physical.lease_id)
        return _LeaseInMemory(lease)


@dataclasses.dataclass
class _LeaseInMemory:
    held: contextlib.ExitStack

    def release(self) -> None:
        self.held.close()


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is simulated.

    :param boards: of all types together; each type has equally many.
    :param measurements: of each run, one after the other on each of its workers.
    """

    boards: int
    types: int
    runs: int
    workers: int = 8
    measurements: int = 100

    @property
    def alike(self) -> int:
        """Boards of one type."""
        return self.boards // self.types


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


@dataclasses.dataclass(frozen=True)
class Wait:
    """How long a worker waited for a board.

    :param limit: what those ahead of it can take on that many boards at most.
    """

    run: int
    kind: int
    came: float
    waited: float
    limit: float


@dataclasses.dataclass
class Night:
    """What came of it.

    :param seconds: until the last measurement ended.
    :param limit: the formula's: work by boards, and the worker that ends last.
    :param busy: seconds of all boards together in which they measured.
    :param busiest: what the boards of the type that is wanted most have to measure, each.
    :param overtaken: who got a board that somebody waited for who came earlier.
    :param idle: how often a board was free after everybody had looked and somebody wanted it.
    :param finished: measurements of each run.
    """

    plan: Plan
    seconds: float = 0.0
    limit: float = 0.0
    busy: float = 0.0
    busiest: float = 0.0
    waits: list[Wait] = dataclasses.field(default_factory=list)
    overtaken: list[str] = dataclasses.field(default_factory=list)
    idle: int = 0
    finished: Counter[int] = dataclasses.field(default_factory=Counter)

    def mean_waits(self) -> list[float]:
        """Return how long each run waited for a board on average, shortest first."""
        runs = range(self.plan.runs)
        of = {run: [w.waited for w in self.waits if w.run == run] for run in runs}
        return sorted(map(statistics.fmean, of.values()))

    def text(self) -> str:
        """Return the figures, one a line."""
        means = self.mean_waits()
        index = sum(means) ** 2 / (len(means) * sum(x * x for x in means))
        longest = max(self.waits, key=lambda wait: wait.waited)
        closest = max(wait.waited / wait.limit for wait in self.waits)
        return "\n".join(
            (
                f"measurements        {self.finished.total()}, all done",
                f"night               {self.seconds:.0f} s, the formula allows {self.limit:.0f} s",
                f"busiest type alone  {self.busiest:.0f} s",
                f"boards busy         {self.busy / self.plan.boards / self.seconds:.0%} of it",
                f"overtaken           {len(self.overtaken)}",
                f"idle while wanted   {self.idle}",
                f"waited at all       {sum(w.waited > 0 for w in self.waits)}",
                f"longest wait        {longest.waited:.0f} s",
                f"of what it may be   {closest:.0%} at most",
                f"mean wait of a run  {means[0]:.1f} s to {means[-1]:.1f} s, "
                f"median {statistics.median(means):.1f} s",
                f"Jain's index        {index:.3f}",
            )
        )


class Simulation:
    """One night, after `plan`.

    :param everybody: let all who wait look whenever something changed, not only those who wait for
        what changed. The others would find what they found before: it takes longer, and no more.
    """

    def __init__(
        self,
        plan: Plan,
        draw: random.Random,
        *,
        tickets: Tickets | None = None,
        leases: LeaseDirectory | None = None,
        everybody: bool = False,
    ) -> None:
        self.night = Night(plan)
        self._draw = draw
        self._everybody = everybody
        self._line = WaitingLine(tickets or TicketsInMemory())
        health = BoardHealth(Path("unused"))
        self._pool = Pool(leases or LeasesInMemory(), health, command="p", timeout=0)
        self._boards = [
            [
                PhysicalBoard(f"b{kind}-{n}", f"t{kind}", f"{kind}x{n}", "")
                for n in range(plan.alike)
            ]
            for kind in range(plan.types)
        ]
        self._coming: list[tuple[float, int, Worker]] = []
        self._running: list[tuple[float, int, Worker, Lease]] = []
        self._count = 0
        self._now = 0.0
        self._waiting: list[Worker] = []

    def run(self) -> Night:
        """Go on until nothing is left; return what came of it."""
        plan = self.night.plan
        work, last = [0.0] * plan.types, 0.0
        for run in range(plan.runs):
            jobs = [
                (self._draw.randrange(plan.types), self._draw.uniform(1, LONGEST))
                for _ in range(plan.measurements)
            ]
            for kind, seconds in jobs:
                work[kind] += seconds
            begins = self._draw.uniform(0, LATEST) if run else 0.0
            last = max(last, begins)
            for _ in range(plan.workers):
                heapq.heappush(self._coming, (begins, self._next(), Worker(run, jobs)))
        while self._coming or self._running:
            self._step()
        assert not self._waiting, "somebody waits for ever"
        # Whoever measures one thing after the other may itself be what takes longest.
        alone = LONGEST * math.ceil(plan.measurements / plan.workers)
        self.night.seconds, self.night.busy = self._now, sum(work)
        self.night.busiest = max(work) / plan.alike
        self.night.limit = last + self.night.busiest + alone
        return self.night

    def _step(self) -> None:
        if self._coming and (not self._running or self._coming[0] < self._running[0]):
            self._now, _, worker = heapq.heappop(self._coming)
            changed = self._stand_in_line(worker)
        else:
            self._now, _, worker, lease = heapq.heappop(self._running)
            lease.release()
            self.night.finished[worker.run] += 1
            changed = {worker.job[0]} | self._stand_in_line(worker)
        while changed:
            changed = self._those_who_wait_look(changed)
        busy = Counter(worker.job[0] for _, _, worker, _ in self._running)
        wanted = {worker.job[0] for worker in self._waiting}
        self.night.idle += sum(busy[kind] < self.night.plan.alike for kind in wanted)

    def _stand_in_line(self, worker: Worker) -> set[int]:
        """Have a worker wait for what its run wants next; return the type, if there is any."""
        if not worker.jobs:
            return set()
        worker.job = worker.jobs.pop()
        worker.since = self._now
        worker.ahead = sum(other.job[0] == worker.job[0] for other in self._waiting)
        worker.ticket = worker.line.enter_context(self._line.join())
        # As a process would say at its first look, before any other may come.
        with worker.ticket.turn(board.lease_id for board in self._boards[worker.job[0]]):
            pass
        self._waiting.append(worker)
        return {worker.job[0]}

    def _those_who_wait_look(self, changed: set[int]) -> set[int]:
        """Let who waits for one of these types look for a board, in an order drawn anew.

        :returns: the types of which somebody got one.
        """
        got = set()
        looking = [w for w in self._waiting if self._everybody or w.job[0] in changed]
        for worker in self._draw.sample(looking, len(looking)):
            kind, _ = worker.job
            assert worker.ticket is not None
            lease = self._pool._try(self._boards[kind], None, "m", worker.ticket)
            if lease is not None:
                got.add(kind)
                self._begin(worker, lease)
        return got

    def _begin(self, worker: Worker, lease: Lease) -> None:
        kind, seconds = worker.job
        for earlier in self._waiting[: self._waiting.index(worker)]:
            if earlier.job[0] == kind:
                self.night.overtaken.append(f"run {worker.run} went before run {earlier.run}")
        self._waiting.remove(worker)
        worker.line.close()
        limit = LONGEST * math.ceil((worker.ahead + 1) / self.night.plan.alike)
        waited = self._now - worker.since
        self.night.waits.append(Wait(worker.run, kind, worker.since, waited, limit))
        heapq.heappush(self._running, (self._now + seconds, self._next(), worker, lease))

    def _next(self) -> int:
        self._count += 1
        return self._count


def _board(kind: int, number: int) -> PhysicalBoard:
    return PhysicalBoard(f"b{kind}-{number}", f"t{kind}", f"{kind}x{number}", "")


def main() -> None:
    """Simulate a night and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("boards", 200), ("types", 20), ("runs", 50), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=value)
    chosen = parser.parse_args()
    start = time.monotonic()
    plan = Plan(chosen.boards, chosen.types, chosen.runs)
    night = Simulation(plan, random.Random(chosen.seed)).run()
    print(night.text())
    print(f"simulated in        {time.monotonic() - start:.1f} s")


if __name__ == "__main__":
    main()
