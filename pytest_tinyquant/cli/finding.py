"""What ``tinyquant doctor`` found out about one thing."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_tinyquant.errors import TinyQuantError


@dataclass(frozen=True)
class Finding:
    """One thing looked for: what it is needed for, what was found, what to do about it.

    :param optional: what it is for is one command or option, without which all else works.
    """

    name: str
    purpose: str
    found: str
    remedy: str = ""
    optional: bool = False

    @property
    def absent(self) -> bool:
        """Tell whether it is not there."""
        return self.found == ""

    @property
    def missing(self) -> bool:
        """Tell whether it is not there and has to be."""
        return self.absent and not self.optional


def tried(name: str, purpose: str, find: Callable[[], str], *, optional: bool = False) -> Finding:
    """Return what `find` found, or what its error says to do."""
    try:
        return Finding(name, purpose, find(), optional=optional)
    except TinyQuantError as error:
        return Finding(name, purpose, "", str(error), optional)


def together(name: str, purpose: str, tries: Iterable[tuple[str, Finding]]) -> Iterator[Finding]:
    """Yield one finding for all of which the same is to be said.

    :param purpose: of them, with ``{}`` where it names them.
    :param tries: what each was tried for, such as a core, with what came of it.
    """
    same: dict[tuple[str, str], list[str]] = {}
    for what, finding in tries:
        same.setdefault((finding.found, finding.remedy), []).append(what)
    for (found, remedy), names in same.items():
        listed = ", ".join(dict.fromkeys(names))
        yield Finding(
            name, purpose.format(listed), f"{found}, for {listed}" if found else "", remedy
        )
