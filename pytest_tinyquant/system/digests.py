"""Digests of the programs and packages that make results: of contents, not of version strings.

A program that was built again, patched or replaced says the same of itself as the one before.
"""

from __future__ import annotations

import functools
import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import Final

from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.system.cache import Cache


PACKAGE: Final = Path(__file__).parents[1]


def program_digest(program: str, *, lasting: bool = True) -> str:
    """Return the SHA-256 of a program: a path, or a name on the PATH.

    :param lasting: read it once per process.
    :raises ToolchainNotFoundError: there is none.
    """
    return _kept(program) if lasting else _digest(program)


def declared_key(table: Mapping[str, str], inputs: Mapping[str, Any]) -> str:
    """Return the key of `inputs`, which must be those that the table declares.

    :raises ValueError: they are others.
    """
    if inputs.keys() != table.keys():
        raise ValueError(f"inputs {sorted(inputs.keys() ^ table.keys())} are not those declared")
    return Cache.key(dict(inputs))


@functools.cache
def code_digest(*rooms: str) -> str:
    """Return the digest of this package's code; with `rooms`, of those directories only."""
    directories = [PACKAGE / room for room in rooms] or [PACKAGE]
    files = [file for directory in directories for file in sorted(directory.rglob("*.py"))]
    return Cache.key({str(file.relative_to(PACKAGE)): file for file in files})


@functools.cache
def _kept(program: str) -> str:
    return _digest(program)


def _digest(program: str) -> str:
    found = shutil.which(program) or program
    try:
        with Path(found).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ToolchainNotFoundError(
            f"{program} cannot be read ({error.strerror}); install it again"
        ) from error
