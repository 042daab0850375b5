"""Places whose runs ended without a word, also on another host: given back.

labgrid does not notice that a holder is gone. So a run changes a tag of each place that it holds,
once a minute, and whoever sees that the tag of a place stands still for three minutes gives the
place back. Only changes count: clocks of two hosts may differ. Places that somebody holds by hand,
or another tool, have no such owner and are left alone.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pytest_tinyquant.boards.farm.client import Client
from pytest_tinyquant.boards.farm.client import FarmError
from pytest_tinyquant.boards.farm.place import shown_places
from pytest_tinyquant.system.atomic import write_text
from pytest_tinyquant.system.json_text import parse_json
from pytest_tinyquant.system.regular_file import read_text


BEAT_SECONDS: Final = 60.0
DEAD_SECONDS: Final = 3 * BEAT_SECONDS

BEAT_TAG: Final = "tq_beat"

_SEEN: Final = "farm-seen.json"
_OWNER: Final = re.compile(r".*-tinyquant-[0-9a-f]{16}")
"""How :class:`~pytest_tinyquant.boards.farm.farm.Farm` calls itself."""


def beat(client: Client, place: str) -> None:
    """Show that the run which holds a place lives.

    :raises FarmError: the coordinator does not answer.
    """
    client.call("-p", place, "set-tags", f"{BEAT_TAG}={time.time_ns()}")


class Heart:
    """Calls a function at once, and once a minute until it is stopped."""

    def __init__(self, once: Callable[[], None], *, seconds: float = BEAT_SECONDS) -> None:
        self._once = once
        self._seconds = seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="tinyquant-farm", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop, after a beat that has begun; may be called twice."""
        self._stopped.set()
        self._thread.join()

    def _beat(self) -> None:
        self._once()
        while not self._stopped.wait(self._seconds):
            self._once()


class Janitor:
    """Gives back what nobody holds any more.

    :param directory: where this host's processes note what they saw, so that one goes on where
        another ended.
    :param now: tells the seconds, alike in all processes of this host.
    """

    def __init__(
        self, client: Client, directory: Path, *, now: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._file = directory / _SEEN
        self._now = now

    def sweep(self) -> list[str]:
        """Look at all places once; return the names of those that were given back.

        :raises FarmError: the coordinator does not answer, or does not take one back; the others
            were given back even so.
        """
        before, seen, released = self._read(), {}, []
        trouble: list[FarmError] = []
        for place in shown_places(self._client):
            if not _OWNER.fullmatch(place.acquired):
                continue
            sign = f"{place.acquired} {place.tags.get(BEAT_TAG, '')}"
            old_sign, since = before.get(place.name, ("", self._now()))
            if sign != old_sign or since > self._now():
                since = self._now()
            if self._now() - since < DEAD_SECONDS:
                seen[place.name] = (sign, since)
                continue
            try:
                self._release(place.name, place.acquired, place.reservation)
                released.append(place.name)
            except FarmError as error:
                seen[place.name] = (sign, since)
                trouble.append(error)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_text(self._file, json.dumps(seen), follow=False)
        if trouble:
            raise trouble[0]
        return released

    def _release(self, place: str, owner: str, token: str) -> None:
        """Release a place unless it has another owner by now, and take back its reservation."""
        self._client.call("-p", place, "release-from", owner)
        if not token:
            return
        try:
            self._client.call("cancel-reservation", token)
        except FarmError as error:
            if "does not exist" not in str(error):
                raise

    def _read(self) -> dict[str, tuple[str, float]]:
        """Return when a place's sign was first seen; nothing if that cannot be read."""
        try:
            document = parse_json(read_text(self._file))
            return {str(k): (str(sign), float(since)) for k, (sign, since) in document.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}
