"""What a program read while it made a result, and where it looked in vain.

A list of inputs that somebody wrote down misses one sooner or later. A compiler says itself what it
read; a result is as good as new while each of those files still has the content that it had, and no
file has appeared where the compiler would have found it first.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import stat
import time
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Final


ABSENT: Final = "absent"
"""In the place of a digest: there is no such file."""

_DIRECTORY = "directory"
_NAMES = "names "


@dataclass(frozen=True)
class Places:
    """Directories that may lie elsewhere next time, by name: ``{name}/file`` means a file in one.

    The text of a path is kept, links and ``..`` in it included, as it was for the compiler.
    """

    roots: Mapping[str, Path]

    def name(self, path: str) -> str:
        """Return the name of an absolute path."""
        fitting = [item for item in self.roots.items() if _is_below(path, str(item[1]))]
        if not fitting:
            return path
        name, root = max(fitting, key=lambda item: len(str(item[1])))
        return f"{{{name}}}{path[len(str(root)) :]}"

    def path(self, name: str) -> str:
        """Return the path that has a name here."""
        if not name.startswith("{"):
            return name
        root, _, rest = name[1:].partition("}")
        return f"{self.roots[root]}{rest}"


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}/")


@dataclass
class Digests:
    """Digests of contents as they are now: use an object of this class for a moment only."""

    _known: dict[str, str] = field(default_factory=dict)
    _names: dict[str, frozenset[str]] = field(default_factory=dict)

    def of(self, path: str) -> str:
        """Return the SHA-256 of a file, what else is at `path`, or that nothing is."""
        if path not in self._known:
            self._known[path] = content_digest(path)
        return self._known[path]

    def names(self, directory: str) -> frozenset[str]:
        """Return the names in a directory; none if there is no such directory."""
        if directory not in self._names:
            try:
                self._names[directory] = frozenset(os.listdir(directory))
            except (FileNotFoundError, NotADirectoryError):
                self._names[directory] = frozenset()
        return self._names[directory]

    def listing(self, directory: str) -> str:
        """Return what stands for the names in a directory, whatever the files hold."""
        text = "\0".join(sorted(self.names(directory)))
        return _NAMES + hashlib.sha256(os.fsencode(text)).hexdigest()


# Of files that this process read before: their status then, and their digest.
_SETTLED: dict[str, tuple[tuple[int, ...], str]] = {}
# Of a file that changed just now, another change may get the same time.
_SETTLED_NS = 2_000_000_000


def content_digest(path: str) -> str:
    """Return the SHA-256 of a file, what else is at `path`, or :data:`ABSENT`.

    A file is not read again while its status is the same to the nanosecond: the time of its last
    change is set by the kernel, whatever was done to it, and by nobody else.
    """
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            return _DIRECTORY
        if not stat.S_ISREG(status.st_mode):
            return "special"  # reading a pipe would wait for somebody to write
        stamp = change_stamp(status)
        known = _SETTLED.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        with open(path, "rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    if status.st_ctime_ns < time.time_ns() - _SETTLED_NS:
        _SETTLED[path] = stamp, digest
    return digest


def change_stamp(status: os.stat_result) -> tuple[int, ...]:
    """Return what differs after any change of a file, the time of its last change first."""
    return status.st_ctime_ns, status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev


def way_stamp(path: str) -> tuple[int, ...]:
    """Return what differs after any change of what `path` leads to, the last change's time first.

    A link that was made anew, or a directory that was moved, puts an old file in the place of
    another: its own status does not tell.

    :returns: nothing if there is no such file.
    """
    try:
        stamps = [change_stamp(os.stat(path)), *map(change_stamp, _way(path, set()))]
    except OSError:
        return ()
    return max(stamp[0] for stamp in stamps), *itertools.chain(*stamps)


def _way(path: str, seen: set[str]) -> Iterator[os.stat_result]:
    """Yield the status of each link that leads to `path`, and of directories that were moved."""
    while path not in seen:
        seen.add(path)
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            yield status
            yield from _way(os.path.join(os.path.dirname(path), os.readlink(path)), seen)
        # A file that comes or goes in a directory gives both times; no other change does.
        elif stat.S_ISDIR(status.st_mode) and status.st_ctime_ns != status.st_mtime_ns:
            yield status
        path = os.path.dirname(path)


@dataclass(frozen=True)
class Reads:
    """What a build read.

    :param files: digest of each file by the name of its place.
    :param absent: for directories by name, the names that were not in them: a file of that name
        would have been read instead of another.
    """

    files: Mapping[str, str]
    absent: Mapping[str, tuple[str, ...]]

    def digest(self) -> str:
        """Return the digest of all that was read; it does not depend on where the places are."""
        return text_digest(self.files)

    def hold(self, places: Places, digests: Digests) -> bool:
        """Tell whether a build of today would read the same."""
        try:
            return self._unchanged(places, digests) and self._still_absent(places, digests)
        except (OSError, KeyError):
            return False  # not to be read, or of another kind of build

    def _unchanged(self, places: Places, digests: Digests) -> bool:
        for name, digest in self.files.items():
            path = places.path(name)
            found = digests.listing(path) if digest.startswith(_NAMES) else digests.of(path)
            if found != digest:
                return False
        return True

    def _still_absent(self, places: Places, digests: Digests) -> bool:
        return all(
            digests.names(places.path(directory)).isdisjoint(names)
            for directory, names in self.absent.items()
        )

    def without(self, place: str) -> Reads:
        """Return what was read elsewhere than in the place of that name."""
        kept = {k: v for k, v in self.files.items() if not k.startswith(f"{{{place}}}")}
        return Reads(kept, self.absent)

    def together(self, other: Reads) -> Reads:
        """Return what two steps of one build read."""
        absent = {
            place: tuple(sorted({*self.absent.get(place, ()), *other.absent.get(place, ())}))
            for place in {*self.absent, *other.absent}
        }
        return Reads({**self.files, **other.files}, absent)

    def dump(self) -> str:
        """Return a text; :meth:`load` reverses it."""
        document = {"files": dict(self.files), "absent": dict(self.absent)}
        return json.dumps(document, sort_keys=True)

    @classmethod
    def load(cls, text: str) -> Reads:
        """Return what :meth:`dump` wrote."""
        document = json.loads(text)
        absent = {name: tuple(names) for name, names in document["absent"].items()}
        return cls(document["files"], absent)


def text_digest(texts: Mapping[str, str]) -> str:
    """Return the digest of texts by name; far quicker for thousands than a key of the cache."""
    return hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()


def tree_digest(directory: Path, *, without: Iterable[str] = ()) -> str:
    """Return the digest of all files below `directory`, links to directories followed.

    :param without: suffixes of files that do not count.
    """
    skipped = tuple(without)
    found: dict[str, str] = {}
    seen: set[tuple[int, int]] = set()
    for place, names, files in os.walk(directory, followlinks=True):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in seen:
            names.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        names[:] = sorted(name for name in names if name != "__pycache__")
        for name in files:
            if not name.endswith(skipped) or not skipped:
                path = os.path.join(place, name)
                found[os.path.relpath(path, directory)] = content_digest(path)
    return text_digest(found)
