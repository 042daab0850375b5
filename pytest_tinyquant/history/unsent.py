"""Runs that a database server did not take when they ended: kept in files, and sent later."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Final

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.history.rows import HistoryStore
from pytest_tinyquant.history.rows import RunEntry
from pytest_tinyquant.system import atomic
from pytest_tinyquant.system import regular_file
from pytest_tinyquant.system.json_text import parse_json


KIND: Final = "unsent-history"
"""The directory below the cache's root."""

_MOST_BYTES: Final = 256 << 20


class Unsent:
    """The runs that wait for one database.

    :param cache: root of the cache.
    :param name: the database, as messages spell it.
    """

    def __init__(self, cache: Path, name: str) -> None:
        self.directory = cache / KIND / hashlib.sha256(os.fsencode(name)).hexdigest()[:16]

    def keep(self, entry: RunEntry) -> Path:
        """Write a run into a file of its own and return that.

        :raises OSError: it cannot be written.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.directory / f"{entry.run.uid}.json"
        atomic.write_text(path, json.dumps(entry.to_json()))
        return path

    def paths(self) -> list[Path]:
        """Return the runs that wait, oldest first."""
        return sorted(self.directory.glob("*.json"), key=lambda path: path.stat().st_mtime)

    def send(self, store: HistoryStore) -> int:
        """Append all runs that wait, and return how many that were.

        A database takes a run once only, so it does no harm that two processes send the same.

        :raises ConfigurationError: the database does not take one, or a file is damaged.
        """
        paths = self.paths()
        for path in paths:
            try:
                text = regular_file.read_text(path, _MOST_BYTES)
            except FileNotFoundError:
                continue  # another process was faster
            try:
                entry = RunEntry.from_json(parse_json(text))
            except ValueError as error:
                raise ConfigurationError(
                    f"{path}: a run that waits to be sent to {store.name} is damaged ({error}); "
                    "delete the file"
                ) from None
            store.append(entry)
            path.unlink(missing_ok=True)
        return len(paths)
