"""Scratch directories that a killed run does not leave for good.

The owner of a directory holds a lock in it, which the kernel frees however the owner ends. The
next run deletes what nobody holds.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path
from typing import Final


_NAME: Final = re.compile(r"\.?tinyquant-[0-9a-f]{16}")
_OWNER: Final = ".owner"

#: Seconds for which a directory without a lock is left alone: its owner may be about to take it.
_UNOWNED_AGE: Final = 24 * 3600.0


class Scratch:
    """A new directory below the system's directory for temporary files, owned by this process.

    :raises OSError: it cannot be made.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or new_path()
        self._process = os.getpid()
        # Under its own name it appears with its lock held.
        hidden = self.path.with_name(f".{self.path.name}")
        hidden.mkdir(mode=0o700)
        (hidden / ".gitignore").write_text("*\n")
        self._lock = os.open(hidden / _OWNER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        hidden.rename(self.path)
        atexit.register(self.close)

    def close(self) -> None:
        """Delete the directory; may be called twice, and does nothing in a fork of the owner."""
        if self._process != os.getpid() or self._lock < 0:
            return
        atexit.unregister(self.close)
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)
        self._lock = -1

    @property
    def is_usable(self) -> bool:
        """Tell whether this process owns the directory, and nobody deleted it."""
        return self._process == os.getpid() and self._lock >= 0 and self.path.is_dir()


_own: list[Scratch] = []  # of this process; of its parent after a fork


@contextlib.contextmanager
def scratch_directory() -> Iterator[Path]:
    """Yield a new directory that is deleted after the ``with`` block, or once this process ends.

    :raises OSError: it cannot be made.
    """
    if not _own or not _own[-1].is_usable:
        _own[:] = [Scratch()]
    with tempfile.TemporaryDirectory(dir=_own[-1].path, ignore_cleanup_errors=True) as made:
        yield Path(made)


@contextlib.contextmanager
def beside(directory: Path, preferred: Iterable[Path] = ()) -> Iterator[Path]:
    """Yield a scratch directory on the filesystem of `directory`, deleted after the block.

    :param directory: need not exist yet.
    :param preferred: where it is made if they lie on that filesystem; otherwise in `directory`.
    :raises OSError: it cannot be made.
    """
    while not directory.is_dir() and directory != directory.parent:
        directory = directory.parent
    device = directory.stat().st_dev
    parent = next((p for p in preferred if p.is_dir() and p.stat().st_dev == device), directory)
    sweep(directory, *preferred)
    made = Scratch(new_path(parent))
    try:
        yield made.path
    finally:
        made.close()


def new_path(parent: Path | None = None) -> Path:
    """Return a path for a scratch directory that does not exist yet."""
    return (parent or Path(tempfile.gettempdir())) / f"tinyquant-{os.urandom(8).hex()}"


def sweep(*parents: Path) -> list[Path]:
    """Delete this user's scratch directories whose owners ended; return them.

    :param parents: where to look; the system's directory for temporary files by default.
    """
    return [p for parent in parents or [Path(tempfile.gettempdir())] for p in _swept(parent)]


def is_in_use(path: Path) -> bool:
    """Tell whether the owner of a scratch directory lives; False if there is no such directory."""
    try:
        lock = os.open(path / _OWNER, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def _swept(parent: Path) -> list[Path]:
    swept = []
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if _NAME.fullmatch(entry.name) and _is_abandoned(entry):
                shutil.rmtree(entry.path, ignore_errors=True)
                swept.append(Path(entry.path))
    return swept


def _is_abandoned(entry: os.DirEntry[str]) -> bool:
    """Tell whether a directory is this user's and its owner has ended."""
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return False  # its owner removed it meanwhile
    is_new = time.time() - status.st_mtime <= _UNOWNED_AGE
    if entry.name.startswith(".") and is_new:
        return False
    if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode):
        return False
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        lock = os.open(os.path.join(entry.path, _OWNER), flags)
    except FileNotFoundError:
        # Made just now, or by a version of this package that took no locks.
        return not is_new
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True
