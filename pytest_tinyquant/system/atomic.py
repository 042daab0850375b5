"""Files that are either the old one or the new one, never half of each."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final


_DESCRIPTORS: Final = ("/dev/std", "/dev/fd/", "/proc/")


def write_bytes(
    path: Path, data: bytes, *, follow: bool = True, staging: Path | None = None
) -> None:
    """Replace `path` by a file that holds `data`; missing parent directories are made.

    The data reach the disk under another name first, so that a reader, a
    crash or a full disk meets the old content or the new one. A symbolic link is followed and
    stays a link. A device, a FIFO or a stream of this process (``/dev/stdout``) is written to.

    :param follow: False replaces a link itself: in a directory that others may write, it leads
        wherever one of them wants.
    :param staging: existing directory on the same filesystem for the file under its other name,
        which a process that is killed leaves there; None for the directory of `path`.
    """
    if follow and is_stream(path):
        append_bytes(path, data)
        return
    target = Path(os.path.realpath(path)) if follow else path
    target.parent.mkdir(parents=True, exist_ok=True)
    name = f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}"
    temporary = (staging or target.parent) / name
    try:
        # O_EXCL with 0o666 instead of tempfile: the user's umask decides who may read it.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with open(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise


def write_text(path: Path, text: str, *, follow: bool = True, staging: Path | None = None) -> None:
    """Replace `path` by a UTF-8 file that holds `text`, line ends as given."""
    write_bytes(path, text.encode("utf-8"), follow=follow, staging=staging)


def append_bytes(path: Path, data: bytes) -> None:
    """Write `data` to the end of a file, a device or a FIFO, which stays what it is.

    :raises OSError: it cannot be written; ENXIO for a FIFO that nobody reads.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o666)
    # Not to wait for a reader that never comes was for the opening only.
    os.set_blocking(descriptor, True)
    with open(descriptor, "wb", buffering=0) as stream:
        view = memoryview(data)
        while view:
            view = view[stream.write(view) :]


def is_stream(path: Path) -> bool:
    """Tell whether `path` is written to rather than replaced: a device, a FIFO, /dev/stdout.

    What is open already may be a file: replaced, it would keep nothing of what this process goes
    on to write there.
    """
    try:
        status = os.stat(path)
    except OSError:
        return False
    if stat.S_ISREG(status.st_mode):
        return os.fspath(path).startswith(_DESCRIPTORS) or any(map(_is_open_as(status), (1, 2)))
    return not stat.S_ISDIR(status.st_mode)


def _is_open_as(status: os.stat_result) -> Callable[[int], bool]:
    """Return what tells whether a file is the one that a descriptor of this process writes."""

    def is_same(descriptor: int) -> bool:
        try:
            return os.path.samestat(status, os.fstat(descriptor))
        except OSError:
            return False

    return is_same
