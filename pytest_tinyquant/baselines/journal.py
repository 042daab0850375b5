"""Which baselines this run wrote, shared by all its processes.

Several tests judge the same combination, perhaps in several worker processes. The first one to
record its baseline keeps here what the file held before, so that every later one compares with
that and not with what the run itself wrote.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock

from pytest_tinyquant.system.atomic import write_text


#: Seconds to wait for another process that writes the same small file.
_LOCK_TIMEOUT: Final = 60.0


@dataclass(frozen=True)
class Written:
    """A baseline this run wrote.

    :param previous: what the file held before; None if there was none.
    :param changed: whether the new content differs from that.
    """

    path: Path
    previous: str | None
    changed: bool


class Journal:
    """The journal in ``directory``, which belongs to one run of pytest and all its workers."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def find(self, path: Path) -> Written | None:
        """Return this run's entry about the baseline at ``path``."""
        return self._load(self._entry(path))

    def record(
        self, path: Path, read: Callable[[Path], str | None], write: Callable[[], object]
    ) -> Written:
        """Write the baseline at ``path`` unless this run already did; return the entry.

        :param read: returns the file's text before it is written.
        :param write: writes the file.
        """
        entry = self._entry(path)
        self.directory.mkdir(parents=True, exist_ok=True)
        with FileLock(entry.with_suffix(".lock"), timeout=_LOCK_TIMEOUT):
            found = self._load(entry)
            if found is not None:
                return found
            previous = read(path)
            write()
            changed = read(path) != previous
            document = {"path": str(path), "previous": previous, "changed": changed}
            write_text(entry, json.dumps(document))
        return Written(path, previous, changed)

    def entries(self) -> tuple[Written, ...]:
        """Return every baseline that any process of this run wrote, by path."""
        found = (self._load(entry) for entry in self.directory.glob("*.json"))
        return tuple(sorted(filter(None, found), key=lambda written: written.path))

    def _entry(self, path: Path) -> Path:
        return self.directory / f"{hashlib.sha256(str(path).encode()).hexdigest()[:32]}.json"

    def _load(self, entry: Path) -> Written | None:
        try:
            document = json.loads(entry.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return Written(Path(document["path"]), document["previous"], document["changed"])
