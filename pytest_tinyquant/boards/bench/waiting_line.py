"""First come, first served, among all processes of a host that wait for the same boards.

Everyone who waits has a numbered ticket that says what it waits for. This is the law of the line;
where the tickets are kept is the affair of :class:`Tickets`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Protocol


class Tickets(Protocol):
    """Where the tickets of all who wait are kept."""

    def moving(self) -> contextlib.AbstractContextManager[None]:
        """Keep everyone else from moving in a ``with`` block."""

    def numbers(self) -> Collection[int]:
        """Return the numbers of all tickets, also of those whose owners ended."""

    def new(self, number: int) -> contextlib.ExitStack:
        """Make a ticket that wants nothing yet; return what takes it away again."""

    def write(self, number: int, wanted: Iterable[str]) -> None:
        """Note what the owner of a ticket waits for."""

    def wanted(self, number: int) -> set[str]:
        """Return what a ticket says that its owner waits for."""

    def is_alive(self, number: int) -> bool:
        """Tell whether the owner of a ticket lives, and take the ticket away otherwise."""


class WaitingLine:
    """The line of those who have one of `tickets`."""

    def __init__(self, tickets: Tickets) -> None:
        self._tickets = tickets

    @contextlib.contextmanager
    def join(self) -> Iterator[Ticket]:
        """Stand in line in a ``with`` block."""
        with self._tickets.moving():
            number = 1 + max(self._tickets.numbers(), default=0)
            mine = self._tickets.new(number)
        with mine:
            yield Ticket(self, self._tickets, number)

    def wanted_before(self, number: int) -> set[str]:
        """Return what those wait for who came before a ticket; the line must stand."""
        wanted: set[str] = set()
        for other in self._tickets.numbers():
            if other < number and self._tickets.is_alive(other):
                wanted.update(self._tickets.wanted(other))
        return wanted


class Ticket:
    """One place in the line."""

    def __init__(self, line: WaitingLine, tickets: Tickets, number: int) -> None:
        self._line = line
        self._tickets = tickets
        self._number = number

    @contextlib.contextmanager
    def turn(self, wanted: Iterable[str]) -> Iterator[set[str]]:
        """Yield those of `wanted` that nobody waits for who came before; the line stands still."""
        wanted = sorted(wanted)
        with self._tickets.moving():
            self._tickets.write(self._number, wanted)
            yield set(wanted) - self._line.wanted_before(self._number)
