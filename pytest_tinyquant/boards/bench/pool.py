"""The pool of real boards: any free one of a type will do, and nobody waits for ever."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Final

from pytest_tinyquant.boards.bench.lease import Lease
from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.boards.bench.set_aside import BoardHealth
from pytest_tinyquant.boards.bench.set_aside import Cycle
from pytest_tinyquant.boards.bench.ticket_files import TicketFiles
from pytest_tinyquant.boards.bench.waiting_line import Ticket
from pytest_tinyquant.boards.bench.waiting_line import WaitingLine
from pytest_tinyquant.boards.farm.client import OtherPlaceError
from pytest_tinyquant.boards.farm.farm import Farm
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import BoardBusyError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.project.settings import Settings


LEASE_TIMEOUT: Final[float] = Settings.default("lease_timeout")
"""Seconds to wait for a board that others hold."""

PROGRESS_SECONDS: Final[float] = Settings.default("progress_interval")
_POLL_SECONDS: Final = 0.05


class Pool:
    """The boards of this bench, as one run of pytest takes and gives them back.

    :param command: the command line, for others who wait.
    :param timeout: seconds to wait for a board.
    :param tell: is given the type of board and a line for the user while that takes long.
    :param progress_seconds: how often.
    :param farm: reaches those boards that labgrid hands out.
    """

    def __init__(
        self,
        leases: LeaseDirectory,
        health: BoardHealth,
        *,
        command: str,
        timeout: float = LEASE_TIMEOUT,
        tell: Callable[[str, str], None] = lambda board, line: None,
        progress_seconds: float = PROGRESS_SECONDS,
        farm: Farm | None = None,
    ) -> None:
        self.health = health
        self._leases = leases
        self._command = command
        self._timeout = timeout
        self._tell = tell
        self._progress_seconds = progress_seconds
        self._farm = farm

    @contextlib.contextmanager
    def hold(
        self, boards: Sequence[PhysicalBoard], *, digest: str | None = None, test: str
    ) -> Iterator[Lease]:
        """Hold one of `boards` in a ``with`` block, rather one that has the image already.

        Trouble with the bench in the block counts against that board.

        :param digest: of the image that is to run.
        :param test: what for.
        :raises BoardBusyError: others held all of them for too long.
        :raises BenchError: all of them are set aside.
        """
        with contextlib.ExitStack() as held:
            lease, cycle = self._take(boards, digest, test, held)
            try:
                yield lease
            except BenchError as error:
                # Here, as labgrid switches only what is held.
                self.health.failed(lease.physical, error, cycle=cycle)
                raise
            except TinyQuantError:
                self.health.worked(lease.physical)
                raise
            else:
                self.health.worked(lease.physical)

    def _take(
        self,
        boards: Sequence[PhysicalBoard],
        digest: str | None,
        test: str,
        held: contextlib.ExitStack,
    ) -> tuple[Lease, Cycle | None]:
        """Return the lease of one of `boards`, whose place is held, and what switches its power.

        :param held: is given what gives both back.
        """
        while True:
            lease = self._wait(boards, digest, test)
            held.callback(lease.release)
            try:
                return lease, held.enter_context(self._reached(lease, boards))
            except OtherPlaceError as error:
                held.close()
                boards = error.rows
            except BenchError as error:
                self.health.failed(lease.physical, error)
                raise

    @contextlib.contextmanager
    def _reached(self, lease: Lease, boards: Sequence[PhysicalBoard]) -> Iterator[Cycle | None]:
        """Hold the place of labgrid that a leased row stands for, if it does.

        :returns: what switches its power off and on; None for what the row says.
        """
        row, farm = lease.physical, self._farm
        if farm is None or not row.labgrid:
            yield None
            return
        with farm.reach(row, boards) as (reached, is_new):
            if is_new:
                lease.note_loaded(None)
            lease.physical = reached
            try:
                yield farm.power_cycle
            finally:
                lease.physical = row

    def _wait(self, boards: Sequence[PhysicalBoard], digest: str | None, test: str) -> Lease:
        start = time.monotonic()
        told = 0.0
        try:
            self._leases.root.mkdir(parents=True, exist_ok=True)
            with WaitingLine(TicketFiles(self._leases.root)).join() as ticket:
                while True:
                    lease = self._try(self.health.usable(boards), digest, test, ticket)
                    if lease is not None:
                        return lease
                    waited = time.monotonic() - start
                    if waited >= self._timeout:
                        raise self._busy(boards, test, waited)
                    if waited >= told + self._progress_seconds:
                        told = waited
                        self._tell(boards[0].type, self._progress(boards, test, waited))
                    time.sleep(_POLL_SECONDS)
        except OSError as error:
            raise self._leases.unusable(error) from error

    def _try(
        self, boards: Sequence[PhysicalBoard], digest: str | None, test: str, ticket: Ticket
    ) -> Lease | None:
        """Return the lease of the best board that is free and that nobody waits for longer."""
        with ticket.turn(physical.lease_id for physical in boards) as mine:
            mine_first = [physical for physical in boards if physical.lease_id in mine]
            for physical in sorted(mine_first, key=lambda p: not self._has(p, digest)):
                leases = self._leases_of(physical)
                lease = leases.try_take(physical, command=self._command, test=test)
                if lease is not None:
                    return lease
        return None

    def _has(self, physical: PhysicalBoard, digest: str | None) -> bool:
        return digest is not None and self._leases_of(physical).state(physical).loaded == digest

    def _leases_of(self, physical: PhysicalBoard) -> LeaseDirectory:
        """Return where a board is leased; between runs labgrid keeps its places apart itself."""
        if self._farm is not None and physical.labgrid:
            return self._farm.leases
        return self._leases

    def _busy(self, boards: Sequence[PhysicalBoard], test: str, waited: float) -> BoardBusyError:
        holders = [self._leases_of(physical).state(physical).holder for physical in boards]
        longest = max(filter(None, holders), key=lambda holder: holder.age, default=None)
        return BoardBusyError(
            f"{self._progress(boards, test, waited)}. Wait for them to end, end them, or allow "
            "more than that with --tq-lease-timeout",
            holder="" if longest is None else str(longest),
            age=0.0 if longest is None else longest.age,
        )

    def _progress(self, boards: Sequence[PhysicalBoard], test: str, waited: float) -> str:
        held = []
        for physical in boards:
            if not self.health.record(physical).set_aside:
                holder = self._leases_of(physical).state(physical).holder
                held.append(f"{physical.name} is held by {holder or 'someone'}")
        return f"{test}: waits for a {boards[0].type} for {waited:.0f} s; {'; '.join(held)}"
