"""What ``tinyquant doctor`` found out about one thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pytest_tinyquant.errors import TinyQuantError


@dataclass(frozen=True)
class Finding:
    """One thing looked for: what it is needed for, what was found, what to do about it."""

    name: str
    purpose: str
    found: str
    remedy: str = ""

    @property
    def missing(self) -> bool:
        """Tell whether it is not there."""
        return self.found == ""


def tried(name: str, purpose: str, find: Callable[[], str]) -> Finding:
    """Return what `find` found, or what its error says to do."""
    try:
        return Finding(name, purpose, find())
    except TinyQuantError as error:
        return Finding(name, purpose, "", str(error))
