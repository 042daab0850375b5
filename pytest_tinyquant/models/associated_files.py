"""The files in the ZIP archive behind a .tflite file, such as the names of its classes."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Final

from pytest_tinyquant.errors import ModelError


#: Bytes of one file, unpacked, and of the archive's directory; names of classes are short.
MOST_BYTES: Final = 1 << 20
_MOST_FILES: Final = 1_000
_MOST_LABELS: Final = 100_000

_END: Final = b"PK\5\6"
#: The record that ends an archive, and the comment that may follow.
_END_BYTES: Final = 22 + 0xFFFF


def read_associated(data: bytes, name: str) -> tuple[str, ...]:
    """Return the lines of a text file behind a model.

    :param data: the whole .tflite file.
    :param name: of the file in the archive.
    :raises ModelError: there is no such file, or it is larger than any such file needs to be.
    """
    _check_directory(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(name) as stream:
            content = stream.read(MOST_BYTES + 1)
    except KeyError:
        raise ModelError(f"the file {name!r} that it names is not behind the model") from None
    except Exception as error:
        # zipfile raises a dozen classes for a damaged archive.
        raise ModelError(f"{name!r} behind the model cannot be read: {error}") from error
    if len(content) > MOST_BYTES:
        raise ModelError(f"{name!r} behind the model has more than {MOST_BYTES:,} bytes")
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise ModelError(f"{name!r} behind the model is no text in UTF-8") from None
    if len(lines) > _MOST_LABELS:
        raise ModelError(f"{name!r} behind the model has {len(lines):,} lines")
    while lines and not lines[-1].strip():
        lines.pop()
    return tuple(line.strip() for line in lines)


def _check_directory(data: bytes) -> None:
    """Look at the size of the archive's directory, which zipfile reads whole."""
    tail = data[-_END_BYTES:]
    place = tail.rfind(_END)
    if place < 0 or place + 22 > len(tail):
        raise ModelError("it names files, but there is no archive behind the model")
    count, size = struct.unpack_from("<HI", tail, place + 10)
    if count > _MOST_FILES or size > MOST_BYTES:
        raise ModelError(f"the archive behind the model claims {count:,} files")
