"""Files that are either the old one or the new one, never half of each."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def write_bytes(path: Path, data: bytes) -> None:
    """Replace `path` by a file that holds `data`; missing parent directories are made.

    The data reach the disk under another name in the same directory first, so that a reader, a
    crash or a full disk meets the old content or the new one. A symbolic link is followed and
    stays a link.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}")
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


def write_text(path: Path, text: str) -> None:
    """Replace `path` by a UTF-8 file that holds `text`, line ends as given."""
    write_bytes(path, text.encode("utf-8"))
