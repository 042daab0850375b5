"""What a run writes down before it takes anything of labgrid, so that it can be given back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

from pytest_tinyquant.boards.farm.client import Client
from pytest_tinyquant.boards.farm.client import FarmError
from pytest_tinyquant.boards.farm.client import NoAnswerError
from pytest_tinyquant.system.atomic import write_text
from pytest_tinyquant.system.json_text import parse_json
from pytest_tinyquant.system.regular_file import read_text


ClientOf = Callable[[str, str], Client]
"""Makes the client of an owner at a coordinator's address."""


@dataclasses.dataclass(frozen=True)
class Note:
    """What a run holds, or is about to.

    :param run: the run's scratch directory.
    :param owner: the name that it gave to labgrid.
    :param place: empty until the place is known.
    :param coordinator: whose place it is; empty for the one that the environment names.
    """

    run: str
    owner: str
    token: str
    place: str = ""
    probe: str = ""
    port: str = ""
    coordinator: str = ""


def write(file: Path, note: Note) -> None:
    """Write a note."""
    write_text(file, json.dumps(dataclasses.asdict(note)), follow=False)


def read(file: Path) -> Note | None:
    """Return a note; None if there is none, or it is damaged."""
    try:
        note = Note(**parse_json(read_text(file)))
    except (OSError, ValueError, TypeError):
        return None
    return note if all(isinstance(value, str) for value in vars(note).values()) else None


def give_back(file: Path, client_of: ClientOf) -> None:
    """Release the place of a note and take back its reservation, then forget the note.

    :raises FarmError: the coordinator does not take it; the note stays.
    """
    note = read(file)
    if note is None:
        return
    client = client_of(note.owner, note.coordinator)
    try:
        client.call("-p", "+", "release", token=note.token)
    except NoAnswerError:
        raise
    except FarmError:
        pass  # nobody had acquired it yet, or somebody kicked us
    try:
        client.call("cancel-reservation", note.token)
    except FarmError as error:
        if "does not exist" not in str(error):
            raise
    file.unlink(missing_ok=True)
