"""Leases of real boards: one lock of the operating system per debug probe, for the whole host.

The kernel frees the lock when its holder ends, however it ends, so there are no stale leases and no
time to live. Beside each lock file lies a JSON file that says who holds the board since when, and
which image it holds; only the holder of the lock writes it.
"""

from __future__ import annotations

import dataclasses
import getpass
import hashlib
import json
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import Final

from filelock import FileLock
from filelock import Timeout

from pytest_tinyquant.boards.bench.lease_trouble import DIRECTORY_VARIABLE
from pytest_tinyquant.boards.bench.lease_trouble import unusable
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.system.atomic import write_text
from pytest_tinyquant.system.json_text import parse_json
from pytest_tinyquant.system.regular_file import open_regular
from pytest_tinyquant.system.regular_file import refuse_planted


# Users of one bench share its locks, if the directory lets them.
_LOCK_MODE: Final = 0o666

_STATE_LIMIT: Final = 1 << 16


@dataclass(frozen=True)
class Holder:
    """Who holds a board, as that process described itself.

    :param test: what it measures.
    :param since: seconds since the epoch.
    """

    pid: int
    user: str
    host: str
    command: str
    test: str
    since: float

    @classmethod
    def here(cls, command: str, test: str) -> Holder:
        """Return the description of this process, which takes a board now."""
        return cls(os.getpid(), _user(), socket.gethostname(), command, test, time.time())

    @property
    def age(self) -> float:
        """Seconds since it took the board."""
        return max(0.0, time.time() - self.since)

    def __str__(self) -> str:
        return (
            f"pid {self.pid} of {self.user} on {self.host} ({self.command}) for {self.test}, "
            f"{self.age:.0f} s"
        )


@dataclass(frozen=True)
class BoardState:
    """What the file beside a lock says; nothing if it is missing or damaged.

    :param holder: who holds the board or was killed while it did; None after a release.
    :param loaded: digest of the image that was written and verified last.
    """

    holder: Holder | None = None
    loaded: str | None = None


class LeaseDirectory:
    """The directory of locks that all test runs on this host share.

    :param root: None takes :data:`DIRECTORY_VARIABLE` and, where that is not set, the user's state
        directory. Runs of several users need a directory that all of them may write.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = _default_root() if root is None else root

    def try_take(self, physical: PhysicalBoard, *, command: str, test: str) -> Lease | None:
        """Return the lease of a board if it is free; None if someone holds it.

        :raises BenchError: the directory cannot be used.
        """
        lock = self._lock(physical)
        try:
            self._prepare(lock)
            lock.acquire(timeout=0)
        except Timeout:
            return None
        except OSError as error:
            raise self.unusable(error) from error
        try:
            state = dataclasses.replace(
                self.state(physical), holder=Holder.here(command=command, test=test)
            )
            return Lease(physical, lock, self._file(physical), state)
        except OSError as error:
            lock.release()
            raise self.unusable(error) from error

    def state(self, physical: PhysicalBoard) -> BoardState:
        """Return what is known of a board."""
        try:
            with open(open_regular(self._file(physical), follow=False), "rb") as stream:
                document: dict[str, Any] = parse_json(stream.read(_STATE_LIMIT))
            holder, loaded = document["holder"], document["loaded"]
            known = loaded if isinstance(loaded, str) else None
            return BoardState(None if holder is None else _holder(holder), known)
        except (OSError, ValueError, TypeError, KeyError):
            return BoardState()

    def is_free(self, physical: PhysicalBoard) -> bool:
        """Tell whether nobody holds a board at this moment.

        :raises BenchError: the directory cannot be used.
        """
        lock = self._lock(physical)
        try:
            self._prepare(lock)
            with lock.acquire(timeout=0):
                return True
        except Timeout:
            return False
        except OSError as error:
            raise self.unusable(error) from error

    def unusable(self, error: OSError) -> BenchError:
        """Return the error that says why the directory cannot be used."""
        return unusable(self.root, error)

    def _prepare(self, lock: FileLock) -> None:
        """Make the directory, and look at the lock before it is opened for writing."""
        self.root.mkdir(parents=True, exist_ok=True)
        refuse_planted(Path(lock.lock_file))

    def _lock(self, physical: PhysicalBoard) -> FileLock:
        return FileLock(self._file(physical).with_suffix(".lock"), mode=_LOCK_MODE)

    def _file(self, physical: PhysicalBoard) -> Path:
        name = hashlib.sha256(physical.lease_id.encode()).hexdigest()[:16]
        return self.root / f"{name}.json"


class Lease:
    """A board that this process holds until :meth:`release`."""

    def __init__(
        self, physical: PhysicalBoard, lock: FileLock, file: Path, state: BoardState
    ) -> None:
        self.physical = physical
        self._lock = lock
        self._file = file
        self._state = state
        self._write()

    @property
    def loaded(self) -> str | None:
        """Digest of the image that the board holds, None if that is not known."""
        return self._state.loaded

    def note_loaded(self, digest: str | None) -> None:
        """Note what the board holds: nothing known before it is written, the image afterwards."""
        self._state = dataclasses.replace(self._state, loaded=digest)
        self._write()

    def release(self) -> None:
        """Give the board back; may be called twice."""
        if self._lock.is_locked:
            self._state = dataclasses.replace(self._state, holder=None)
            try:
                self._write()
            finally:
                self._lock.release()

    def _write(self) -> None:
        text = json.dumps(dataclasses.asdict(self._state), indent=1) + "\n"
        # In a directory that all may write, a link leads wherever one of them wants.
        write_text(self._file, text, follow=False)


def _holder(document: dict[str, Any]) -> Holder:
    """Return the holder that a state file names; raises TypeError for values of other types."""
    holder = Holder(**document)
    texts = (holder.user, holder.host, holder.command, holder.test)
    if not all(isinstance(text, str) for text in texts) or type(holder.pid) is not int:
        raise TypeError("a holder consists of texts and numbers")
    return dataclasses.replace(holder, since=float(holder.since))


def _default_root() -> Path:
    """Return the directory from the environment, or one that does not depend on the session.

    The user's runtime directory would do that: a job of cron has none, a login has one.
    """
    if named := os.environ.get(DIRECTORY_VARIABLE):
        return Path(named).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_state_dir("pytest-tinyquant")) / "leases"


def _user() -> str:
    """Return the user's name, or number where it has no name, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
