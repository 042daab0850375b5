"""Cache entries that are valid while everything their builder read is as it was.

Under the key of what is known beforehand lie records of what was read, one for each state of those
files that was ever built; each leads to an entry of its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.system import atomic
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.reads import Digests
from pytest_tinyquant.system.reads import Places
from pytest_tinyquant.system.reads import Reads
from pytest_tinyquant.system.reads import way_stamp


#: Records under one key; of more, the oldest go.
RECORDS_KEPT: Final = 16

_ATTEMPTS = 3


@dataclass(frozen=True)
class TracedCache:
    """A cache whose entries are valid while what their builders read is as it was.

    :param places: names for what is read.
    :param digests: of the files as they are now.
    """

    cache: Cache
    places: Places
    digests: Digests

    def entry(self, kind: str, key: str, build: Callable[[Path], Reads]) -> tuple[Path, Reads]:
        """Return the intact entry of a build that read what one of today would, and what that is.

        :param key: of all inputs that are known beforehand.
        :param build: fills the empty directory that it is given, and tells what it read.
        :raises CacheError: as :meth:`Cache.entry`.
        :raises BenchError: files change again and again while they are being read.
        """
        found = self._find(kind, key, self.digests)
        if found is not None:
            return found
        with self.cache.locked(kind, key):
            # Another process may have built it; the files may have changed since.
            found = self._find(kind, key, Digests())
            if found is not None:
                return found
            with self.cache.scratch(kind, key) as scratch:
                reads = _built(build, scratch, self.places)
                full = Cache.key(key, reads.digest())
                entry = self.cache.entry(kind, full, _moved_from(scratch))
                _record(self._records(kind, key), reads)
            return entry, reads

    def _find(self, kind: str, key: str, digests: Digests) -> tuple[Path, Reads] | None:
        for reads in _recorded(self._records(kind, key)):
            if reads.hold(self.places, digests):
                entry = self.cache.find(kind, Cache.key(key, reads.digest()))
                if entry is not None:
                    return entry, reads
        return None

    def _records(self, kind: str, key: str) -> Path:
        return self.cache.root / f"{kind}-reads" / key[:2] / key


def _built(build: Callable[[Path], Reads], scratch: Path, places: Places) -> Reads:
    """Build in `scratch`, again if a file changed meanwhile; return what was read."""
    before: dict[str, tuple[int, ...]] = {}
    for attempt in range(_ATTEMPTS):
        output = scratch / str(attempt)
        output.mkdir()
        # By the clock of the files, which lags behind the one that Python asks.
        started = output.stat().st_ctime_ns
        reads = build(output)
        after = {name: way_stamp(places.path(name)) for name in reads.files}
        # What was read and is gone was another file for those who read it.
        touched = [name for name, stamp in after.items() if not stamp or stamp[0] >= started]
        # A clock may have been set back: what did not change since the last attempt is quiet.
        if all(after[name] and after[name] == before.get(name) for name in touched):
            output.rename(scratch / "done")
            return reads
        before = after
    raise BenchError(
        f"{places.path(touched[0])} changed while firmware was built from it, {_ATTEMPTS} times in "
        "a row; run again when nothing writes to it"
    )


def _moved_from(scratch: Path) -> Callable[[Path], None]:
    def move(entry: Path) -> None:
        for file in (scratch / "done").iterdir():
            file.rename(entry / file.name)

    return move


def _recorded(directory: Path) -> Iterator[Reads]:
    """Yield the intact records in a directory, the newest first."""
    for _, file in sorted(_by_age(directory), reverse=True):
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
            text = file.read_text("utf-8")
            if _name(text) == file.name:
                yield Reads.load(text)


def _by_age(directory: Path) -> Iterator[tuple[int, Path]]:
    """Yield the files in a directory with the time of their last change."""
    with contextlib.suppress(FileNotFoundError):
        for file in directory.iterdir():
            with contextlib.suppress(FileNotFoundError):
                yield file.stat().st_mtime_ns, file


def _record(directory: Path, reads: Reads) -> None:
    """Keep a record; the caller holds the key's lock."""
    directory.mkdir(parents=True, exist_ok=True)
    text = reads.dump()
    if (directory / _name(text)).is_dir():
        shutil.rmtree(directory / _name(text))
    atomic.write_text(directory / _name(text), text)
    for _, file in sorted(_by_age(directory), reverse=True)[RECORDS_KEPT:]:
        file.unlink(missing_ok=True)


def _name(text: str) -> str:
    """Return the name of a record: the digest of what is in it."""
    return f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
