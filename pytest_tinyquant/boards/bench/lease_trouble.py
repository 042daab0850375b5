"""Why boards cannot be leased in a directory, said so that its users can mend it."""

from __future__ import annotations

import errno
import os
import pwd
import stat
from pathlib import Path
from typing import Final

from pytest_tinyquant.errors import BenchError


DIRECTORY_VARIABLE: Final = "TINYQUANT_LEASE_DIR"

_FORBIDDEN: Final = (errno.EACCES, errno.EPERM)


def unusable(root: Path, error: OSError) -> BenchError:
    """Return the error that says why boards cannot be leased in `root`."""
    if error.errno in _FORBIDDEN:
        for name in (error.filename2, error.filename):
            if name and (foreign := _foreign(root, Path(os.fsdecode(name)))):
                return BenchError(f"{root}: boards cannot be leased there: {foreign}")
    return BenchError(
        f"{root}: boards cannot be leased there ({error.strerror or error}); make the "
        f"directory writable, or set {DIRECTORY_VARIABLE} to one that all users of this bench "
        "may write"
    )


def _foreign(root: Path, path: Path) -> str:
    """Return why a file of another user is in the way; empty if that is not the reason."""
    try:
        status, directory = os.lstat(path), os.stat(root)
    except OSError:
        return ""
    if path == root or status.st_uid == os.geteuid():
        return ""
    owner = f"{path.name} belongs to {user_name(status.st_uid)}"
    if directory.st_mode & stat.S_ISVTX:
        return (
            f"{owner}, and the directory's sticky bit lets each user change only files of their "
            f"own; make it one of the group that uses the bench: chgrp GROUP {root} && chmod 2770 "
            f"{root}"
        )
    mode = stat.S_IMODE(status.st_mode)
    return (
        f"{owner} and has mode {mode:04o}, so that {user_name(os.geteuid())} cannot lock it; while "
        f"nobody measures, remove it, or have its owner open it: chmod 666 {path}"
    )


def user_name(number: int) -> str:
    """Return a user's name, or number where it has no name, as in many containers."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
