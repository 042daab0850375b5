"""Digests of installed Python packages: of the code in them, not of their version.

A package of the size of TensorFlow takes seconds to read. The digests of its files are kept beside
the user's caches, and each is believed while the file's status is exactly as it was: the time of
its last change is set by the kernel and by nobody else.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_tinyquant.system import atomic
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.digests import SETTLED_NS
from pytest_tinyquant.system.digests import memo_file
from pytest_tinyquant.system.reads import change_stamp
from pytest_tinyquant.system.reads import text_digest


_CODE = (".py", ".pyi")


@functools.cache
def package_digest(package: str) -> str:
    """Return the digest of the code of an importable package, "absent" without one.

    Read once per process.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return "absent"
    directory = Path(spec.origin).parent if spec.submodule_search_locations else None
    if directory is None:
        return Cache.key(Path(spec.origin))
    record = _record(directory)
    memo = _Memo(directory)
    names = memo.names(record) if record else sorted(_walk(directory))
    digests = {name: memo.digest(name) for name in names}
    memo.write()
    return text_digest(digests)


class _Memo:
    """What is known of the files of a package, from earlier processes."""

    def __init__(self, directory: Path) -> None:
        self._root = directory.parent
        self._file = memo_file(str(directory))
        self._known: dict[str, list[Any]] = {}
        self._record: list[Any] = []
        self._names: list[str] = []
        self._changed = False
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
            document = json.loads(self._file.read_text("utf-8"))
            self._known = {str(k): list(v) for k, v in document["files"].items()}
            self._record, self._names = list(document["record"]), list(document["names"])

    def names(self, record: Path) -> list[str]:
        """Return the files of code that the list of an installed package names."""
        stamp = [str(record), *_stamp(str(record))]
        if self._record != stamp:
            listed = record.read_text("utf-8", errors="replace").splitlines()
            names = {line.split(",")[0].strip('"') for line in listed}
            self._names = sorted(name for name in names if _is_code(name))
            self._record, self._changed = stamp, True
        return self._names

    def digest(self, name: str) -> str:
        """Return the digest of a file."""
        path = f"{self._root}/{name}"
        try:
            stamp = _stamp(path)
            known = self._known.get(name)
            if known is not None and known[:-1] == stamp:
                return str(known[-1])
            with open(path, "rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError:
            return "absent"
        self._known[name] = [*stamp, digest]
        self._changed = True
        return digest

    def write(self) -> None:
        """Keep what was found out; where that is impossible the next process takes longer."""
        if not self._changed:
            return
        settled = time.time_ns() - SETTLED_NS
        files = {k: v for k, v in self._known.items() if v[0] < settled}
        record = self._record if self._record and self._record[1] < settled else []
        document = {"files": files, "record": record, "names": self._names if record else []}
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            atomic.write_text(self._file, json.dumps(document))


def _stamp(path: str) -> list[int]:
    return list(change_stamp(os.stat(path)))


def _record(directory: Path) -> Path | None:
    """Return the list of files that came with a package, under whatever name it was installed."""
    wanted = f"{directory.name}/__init__.py,"
    candidates = sorted(directory.parent.glob(f"{directory.name[:4]}*.dist-info/RECORD"))
    # The likely ones first: reading the lists of all would take long.
    candidates.sort(key=lambda path: not path.parent.name.startswith(f"{directory.name}-"))
    for candidate in candidates:
        with contextlib.suppress(OSError):
            if wanted in candidate.read_text("utf-8", errors="replace"):
                return candidate
    return None


def _walk(directory: Path) -> Iterator[str]:
    for place, _, files in os.walk(directory):
        for file in files:
            name = os.path.relpath(os.path.join(place, file), directory.parent)
            if _is_code(name):
                yield name


def _is_code(name: str) -> bool:
    return name.endswith(_CODE) or ".so" in name.rpartition("/")[2]
