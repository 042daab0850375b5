"""The sorts of values that a setting can have: how each is written, and what is made of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import Final
from typing import Literal

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.project.settings import split_names


IniType = Literal["args", "string", "linelist"]

LONGEST_SECONDS: Final = 1_000_000
"""Eleven days and a half: more is more than some system calls take."""

_MOST_DIGITS: Final = 9


class Text:
    """Any text.

    :attr ini_type: how pytest splits it in an ini file.
    :attr takes_value: whether a value follows the option.
    """

    ini_type: IniType = "string"
    takes_value = True

    def __init__(self, metavar: str) -> None:
        self.metavar = metavar

    def argument(self) -> dict[str, Any]:
        """Return what ``addoption()`` is told beside name, default and help."""
        return {"metavar": self.metavar}

    def read(self, said: Any, directory: Path) -> Any:
        """Return the value.

        :param said: what pytest made of an option or ini key, or a variable's text; never empty.
        :param directory: what paths are relative to.
        :raises ConfigurationError: it is none of this sort; the caller says where it stands.
        """
        return said

    def of_default(self, default: Any, root: Path) -> Any:
        """Return the value where nobody says anything.

        :param root: the project's.
        """
        return default


class Names(Text):
    """Names, in comma lists, in several options or several words of an ini key."""

    ini_type = "args"

    def argument(self) -> dict[str, Any]:
        """Return what makes an option that may be given several times."""
        return {**super().argument(), "action": "append"}

    def read(self, said: Any, directory: Path) -> tuple[str, ...]:
        """Return each name once, in order."""
        return split_names(said)


class Lines(Text):
    """Texts, one per option, or per line of an ini key."""

    ini_type = "linelist"

    def argument(self) -> dict[str, Any]:
        """Return what makes an option that may be given several times."""
        return {**super().argument(), "action": "append"}

    def read(self, said: Any, directory: Path) -> tuple[str, ...]:
        """Return the texts as they are."""
        return tuple(said)


class OneOf(Text):
    """One of a few words; with `alone`, the option may stand without one and means that."""

    def __init__(self, *words: str, alone: str = "") -> None:
        super().__init__(f"{{{','.join(words)}}}")
        self._words = words
        self._alone = alone

    def argument(self) -> dict[str, Any]:
        """Return what lets argparse check the word."""
        alone = {"nargs": "?", "const": self._alone} if self._alone else {}
        return {"choices": self._words, **alone}


class Seconds(Text):
    """A time, above 0 or, with `or_zero`, also 0."""

    def __init__(self, *, or_zero: bool = False) -> None:
        super().__init__("SECONDS")
        self._or_zero = or_zero

    def argument(self) -> dict[str, Any]:
        """Return what makes argparse read a number."""
        return {**super().argument(), "type": float}

    def read(self, said: Any, directory: Path) -> float:
        """Return the seconds; nan and inf are none that a clock could take."""
        seconds = float(said)
        if seconds < 0 or (seconds == 0 and not self._or_zero):
            least = "0 or above" if self._or_zero else "above 0"
            raise ConfigurationError(f"must be {least}, not {seconds:g}")
        if not seconds <= LONGEST_SECONDS:
            raise ConfigurationError(f"must be {LONGEST_SECONDS:,} at most, not {seconds:g}")
        return seconds


class Count(Text):
    """A number of things, at least one."""

    def __init__(self) -> None:
        super().__init__("N")

    def read(self, said: Any, directory: Path) -> int:
        """Return the number."""
        if not said.isdecimal() or len(said) > _MOST_DIGITS or int(said) < 1:
            raise ConfigurationError(f"must be 1 or more, not {said[:40]!r}")
        return int(said)


class Flag(Text):
    """Yes, if the option is there."""

    takes_value = False

    def __init__(self) -> None:
        super().__init__("")

    def argument(self) -> dict[str, Any]:
        """Return what makes an option without a value."""
        return {"action": "store_true"}


class File(Text):
    """A path; with `alone`, the option may stand without one and means that file."""

    def __init__(self, metavar: str = "PATH", *, alone: str = "") -> None:
        super().__init__(metavar)
        self._alone = alone

    def argument(self) -> dict[str, Any]:
        """Return the option's argument, which may be left out if there is a name for that."""
        alone = {"nargs": "?", "const": self._alone} if self._alone else {}
        return {**super().argument(), **alone}

    def read(self, said: Any, directory: Path) -> Path:
        """Return the path, made absolute."""
        return directory / str(said)

    def of_default(self, default: Any, root: Path) -> Any:
        """Return a path below the project's root, or None."""
        return None if default is None else root / default


class FileOrUrl(File):
    """A path, or the address of a database."""

    def read(self, said: Any, directory: Path) -> Any:
        """Return the path, made absolute, or the address."""
        if "://" not in str(said):
            return super().read(said, directory)
        from pytest_tinyquant.system.database_url import DatabaseUrl

        return DatabaseUrl.parse(str(said))


class Directories(Text):
    """Paths in a variable, separated as in PATH."""

    def __init__(self) -> None:
        super().__init__("DIR[:...]")

    def read(self, said: Any, directory: Path) -> tuple[Path, ...]:
        """Return the paths, made absolute."""
        return tuple(directory / part for part in said.split(os.pathsep) if part)


def is_said(value: Any) -> bool:
    """Tell whether an option, key or variable says anything: empty ones do not."""
    return isinstance(value, float) or bool(value)


def joined(values: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return lists of several places as one, in their order."""
    return tuple(value for found in values for value in found)
