"""Choosing names by what the user typed, with an error that helps when there is no such name."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterable
from fnmatch import fnmatchcase

from pytest_tinyquant.errors import ConfigurationError


def choose(
    patterns: Iterable[str], known: Collection[str], *, what: str, where: str, globs: bool = False
) -> tuple[str, ...]:
    """Return the `known` names that `patterns` select, in their own order; all for no pattern.

    :param what: what the names are, in the singular, such as ``model``.
    :param where: where the patterns come from, such as ``--model``.
    :param globs: let ``*``, ``?`` and ``[...]`` in a pattern match, instead of whole names only.
    :raises ConfigurationError: for a pattern that selects nothing.
    """
    patterns = [pattern.lower() for pattern in patterns]
    if not patterns:
        return tuple(known)
    selected: set[str] = set()
    for pattern in patterns:
        matches = {
            name
            for name in known
            if name.lower() == pattern or (globs and fnmatchcase(name.lower(), pattern))
        }
        if not matches:
            raise unknown_name(pattern, known, what=what, where=where)
        selected |= matches
    return tuple(name for name in known if name in selected)


def unknown_name(name: str, known: Collection[str], *, what: str, where: str) -> ConfigurationError:
    """Return the error for a name that is not among the `known` ones."""
    if not known:
        return ConfigurationError(f"{where}: unknown {what} {name!r}: the project has no {what}s")
    from pytest_tinyquant.system.toml_table import closest

    return ConfigurationError(
        f"{where}: unknown {what} {name!r} (closest: {closest(name, known)!r}); "
        f"known {what}s: {', '.join(known)}"
    )
