"""Errors as JSON types: they cross processes, and may come from another version of this package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_tinyquant import errors
from pytest_tinyquant.errors import TinyQuantError


def dump_error(error: Exception) -> dict[str, Any]:
    """Return an exception as JSON types; :func:`load_error` reverses it for typed errors."""
    kept = (str, int, float, list, tuple, dict)
    return {
        "class": type(error).__name__,
        "bases": [base.__name__ for base in type(error).__mro__],
        "message": str(error),
        "attributes": {key: value for key, value in vars(error).items() if isinstance(value, kept)},
    }


def load_error(data: Mapping[str, Any]) -> TinyQuantError | None:
    """Rebuild the typed error nearest to what :func:`dump_error` was given; None if it was none.

    An error of a class that this version does not know becomes its nearest base that it does, and
    keeps its attributes.
    """
    for name in data["bases"]:
        known = getattr(errors, name, None)
        if isinstance(known, type) and issubclass(known, TinyQuantError):
            error: TinyQuantError = known(data["message"])
            vars(error).update(data["attributes"])
            return error
    return None
