"""A place of labgrid: a board with its probe and its console, somewhere."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Callable
from typing import Any
from typing import Final
from typing import NamedTuple

from pytest_tinyquant.boards.farm.client import Client
from pytest_tinyquant.boards.farm.client import FarmError
from pytest_tinyquant.boards.farm.client import NoAnswerError
from pytest_tinyquant.boards.farm.client import NoSuchPlaceError
from pytest_tinyquant.boards.farm.client import unreadable


#: The user name by which an exporter's NetworkService says that `pyocd server` listens there.
PYOCD: Final = "pyocd"

WAIT_SECONDS: Final = 10.0
"""So long the program waits in a row. A reservation that nobody asks for lasts a minute."""

_ACQUIRED: Final = re.compile(r"^Acquired resource .*?:\n((?:  .*\n?)+)", re.MULTILINE)
_PLACE: Final = re.compile(r"^Place '(.*)':$", re.MULTILINE)
_TOKEN: Final = re.compile(r"LG_TOKEN=(\w+)")

#: What ser2net offers has no modem lines: without this pyserial waits for them in vain.
_RFC2217: Final = "?ign_set_control&timeout=10"


class ShownPlace(NamedTuple):
    """A place as the coordinator describes it to everybody.

    :param acquired: host and user who hold it; empty if nobody does.
    :param reservation: the token by which it is held, if it is by one.
    """

    name: str
    tags: dict[str, str]
    acquired: str
    reservation: str


class Place(NamedTuple):
    """A place that is held.

    :param token: of the reservation by which it is held.
    :param probe: unique id by which pyOCD reaches the probe.
    :param port: pyserial URL of the console.
    """

    name: str
    token: str
    probe: str
    port: str


def places_with(client: Client, tags: tuple[tuple[str, str], ...]) -> list[str]:
    """Return the names of the places that have all of `tags`.

    :raises NoSuchPlaceError: there is none.
    :raises FarmError: the coordinator does not answer.
    """
    wants = dict(tags).items()
    found = [place.name for place in shown_places(client) if place.tags.items() >= wants]
    if not found:
        wanted = ", ".join(f"{key}={value}" for key, value in tags)
        raise NoSuchPlaceError(
            f"no place has the tags {wanted}; labgrid-client -v places lists all, and "
            f"labgrid-client -p PLACE set-tags {wanted.replace(', ', ' ')} gives them to one"
        )
    return found


def shown_places(client: Client) -> list[ShownPlace]:
    """Return all places.

    :raises FarmError: the coordinator does not answer.
    """
    shown = client.call("-v", "places")
    blocks = _blocks(shown)
    if shown.strip() and not blocks:
        raise unreadable("-v places", "no place in what it printed", shown)
    return [
        ShownPlace(name, _tags(text), _field(text, "acquired"), _field(text, "reservation"))
        for name, text in blocks
    ]


def reserve(client: Client, tags: tuple[tuple[str, str], ...]) -> str:
    """Stand in labgrid's queue for a place with all of `tags`; return the token.

    :raises FarmError: the coordinator does not take it.
    """
    printed = client.call("reserve", "--shell", *(f"{key}={value}" for key, value in tags))
    found = _TOKEN.search(printed)
    if found is None:
        raise unreadable("reserve", "no token in what it printed", printed)
    return found[1]


def acquire(
    client: Client, token: str, timeout: float, meanwhile: Callable[[], object] = lambda: None
) -> Place:
    """Wait until the reservation has its place, take that, and return where its parts are.

    :param timeout: seconds.
    :param meanwhile: is called now and then; what it raises ends the waiting.
    :raises FarmError: there is none in time, or it lacks a part.
    """
    end = time.monotonic() + timeout
    while True:
        left = end - time.monotonic()
        try:
            client.call("wait", token, timeout=min(max(left, 0.1), WAIT_SECONDS))
            break
        except NoAnswerError:
            if left <= WAIT_SECONDS:
                raise
        meanwhile()
    client.call("-p", "+", "acquire", token=token)
    try:
        return read_place(client.call("-p", "+", "show", token=token), token)
    except BaseException:
        client.call("-p", "+", "release", token=token)
        raise


def read_place(shown: str, token: str) -> Place:
    """Return the place that ``labgrid-client show`` describes.

    :raises FarmError: it has no probe or no console.
    """
    named = _PLACE.search(shown)
    if named is None:
        raise unreadable("show", "no place in what it printed", shown)
    probe = port = ""
    for resource in map(_literal, _ACQUIRED.findall(shown)):
        values = resource.get("params", {})
        if resource.get("cls") == "NetworkService" and values.get("username") == PYOCD:
            probe = f"remote:{values.get('address')}:{values.get('port')}"
        if resource.get("cls") == "NetworkSerialPort":
            raw = values.get("protocol") == "raw"
            port = f"{values.get('host')}:{values.get('port')}"
            port = f"socket://{port}" if raw else f"rfc2217://{port}{_RFC2217}"
    missing = [
        *([] if probe else [f"no NetworkService with username {PYOCD!r}"]),
        *([] if port else ["no serial port"]),
    ]
    if missing:
        raise FarmError(
            f"place {named[1]} has {' and '.join(missing)}; see whether its exporter runs, and "
            f"what it matches: labgrid-client -p {named[1]} show"
        )
    return Place(named[1], token, probe, port)


def _blocks(shown: str) -> list[tuple[str, str]]:
    """Return the places that ``labgrid-client -v places`` prints, each with its lines."""
    parts = _PLACE.split(shown)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def _tags(text: str) -> dict[str, str]:
    found = re.search(r"^  tags: (.*)$", text, re.MULTILINE)
    pairs = found[1].split(", ") if found else []
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def _field(text: str, name: str) -> str:
    found = re.search(rf"^  {name}: (.*)$", text, re.MULTILINE)
    return "" if found is None or found[1] == "None" else found[1].strip()


def _literal(text: str) -> dict[str, Any]:
    """Return a resource, which labgrid prints as a literal of Python."""
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        value = None
    if isinstance(value, dict) and isinstance(value.get("params", {}), dict):
        return value
    raise unreadable("show", "a resource that cannot be read", text)
