"""Digests of the programs and packages that make results: of contents, not of version strings.

A program that was built again, patched or replaced says the same of itself as the one before.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import Final

from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.system import atomic
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.reads import change_stamp
from pytest_tinyquant.system.reads import tree_digest


#: Nanoseconds after which a change of a file gets another time for certain.
SETTLED_NS: Final = 2_000_000_000

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


def memo_file(subject: str) -> Path:
    """Return the file beside the user's caches in which digests of `subject` are kept."""
    import platformdirs

    name = hashlib.sha256(os.fsencode(subject)).hexdigest()[:32]
    return Path(platformdirs.user_cache_dir("pytest-tinyquant")) / "digests" / f"{name}.json"


def remembered_digest(path: str) -> str:
    """Return the SHA-256 of a large file, known from an earlier process if nothing touched it.

    The time of a file's last change is set by the kernel, whatever was done to it.

    :raises OSError: it cannot be read.
    """
    stamp = list(change_stamp(os.stat(path)))
    memo = memo_file(path)
    with contextlib.suppress(OSError, ValueError, TypeError):
        known = json.loads(memo.read_text("utf-8"))
        if isinstance(known, list) and known[:-1] == stamp:
            return str(known[-1])
    with open(path, "rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if stamp[0] < time.time_ns() - SETTLED_NS:
        with contextlib.suppress(OSError):
            memo.parent.mkdir(parents=True, exist_ok=True)
            atomic.write_text(memo, json.dumps([*stamp, digest]))
    return digest


@functools.cache
def installed_tree_digest(directory: Path, without: tuple[str, ...] = ()) -> str:
    """Return the digest of what was installed in a directory; read once per process."""
    return tree_digest(directory, without=without)


@functools.cache
def _kept(program: str) -> str:
    return _digest(program)


def _digest(program: str) -> str:
    found = shutil.which(program) or program
    try:
        return remembered_digest(os.path.realpath(found))
    except OSError as error:
        raise ToolchainNotFoundError(
            f"{program} cannot be read ({error.strerror}); install it again"
        ) from error
