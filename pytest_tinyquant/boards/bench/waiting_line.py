"""First come, first served, among all processes of a host that wait for the same boards.

Everyone who waits has a numbered ticket, a file that says what it waits for. It is locked by who
wrote it, so that the tickets of processes that were killed do not hold up anyone.
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


class WaitingLine:
    """The line in `directory`, which exists."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = FileLock(directory / "line.lock", timeout=_LINE_TIMEOUT, mode=_LOCK_MODE)

    @contextlib.contextmanager
    def join(self) -> Iterator[Ticket]:
        """Stand in line in a ``with`` block."""
        with self.moving():
            number = 1 + max(map(_number, self._files()), default=0)
            path = self._directory / f"{number:08d}{_SUFFIX}"
            _write(path, [], os.O_CREAT | os.O_EXCL)
            lock = FileLock(path, mode=_LOCK_MODE)
            lock.acquire(timeout=0)
        try:
            yield Ticket(self, path)
        finally:
            path.unlink(missing_ok=True)
            lock.release()

    @contextlib.contextmanager
    def moving(self) -> Iterator[None]:
        """Keep everyone else from moving in a ``with`` block."""
        refuse_planted(Path(self._lock.lock_file))
        with self._lock.acquire(poll_interval=_LINE_POLL):
            yield

    def wanted_before(self, path: Path) -> set[str]:
        """Return what those wait for who came before the ticket `path`; the line must stand."""
        wanted: set[str] = set()
        for other in self._files():
            if _number(other) < _number(path) and _is_alive(other):
                wanted.update(_wanted(other))
        return wanted

    def _files(self) -> list[Path]:
        found = self._directory.glob(f"*{_SUFFIX}")
        return sorted(path for path in found if _TICKET.fullmatch(path.name))


class Ticket:
    """One place in the line."""

    def __init__(self, line: WaitingLine, path: Path) -> None:
        self._line = line
        self._path = path

    @contextlib.contextmanager
    def turn(self, wanted: Iterable[str]) -> Iterator[set[str]]:
        """Yield those of `wanted` that nobody waits for who came before; the line stands still."""
        wanted = sorted(wanted)
        with self._line.moving():
            _write(self._path, wanted)
            yield set(wanted) - self._line.wanted_before(self._path)


def _write(path: Path, wanted: Iterable[str], flags: int = 0) -> None:
    """Write into a ticket, never through a link that someone put in its place.

    :param flags: of :func:`os.open`, to make the ticket.
    """
    how = os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, how | flags, _LOCK_MODE), "w", encoding="utf-8") as stream:
        json.dump(list(wanted), stream)


def _wanted(path: Path) -> set[str]:
    """Return what a ticket says that it waits for; nothing if it cannot be read."""
    try:
        with open(open_regular(path, follow=False), "rb") as stream:
            names = parse_json(stream.read(_LIMIT))
        return {name for name in names if isinstance(name, str)}
    except (OSError, ValueError, TypeError):
        return set()


def _number(path: Path) -> int:
    return int(path.stem)


def _is_alive(path: Path) -> bool:
    """Tell whether who wrote a ticket still holds it, and remove it otherwise."""
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
