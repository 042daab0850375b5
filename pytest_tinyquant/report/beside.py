"""Trouble with reporting: told beside the verdicts, and never in their place."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_tinyquant.errors import TinyQuantError


#: Attribute of a test's report that tells what went wrong while it was made.
TROUBLES = "tinyquant_troubles"


class Beside:
    """Gathers what goes wrong while a run is reported, and lets the rest of it go on."""

    def __init__(self) -> None:
        self._troubles: list[str] = []

    @property
    def troubles(self) -> tuple[str, ...]:
        """What went wrong, each once, in order."""
        return tuple(dict.fromkeys(self._troubles))

    def add(self, *troubles: str) -> None:
        """Take in what went wrong elsewhere, such as in a worker."""
        self._troubles += troubles

    @contextlib.contextmanager
    def guarded(self, what: str) -> Iterator[None]:
        """Keep the exception that ends a ``with`` block.

        :param what: what then is missing, such as the option that asked for it.
        """
        try:
            yield
        except Exception as error:
            self._troubles.append(f"{what}: {_words(error)}")


def _words(error: Exception) -> str:
    """Return what went wrong; the place in the code only where that is where to look."""
    if isinstance(error, (TinyQuantError, pytest.UsageError, OSError)):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"{type(error).__name__}: {error} ({Path(place.filename).name}, line {place.lineno}); "
        "this is a fault of pytest-tinyquant: please report it"
    )
