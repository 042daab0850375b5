"""Tickets of a waiting line as files of a directory that all processes of a host share.

Each is locked by who wrote it, so that the tickets of processes that were killed do not hold up
anyone.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from filelock import FileLock
from filelock import Timeout

from pytest_tinyquant.system.json_text import parse_json
from pytest_tinyquant.system.regular_file import open_regular
from pytest_tinyquant.system.regular_file import refuse_planted


_SUFFIX: Final = ".ticket"
_TICKET: Final = re.compile(r"[0-9]{8,12}\.ticket")
_LIMIT: Final = 1 << 20
_LOCK_MODE: Final = 0o666

# Nobody holds the line for longer than it takes to look at the tickets and the locks.
_LINE_TIMEOUT: Final = 60.0
_LINE_POLL: Final = 0.005


class TicketFiles:
    """The tickets in `directory`, which exists."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = FileLock(directory / "line.lock", timeout=_LINE_TIMEOUT, mode=_LOCK_MODE)

    @contextlib.contextmanager
    def moving(self) -> Iterator[None]:
        """Keep everyone else from moving in a ``with`` block."""
        refuse_planted(Path(self._lock.lock_file))
        with self._lock.acquire(poll_interval=_LINE_POLL):
            yield

    def numbers(self) -> list[int]:
        """Return the numbers of all tickets, also of those whose owners ended."""
        found = self._directory.glob(f"*{_SUFFIX}")
        return sorted(int(path.stem) for path in found if _TICKET.fullmatch(path.name))

    def new(self, number: int) -> contextlib.ExitStack:
        """Make a ticket that wants nothing yet; return what takes it away again."""
        path = self._path(number)
        _write(path, [], os.O_CREAT | os.O_EXCL)
        lock = FileLock(path, mode=_LOCK_MODE)
        lock.acquire(timeout=0)
        taken = contextlib.ExitStack()
        taken.callback(lock.release)
        taken.callback(path.unlink, missing_ok=True)
        return taken

    def write(self, number: int, wanted: Iterable[str]) -> None:
        """Note what the owner of a ticket waits for."""
        _write(self._path(number), wanted)

    def wanted(self, number: int) -> set[str]:
        """Return what a ticket says that its owner waits for; nothing if it cannot be read."""
        try:
            with open(open_regular(self._path(number), follow=False), "rb") as stream:
                names = parse_json(stream.read(_LIMIT))
            return {name for name in names if isinstance(name, str)}
        except (OSError, ValueError, TypeError):
            return set()

    def is_alive(self, number: int) -> bool:
        """Tell whether the owner of a ticket lives, and take the ticket away otherwise."""
        path = self._path(number)
        try:
            refuse_planted(path)
        except OSError:
            return False
        lock = FileLock(path, mode=_LOCK_MODE)
        try:
            with lock.acquire(timeout=0):
                path.unlink(missing_ok=True)
                return False
        except Timeout:
            return True

    def _path(self, number: int) -> Path:
        return self._directory / f"{number:08d}{_SUFFIX}"


def _write(path: Path, wanted: Iterable[str], flags: int = 0) -> None:
    """Write into a ticket, never through a link that someone put in its place.

    :param flags: of :func:`os.open`, to make the ticket.
    """
    how = os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, how | flags, _LOCK_MODE), "w", encoding="utf-8") as stream:
        json.dump(list(wanted), stream)
