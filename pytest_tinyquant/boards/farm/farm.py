"""Holds places of labgrid for a run, and gives them back whatever becomes of it.

labgrid keeps a place for whoever took it, for ever. So a run writes down what it holds before it
uses it; the note lies beside the bench's leases, and names the run's scratch directory, whose lock
the kernel frees when the run ends. The next run of this user gives back what nobody uses any more.
Of other hosts' runs a heartbeat tells.
"""

from __future__ import annotations

import contextlib
import dataclasses
import getpass
import os
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.boards.farm.client import Client
from pytest_tinyquant.boards.farm.client import FarmError
from pytest_tinyquant.boards.farm.client import NoSuchPlaceError
from pytest_tinyquant.boards.farm.client import OtherPlaceError
from pytest_tinyquant.boards.farm.client import PlaceGoneError
from pytest_tinyquant.boards.farm.client import coordinator
from pytest_tinyquant.boards.farm.heartbeat import Heart
from pytest_tinyquant.boards.farm.heartbeat import Janitor
from pytest_tinyquant.boards.farm.heartbeat import beat
from pytest_tinyquant.boards.farm.leftovers import Leftovers
from pytest_tinyquant.boards.farm.notes import ClientOf
from pytest_tinyquant.boards.farm.notes import Note
from pytest_tinyquant.boards.farm.notes import give_back
from pytest_tinyquant.boards.farm.notes import read
from pytest_tinyquant.boards.farm.notes import write
from pytest_tinyquant.boards.farm.place import Place
from pytest_tinyquant.boards.farm.place import acquire
from pytest_tinyquant.boards.farm.place import places_with
from pytest_tinyquant.boards.farm.place import reserve
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import BoardBusyError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.project.bench import PhysicalBoard


class Farm:
    """The places that one run of pytest holds, seen from any of its processes.

    :param run: the run's scratch directory, the same in all its processes.
    :param notes: where runs of this host write down what they hold.
    :param timeout: seconds to wait for a place.
    :param client: makes the client of an owner at a coordinator.
    :param tell: is given a line for the user about what could not be given back.
    """

    def __init__(
        self,
        run: Path,
        notes: Path,
        *,
        timeout: float,
        client: ClientOf = Client,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._run = run
        self._notes = notes
        self._timeout = timeout
        self._client_of = client
        self._client = client(f"{_user()}-{run.name}", coordinator())
        self._heart: Heart | None = None
        self._janitor = Janitor(self._client, notes)
        self._leftovers = Leftovers(notes, client, tell=tell)
        self.leases = LeaseDirectory(run / "farm")

    @contextlib.contextmanager
    def reach(
        self, physical: PhysicalBoard, others: Sequence[PhysicalBoard] = ()
    ) -> Iterator[tuple[PhysicalBoard, bool]]:
        """Hold the place of a row in a ``with`` block, whose process has the row's lease.

        :param others: rows that would do as well.
        :returns: the board with the probe and the port of its place, and whether the place is
            another one than before.
        :raises BoardBusyError: others held all such places for too long.
        :raises OtherPlaceError: others hold all such places, and this run has one for another row.
        :raises FarmError: labgrid does not do its part.
        """
        place = self._held(physical)
        is_new = place is None
        if place is None:
            self.release_dead()
            place = self._take(physical, others)
        kept = physical.hold == "session"
        try:
            yield dataclasses.replace(physical, probe=place.probe, port=place.port), is_new
        except BenchError:
            kept = False  # another place may do better
            raise
        finally:
            if not kept:
                self._give_back(self._file(physical))

    def power_cycle(self, physical: PhysicalBoard) -> None:
        """Have labgrid switch the place of a row off and on, while this process holds it.

        :raises FarmError: the place has nothing that does, or it does not work.
        """
        place = self._held(physical)
        if place is None:
            raise PlaceGoneError(f"{physical.name}: this run holds no place that could be switched")
        self._client.call("-p", "+", "power", "cycle", token=place.token)

    def live(self) -> None:
        """Show from now on that this run lives, whichever of its processes holds places."""
        if self._heart is None:
            self._heart = Heart(self.beat)

    def beat(self) -> None:
        """Show once that this run lives; where nobody answers, that is done again later.

        And give back what other runs of this host left.
        """
        for note in filter(None, map(read, self._mine())):
            if note.place:
                with contextlib.suppress(BenchError):
                    beat(self._client, note.place)
        with contextlib.suppress(TinyQuantError):  # who wants a place says what is wrong
            self.release_dead()

    def close(self) -> None:
        """Give back everything that the run holds; may be called twice.

        :raises FarmError: labgrid does not take it; the next run tries again.
        """
        if self._heart is not None:
            self._heart.stop()
        trouble: list[FarmError] = []
        for file in self._mine():
            try:
                self._give_back(file)
            except FarmError as error:
                trouble.append(error)
        if trouble:
            raise trouble[0]

    def release_dead(self) -> list[str]:
        """Give back what ended runs of this host hold, and return the places' names.

        Where a coordinator does not take it, that is told and tried again a minute later.
        """
        return self._leftovers.release()

    def _held(self, physical: PhysicalBoard) -> Place | None:
        """Return the place that another process of the run took for this row."""
        note = read(self._file(physical))
        if note is None or not note.place:
            return None
        return Place(note.place, note.token, note.probe, note.port)

    def _take(self, physical: PhysicalBoard, others: Sequence[PhysicalBoard]) -> Place:
        self._notes.mkdir(parents=True, exist_ok=True)
        file = self._file(physical)
        start = time.monotonic()
        token = reserve(self._client, physical.labgrid)
        note = Note(str(self._run), self._client.owner, token, coordinator=self._client.coordinator)
        write(file, note)
        try:
            place = acquire(
                self._client, token, self._timeout, lambda: self._while_waiting(physical, others)
            )
        except (OtherPlaceError, NoSuchPlaceError):
            self._give_back(file)
            raise
        except FarmError as error:
            self._give_back(file)
            waited = time.monotonic() - start
            self._check_tags(physical)
            if waited < self._timeout:
                raise FarmError(f"{physical.name}: {error}") from error
            tags = ", ".join(f"{key}={value}" for key, value in physical.labgrid)
            raise BoardBusyError(
                f"{physical.name}: no place with {tags} was free for {waited:.0f} s; "
                "labgrid-client who tells who holds them; or allow more with --tq-lease-timeout",
                holder="",
                age=0.0,
            ) from error
        except BaseException:
            self._give_back(file)
            raise
        write(file, dataclasses.replace(note, place=place.name, probe=place.probe, port=place.port))
        return place

    def _while_waiting(self, physical: PhysicalBoard, others: Sequence[PhysicalBoard]) -> None:
        """Do what may bring a place nearer, as long as this run waits for one.

        Two runs that each keep a place and wait for one more would wait for each other. So who has
        a place for another row that will do waits for that row instead, and who has not gives back
        the places that the run keeps for later.

        :raises OtherPlaceError: the run has such a place.
        :raises NoSuchPlaceError: there is nothing to wait for.
        """
        self._check_tags(physical)
        held = [row for row in others if row.name != physical.name and self._held(row)]
        if held:
            names = ", ".join(row.name for row in held)
            raise OtherPlaceError(f"{physical.name}: no place is free yet; there is {names}", held)
        with contextlib.suppress(BenchError):
            self._give_back_unused(physical)
            self.release_dead()
            self._janitor.sweep()

    def _check_tags(self, physical: PhysicalBoard) -> None:
        """See whether any place has the tags of a row; labgrid itself waits for one to come.

        :raises NoSuchPlaceError: there is none.
        """
        try:
            places_with(self._client, physical.labgrid)
        except NoSuchPlaceError as error:
            raise NoSuchPlaceError(f"{physical.name}: {error}") from None
        except FarmError:
            return  # who waits is told by the next answer

    def _give_back_unused(self, waiting: PhysicalBoard) -> None:
        """Give back the places of rows that no process of the run has a lease of."""
        for file in self._mine():
            name = file.stem.removeprefix(f"labgrid-{self._run.name}-")
            lease = None
            if name != waiting.name:
                row = dataclasses.replace(waiting, name=name)
                lease = self.leases.try_take(row, command="", test="giving it back")
            if lease is not None:
                try:
                    self._give_back(file)
                finally:
                    lease.release()

    def _give_back(self, file: Path) -> None:
        give_back(file, self._client_of)

    def _mine(self) -> list[Path]:
        return sorted(self._notes.glob(f"labgrid-{self._run.name}-*.json"))

    def _file(self, physical: PhysicalBoard) -> Path:
        return self._notes / f"labgrid-{self._run.name}-{physical.name}.json"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
