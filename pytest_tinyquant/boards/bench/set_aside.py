"""Boards that fail time after time, set aside for the rest of a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_tinyquant.boards.bench.power import cycle
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.system.atomic import write_text


Cycle = Callable[[PhysicalBoard], None]
"""Switches a board's power off and on, or raises a BenchError."""

FAILURES: Final = 3
"""So many failures in a row set a board aside."""


@dataclass(frozen=True)
class Record:
    """How a board does in this run.

    :param failures: failures since it last worked.
    :param first_cause: what the first of them said.
    :param set_aside: whether it is out of this run, for good.
    :param power: what switching it off and on led to in this run; empty if that was not tried.
    """

    name: str
    failures: int = 0
    first_cause: str = ""
    set_aside: bool = False
    power: str = ""


class BoardHealth:
    """How the boards do in one run of pytest, shared by its processes in `directory`.

    A board's record is changed only by who holds its lease, so that no other lock is needed.
    """

    def __init__(
        self,
        directory: Path,
        *,
        limit: int = FAILURES,
        cycle: Cycle = cycle,
    ) -> None:
        self._directory = directory
        self._limit = limit
        self._cycle = cycle

    def failed(
        self, physical: PhysicalBoard, error: BenchError, *, cycle: Cycle | None = None
    ) -> None:
        """Note that the bench failed while a test held this board.

        Before a board is set aside its power is switched off and on, once in a run; it then has
        one more try.

        :param cycle: switches it; by default the command in its row does, if it has one.
        """
        record = self.record(physical)
        failures = record.failures + 1
        first = record.first_cause if record.failures else f"{type(error).__name__}: {error}"
        power, set_aside = record.power, record.set_aside or failures >= self._limit
        if set_aside and not record.set_aside and not power:
            cycle = cycle or (self._cycle if physical.power else None)
            if cycle is not None:
                power, set_aside = _switched(physical, cycle)
        self._write(physical, Record(physical.name, failures, first, set_aside, power))

    def worked(self, physical: PhysicalBoard) -> None:
        """Note that a test came to its end on this board, whatever it found."""
        record = self.record(physical)
        if record.failures and not record.set_aside:
            self._write(physical, Record(physical.name, power=record.power))

    def record(self, physical: PhysicalBoard) -> Record:
        """Return how a board does."""
        return _read(self._directory / f"{physical.name}.json") or Record(physical.name)

    def usable(self, boards: Iterable[PhysicalBoard]) -> list[PhysicalBoard]:
        """Return the boards that are not set aside, those that work best first.

        :raises BenchError: all of them are, with the first cause of each.
        """
        records = {physical: self.record(physical) for physical in boards}
        kept = [physical for physical, record in records.items() if not record.set_aside]
        if not kept:
            causes = "".join(f"\n  {cause(record)}" for record in records.values())
            raise BenchError(f"every board that could do it is set aside:{causes}")
        return sorted(kept, key=lambda physical: records[physical].failures)

    def set_aside(self) -> tuple[Record, ...]:
        """Return the records of the boards that are set aside, by name."""
        return tuple(record for record in self._records() if record.set_aside)

    def switched(self) -> tuple[Record, ...]:
        """Return the records of those that were switched off and on and are still in use."""
        return tuple(record for record in self._records() if record.power and not record.set_aside)

    def _records(self) -> Iterator[Record]:
        records = (_read(file) for file in sorted(self._directory.glob("*.json")))
        return (record for record in records if record is not None)

    def _write(self, physical: PhysicalBoard, record: Record) -> None:
        write_text(self._directory / f"{physical.name}.json", json.dumps(asdict(record)))


def _switched(physical: PhysicalBoard, cycle: Cycle) -> tuple[str, bool]:
    """Switch a board off and on; return what became of that, and whether it is set aside."""
    try:
        cycle(physical)
    except BenchError as error:
        return str(error), True
    return "switched off and on before the last of them", False


def cause(record: Record) -> str:
    """Return in one line why a board is set aside."""
    first = record.first_cause.partition("\n")[0]
    power = f" ({record.power})" if record.power else ""
    return (
        f"{record.name}: set aside after {record.failures} failures in a row{power}; "
        f"the first: {first}"
    )


def _read(file: Path) -> Record | None:
    try:
        return Record(**json.loads(file.read_text("utf-8")))
    except FileNotFoundError:
        return None
