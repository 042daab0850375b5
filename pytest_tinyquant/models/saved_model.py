"""What a SavedModel says about its inputs, without loading it.

``saved_model.pb`` is a protobuf message. Only the way to the shapes of the default signature is
read: SavedModel.meta_graphs (2) > MetaGraphDef.signature_def (5) > SignatureDef.inputs (1) >
TensorInfo.tensor_shape (3) > TensorShapeProto.dim (2) > size (1).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.formats import SAVED_MODEL
from pytest_tinyquant.models.layers import Shape
from pytest_tinyquant.system.regular_file import read_bytes


SIGNATURE: Final = "serving_default"

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def input_shapes(directory: Path) -> list[Shape | None]:
    """Return the shape of one sample per input, sorted by name; None for one that is left open.

    :raises ModelError: the file is damaged, or has no signature that takes samples.
    """
    file = directory / SAVED_MODEL
    try:
        data = read_bytes(file)
    except OSError as error:
        raise ModelError(
            f"{file}: cannot be read: {error.strerror}; save the model again"
        ) from error
    try:
        signatures = [
            _map_entry(entry)
            for meta_graph in _messages(data, 2)
            for entry in _messages(meta_graph, 5)
        ]
        inputs = [
            [_map_entry(entry) for entry in _messages(value, 1)]
            for name, value in signatures
            if name == SIGNATURE
        ]
        found = {name: _sample_shape(info) for entries in inputs for name, info in entries}
    except (ValueError, IndexError) as error:
        raise ModelError(f"{file}: damaged: {error}; save the model again") from error
    if not found:
        names = ", ".join(name for name, _ in signatures) or "none"
        raise ModelError(
            f"{file}: has no signature {SIGNATURE!r} with inputs (signatures: {names}); save the "
            "model with model.export(DIRECTORY)"
        )
    return [found[name] for name in sorted(found)]


def _sample_shape(tensor_info: bytes) -> Shape | None:
    """Return the shape of a tensor without its batch; None if a size in it is open."""
    sizes: list[int] | None = None
    for shape in _messages(tensor_info, 3):
        sizes = [
            next((value for number, value in _fields(dim) if number == 1), 0)  # type: ignore[misc]
            for dim in _messages(shape, 2)
        ]
    if not sizes or not all(isinstance(s, int) and 0 < s < 1 << 31 for s in sizes[1:]):
        return None
    return tuple(sizes[1:])


def _map_entry(entry: bytes) -> tuple[str, bytes]:
    """Return key and value of an entry of a map from names to messages."""
    name = next(_messages(entry, 1), b"").decode("utf-8")
    return name, next(_messages(entry, 2), b"")


def _messages(data: bytes, field: int) -> Iterator[bytes]:
    """Yield the content of each `field` that holds bytes."""
    for number, value in _fields(data):
        if number == field:
            if not isinstance(value, bytes):
                raise ValueError(f"field {field} holds a number")
            yield value


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field of a message."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, form = key >> 3, key & 7
        if form == _VARINT:
            value, place = _varint(data, place)
            yield number, value
            continue
        if form == _BYTES:
            size, place = _varint(data, place)
        elif form in (_FIXED64, _FIXED32):
            size = 8 if form == _FIXED64 else 4
        else:
            raise ValueError(f"byte {place}: a field of form {form}")
        if place + size > len(data):
            raise ValueError(f"byte {place}: a field of {size:,} bytes ends after the file")
        yield number, data[place : place + size]
        place += size


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Return the number at `place` and the place behind it."""
    value = 0
    for count in range(10):
        if place >= len(data):
            raise ValueError(f"byte {place}: the file ends within a number")
        byte = data[place]
        value |= (byte & 127) << (7 * count)
        place += 1
        if byte < 128:
            return value, place
    raise ValueError(f"byte {place}: a number of more than 10 bytes")
