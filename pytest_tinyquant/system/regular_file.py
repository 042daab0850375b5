"""Reading of files that others wrote: regular ones only, and no more of them than is sensible.

A FIFO in place of a file would hold the run until someone writes into it, and a link to /dev/zero
would be read until memory ends.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final


MIB: Final = 1 << 20

#: Bytes of a text file: the largest baseline of this repository has 110 kB.
TEXT_LIMIT: Final = 32 * MIB

#: Bytes of a model file; no microcontroller has a hundredth of it.
MODEL_LIMIT: Final = 1024 * MIB


def read_bytes(path: Path, limit: int = MODEL_LIMIT) -> bytes:
    """Return what the file holds.

    :param limit: bytes that it may have.
    :raises OSError: it cannot be read, is no regular file, or is larger.
    """
    descriptor = open_regular(path)
    with open(descriptor, "rb") as stream:
        size = os.fstat(descriptor).st_size
        if size > limit:
            raise OSError(errno.EINVAL, f"it has {size:,} bytes, {limit:,} are read at most")
        # One more than it said to have: a file that grows meanwhile ends the same way.
        data = stream.read(limit + 1 if size == 0 else size + 1)
    if len(data) > limit:
        raise OSError(errno.EINVAL, f"{limit:,} bytes are read at most")
    return data


def read_text(path: Path, limit: int = TEXT_LIMIT) -> str:
    """Return the UTF-8 text that the file holds, line ends as Python's text files give them.

    :raises OSError: it cannot be read, is no regular file, or is larger than `limit` bytes.
    :raises UnicodeDecodeError: it is no UTF-8.
    """
    text = read_bytes(path, limit).decode("utf-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def open_regular(path: Path, *, follow: bool = True) -> int:
    """Return a descriptor that reads the regular file at `path`; never waits for a writer.

    :param follow: False refuses a symbolic link.
    :raises OSError: it cannot be opened or is no regular file.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    descriptor = os.open(path, flags | (0 if follow else os.O_NOFOLLOW))
    kind = kind_of(os.fstat(descriptor).st_mode)
    if kind:
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"it is {kind}, not a file")
    return descriptor


def refuse_planted(path: Path) -> None:
    """Refuse what someone may have put where a file of ours belongs, in a directory that all share.

    A symbolic link, or a second name of a file, leads to a file of whoever the link was planted
    for: opened for writing, that file would lose its content.

    :raises OSError: something that is no plain file with one name is there.
    """
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if stat.S_ISLNK(status.st_mode):
        raise OSError(errno.ELOOP, f"{path} is a symbolic link; remove it")
    if kind := kind_of(status.st_mode):
        raise OSError(errno.EINVAL, f"{path} is {kind}, not a file; remove it")
    if status.st_nlink != 1:
        raise OSError(errno.EMLINK, f"{path} is one name of several of a file; remove it")


def is_present(path: Path) -> bool:
    """Tell whether the regular file `path` is there; False if nothing is.

    ``Path.is_file`` says False of a directory, a FIFO or a link that leads nowhere as well: then
    what the user wrote would be passed over in silence.

    :raises OSError: something else is there, or a link that leads nowhere.
    """
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        if os.path.islink(path):
            raise OSError(errno.ENOENT, "it is a link that leads nowhere") from None
        return False
    if kind := kind_of(mode):
        raise OSError(errno.EINVAL, f"it is {kind}, not a file")
    return True


def kind_of(mode: int) -> str:
    """Return what something is by its mode, in words; empty for a regular file."""
    if stat.S_ISREG(mode):
        return ""
    kinds = (
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISFIFO, "a FIFO"),
        (stat.S_ISSOCK, "a socket"),
    )
    return next((name for is_kind, name in kinds if is_kind(mode)), "a device")
