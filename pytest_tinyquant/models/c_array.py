"""C sources that hold a .tflite file as an array of bytes, as ``xxd -i`` and exporters write them.

The source is read as data: no compiler and no preprocessor runs. Of every array whose initializer
is a plain list of numbers, the one that begins as a TensorFlow Lite file does is the model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.system.regular_file import MIB
from pytest_tinyquant.system.regular_file import read_bytes


SUFFIXES: Final = (".c", ".cc", ".cpp", ".h", ".hpp")

#: Bytes 4 to 7 of every TensorFlow Lite file.
IDENTIFIER: Final = b"TFL3"

#: Bytes of a source. A byte of a model takes six of text, and no microcontroller has 5 MB for one.
SOURCE_LIMIT: Final = 32 * MIB

_NUMBER = rb"\s*(?:0[xX][0-9a-fA-F]+|\d+)[uU]?\s*,"
_BEGINS_AS_MODEL: Final = re.compile(
    rb"\{" + _NUMBER * 4 + rb"\s*(?:0x54|84)[uU]?\s*,\s*(?:0x46|70)[uU]?\s*,"
    rb"\s*(?:0x4c|76)[uU]?\s*,\s*(?:0x33|51)[uU]?\s*[,}]",
    re.IGNORECASE,
)
_COMMENT: Final = re.compile(rb"//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_NAME_BEFORE: Final = re.compile(rb"(\w+)\s*\[[^\[\]{};]*\][^{};=]*=?\s*\Z")
_LENGTH: Final = re.compile(rb"\b(\w+_(?:len|size|length))\s*=\s*(\d+)\s*[uUlL]*\s*;")
_NUMBER_ALONE: Final = re.compile(rb"0[xX][0-9a-fA-F]{1,2}|\d{1,3}")
#: What a declaration takes at most from its name to its brace.
_DECLARATION = 400


def holds_model(path: Path) -> bool:
    """Tell whether the source at `path` has a model in it; False if it cannot be read."""
    try:
        text = read_bytes(path, SOURCE_LIMIT)
    except OSError:
        return False
    return _BEGINS_AS_MODEL.search(_COMMENT.sub(b" ", text)) is not None


def read_c_array(path: Path) -> bytes:
    """Return the .tflite file in the C source at `path`.

    :raises ModelError: there is none or more than one, it is no list of bytes, or it has another
        length than the source says.
    :raises OSError: the source cannot be read or is too large.
    """
    return array_in(path)[1]


def array_in(path: Path) -> tuple[str, bytes]:
    """Return name and content of the array; raises as :func:`read_c_array` does."""
    text = _COMMENT.sub(b" ", read_bytes(path, SOURCE_LIMIT))
    found = list(_arrays(text, str(path)))
    if not found:
        raise ModelError(
            f"{path}: no array in it begins as a TensorFlow Lite file does (the bytes 'TFL3' at "
            "its fifth); give the source that holds the model's bytes as a list of numbers"
        )
    if len(found) > 1:
        names = ", ".join(name for name, _ in found)
        raise ModelError(
            f"{path}: holds {len(found)} models ({names}), and a file is one; give each a source "
            "of its own"
        )
    name, data = found[0]
    lengths = dict(_LENGTH.findall(text))
    for ending in ("_len", "_size", "_length"):
        said = lengths.get(f"{name}{ending}".encode())
        if said is not None and int(said) != len(data):
            raise ModelError(
                f"{path}: array {name} has {len(data):,} bytes, and {name}{ending} says "
                f"{int(said):,}; part of the source is missing, so export it again"
            )
    return name, data


def _arrays(text: bytes, where: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each array of a source without comments that begins as a model."""
    for found in _BEGINS_AS_MODEL.finditer(text):
        start = found.start()
        before = _NAME_BEFORE.search(text[max(0, start - _DECLARATION) : start])
        name = before[1].decode() if before else "model"
        end = text.find(b"}", start)
        if end < 0:
            raise ModelError(f"{where}: array {name} has no end; export the source again")
        yield name, _bytes_of(text[start + 1 : end], name, where)


def _bytes_of(body: bytes, name: str, where: str) -> bytes:
    """Return the bytes that a list of numbers stands for."""
    words = [word.strip().rstrip(b"uU") for word in body.split(b",")]
    if words[-1] == b"":
        del words[-1]
    for place, word in enumerate(words):
        if not _NUMBER_ALONE.fullmatch(word):
            shown = word[:20].decode("latin-1")
            raise ModelError(
                f"{where}: entry {place} of array {name} is {shown!r}, not a byte; only plain "
                "lists of numbers are read, so export the model as xxd -i does"
            )
    values = [_value(word) for word in words]
    if max(values) > 255:
        place = next(index for index, value in enumerate(values) if value > 255)
        raise ModelError(f"{where}: entry {place} of array {name} is {values[place]}, no byte")
    return bytes(values)


def _value(word: bytes) -> int:
    """Return a number as C reads it: a leading 0 means octal."""
    if word[:2].lower() == b"0x":
        return int(word, 16)
    octal = len(word) > 1 and word.startswith(b"0")
    return int(word, 8 if octal and not set(word) & set(b"89") else 10)
