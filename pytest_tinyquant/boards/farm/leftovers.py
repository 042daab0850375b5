"""What ended runs of this host hold at labgrid: given back as soon as their coordinator answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pytest_tinyquant.boards.farm.client import FarmError
from pytest_tinyquant.boards.farm.client import coordinator
from pytest_tinyquant.boards.farm.notes import ClientOf
from pytest_tinyquant.boards.farm.notes import Note
from pytest_tinyquant.boards.farm.notes import give_back
from pytest_tinyquant.boards.farm.notes import read
from pytest_tinyquant.system.scratch import is_in_use


NOTES: Final = "labgrid-*.json"

REST_SECONDS: Final = 60.0
"""So long a coordinator that did not answer is not asked again."""


class Leftovers:
    """Gives back what nobody uses any more.

    :param notes: where runs of this host write down what they hold.
    :param tell: is given one line for each coordinator that does not take something back.
    :param now: tells the seconds.
    """

    def __init__(
        self,
        notes: Path,
        client_of: ClientOf,
        *,
        tell: Callable[[str], None] = lambda line: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._notes = notes
        self._client_of = client_of
        self._tell = tell
        self._now = now
        self._rests: dict[str, float] = {}

    def release(self) -> list[str]:
        """Give back what can be, and return the places' names; the others wait for a later call."""
        released = []
        for file in sorted(self._notes.glob(NOTES)):
            note = read(file)
            if note is None or is_in_use(Path(note.run)):
                continue
            if self._now() < self._rests.get(note.coordinator, 0.0):
                continue
            try:
                give_back(file, self._client_of)
            except FarmError as error:
                self._rest(file, note, error)
            else:
                released.append(note.place or note.token)
        return released

    def _rest(self, file: Path, note: Note, error: FarmError) -> None:
        if note.coordinator not in self._rests:
            self._tell(
                f"{note.place or note.token} of {note.coordinator or coordinator()}, which a run "
                f"that ended holds, cannot be given back yet ({error}); it is tried again every "
                f"minute and by later runs. If that coordinator is no more, remove {file}"
            )
        self._rests[note.coordinator] = self._now() + REST_SECONDS
