"""Strict reading of a TOML table: every key must be known and of its type."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import TypeVar

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.system.regular_file import MIB
from pytest_tinyquant.system.regular_file import is_present
from pytest_tinyquant.system.regular_file import read_text


T = TypeVar("T")

_LIMIT = 4 * MIB
_LARGEST = 2**63
"""No size or count in a file is larger; Python's own integers have no end."""

_NAMES = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    list: "an array",
    dict: "a table",
}


class Table:
    """A table of a TOML file; `label` says which one in messages, such as ``[model]``."""

    def __init__(self, values: Mapping[str, Any], *, file: Path, label: str) -> None:
        self.values = values
        self.file = file
        self.label = label

    @classmethod
    def read(cls, file: Path) -> Table:
        """Read the top level of `file`; anything but readable TOML is a ConfigurationError."""
        try:
            values = tomllib.loads(read_text(file, _LIMIT))
        except OSError as error:
            raise ConfigurationError(
                f"{file}: cannot be read: {error.strerror}; make it a readable file"
            ) from error
        except RecursionError as error:
            raise ConfigurationError(
                f"{file}: not valid TOML: it is nested too deeply; correct the file"
            ) from error
        except Exception as error:
            # Whatever tomllib does not expect of a file is this file's fault, too.
            raise ConfigurationError(
                f"{file}: not valid TOML: {error}; correct the file"
            ) from error
        return cls(values, file=file, label="the top level")

    @classmethod
    def find(cls, file: Path) -> Table | None:
        """Read the top level of `file`, None where there is none.

        :raises ConfigurationError: a directory or something else is in its place.
        """
        try:
            return cls.read(file) if is_present(file) else None
        except OSError as error:
            raise ConfigurationError(
                f"{file}: cannot be read: {error.strerror}; make it a readable file"
            ) from error

    def error(self, text: str) -> ConfigurationError:
        """Return the error that says `text` about this table."""
        return ConfigurationError(f"{self.file}: {self.label}: {text}")

    def allow(self, known: Iterable[str]) -> None:
        """Raise for the first key that is not `known`, naming the closest one that is."""
        known = sorted(known)
        for key in self.values:
            if key not in known:
                raise self.error(
                    f"unknown key {key!r} (closest: {closest(key, known)!r}); "
                    f"known keys: {', '.join(known)}; correct or remove it"
                )

    def get(self, key: str, kind: type[T], default: T | None = None) -> T:
        """Return the value of `key`, which must be a `kind`; without a default it is required."""
        if key not in self.values:
            if default is None:
                raise self.error(f"key {key!r} is missing; add it as {_NAMES[kind]}")
            return default
        return self.checked(key, self.values[key], kind)

    def get_optional(self, key: str, kind: type[T]) -> T | None:
        """Return the value of `key`, which must be a `kind`, or None when it is not there."""
        return self.get(key, kind) if key in self.values else None

    def positive(self, key: str, default: int | None = None, *, most: int = _LARGEST) -> int:
        """Return the value of `key`, an integer of at least 1 and at most `most`."""
        value = self.get(key, int, default)
        if value < 1:
            raise self.error(f"key {key!r} must be at least 1, not {value}")
        if value > most:
            raise self.error(f"key {key!r} must be at most {most:,}, not {value:,}")
        return value

    def array(self, key: str, kind: type[T]) -> tuple[T, ...]:
        """Return the values of the array `key`, each of which must be a `kind`."""
        return tuple(
            self.checked(f"{key}[{index}]", value, kind)
            for index, value in enumerate(self.get(key, list))
        )

    def strings(self, key: str) -> tuple[str, ...]:
        """Return the string of `key`, or its array of strings; empty when it is not there."""
        if key not in self.values:
            return ()
        value = self.values[key]
        found = (value,) if isinstance(value, str) else self.array(key, str)
        if not found or "" in found:
            raise self.error(f"key {key!r} is empty; name something or remove the key")
        return found

    def table(self, key: str) -> Table:
        """Return the table `key`, empty when it is not there."""
        label = f"[{key}]" if self.label == "the top level" else f"{self.label[:-1]}.{key}]"
        return Table(self.get(key, dict, {}), file=self.file, label=label)

    def choice(self, key: str, value: str, choices: Iterable[str]) -> str:
        """Return `value`, given by `key`, if it is one of the `choices`."""
        choices = list(choices)
        if value not in choices:
            raise self.error(
                f"{key} {value!r} is not known (closest: {closest(value, choices)!r}); "
                f"choose from {', '.join(choices)}"
            )
        return value

    def checked(self, key: str, value: object, kind: type[T]) -> T:
        """Return `value` if it is a `kind`; an integer is a number, a boolean is no integer."""
        convert: Callable[[Any], Any] = float if kind is float else lambda same: same
        accepted = (int, float) if kind is float else (kind,)
        if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
            raise self.error(f"key {key!r} must be {_NAMES[kind]}, not {value!r}")
        if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
            raise self.error(f"key {key!r} is an integer of more than 64 bits; correct it")
        if isinstance(value, float) and not math.isfinite(value):
            raise self.error(f"key {key!r} must be a finite number, not {value}")
        result: T = convert(value)
        return result


def closest(word: str, known: Iterable[str]) -> str:
    """Return the entry of `known` most like `word`."""
    import difflib

    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.0)), "")
