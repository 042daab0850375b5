"""Reading of JSON that others wrote: whatever is wrong with it is one ValueError."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from typing import Final


#: Digits of the largest integer of 64 bits. JSON and Python know no end, but what is made of an
#: integer here, a float or a column of a database, does.
_MOST_DIGITS: Final = 20


def parse_json(
    text: str | bytes,
    *,
    unique: Callable[[list[tuple[str, Any]]], Any] | None = None,
    constant: Callable[[str], Any] | None = None,
) -> Any:
    """Return what `text` holds.

    :param unique: makes an object of its keys and values, as ``object_pairs_hook`` of :mod:`json`.
    :param constant: is given ``NaN`` and infinities; by default they are accepted.
    :raises ValueError: it is no JSON (a :class:`json.JSONDecodeError` that says where), is nested
        too deeply, is no UTF-8, or holds an integer that no counter has.
    """
    try:
        return json.loads(
            text, object_pairs_hook=unique, parse_constant=constant, parse_int=_integer
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > _MOST_DIGITS:
        raise ValueError(f"it holds an integer of {len(text)} digits")
    return int(text)
