"""What the metadata of a .tflite file says: how inputs are normalized, and what classes are called.

TensorFlow Lite's metadata is a flatbuffer of its own in one of the model's buffers (its schema is
``metadata_schema.fbs`` of tflite-support). The files that it names, such as the classes' names, are
a ZIP archive behind the model. Runtimes read neither, so what is wrong with them is told and does
not keep a model from running.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.associated_files import read_associated


if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pytest_tinyquant.models.graph import Graph
    from pytest_tinyquant.models.graph import Tensor

NAME: Final = "TFLITE_METADATA"
_IDENTIFIER: Final = b"M001"

#: Bytes of the metadata, tensors in it, files and process units of one tensor.
_MOST_BYTES: Final = 1 << 20
_MOST_ENTRIES: Final = 256

#: Largest value of a pixel.
PIXEL: Final = 255

# Fields by their place in the tables of metadata_schema.fbs, types by their number in its unions.
_SUBGRAPHS, _INPUTS, _OUTPUTS = 10, 8, 10
_CONTENT, _PROCESS_UNITS, _FILES = 10, 12, 16
_UNION_TYPE, _UNION = 4, 6
_IMAGE, _NORMALIZATION = 2, 1
_MEAN, _STD = 4, 6
_FILE_NAME, _FILE_TYPE, _LABELS = 4, 8, (2, 3)


@dataclass(frozen=True)
class Normalization:
    """What an input was given in training: (value - mean) / std, per channel or for all.

    :param mean: one number, or one for each element of the last dimension; ``std`` likewise.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def apply(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Return values ``[n, *shape]`` as the model's input takes them."""
        import numpy as np

        scaled = (values - np.array(self.mean)) / np.array(self.std)
        return np.asarray(scaled, np.float32)

    def text(self) -> str:
        """Return the formula in words."""
        mean, std = (_numbers(part) for part in (self.mean, self.std))
        return f"(value - {mean}) / {std}"


@dataclass(frozen=True)
class TensorNotes:
    """What the metadata says of one input or output.

    :param normalization: None if it says nothing.
    :param is_image: its values are pixels.
    :param labels: the names of the classes, in their order; empty if there are none.
    """

    normalization: Normalization | None = None
    is_image: bool = False
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Metadata:
    """The metadata of a file, one entry per input and per output.

    :param problem: why some or all of it was passed over; empty if it was read.
    """

    inputs: tuple[TensorNotes, ...]
    outputs: tuple[TensorNotes, ...]
    problem: str = ""

    @property
    def normalizations(self) -> tuple[Normalization | None, ...]:
        """How each input is normalized."""
        return tuple(notes.normalization for notes in self.inputs)


def read_metadata(data: bytes, graph: Graph) -> Metadata:
    """Return what the metadata of a .tflite file says; raises nothing, whatever the bytes are.

    :param data: the whole file.
    :param graph: what :func:`~pytest_tinyquant.models.tflite_reader.read_graph` made of it.
    """
    inputs, outputs = ([graph.tensors[i] for i in part] for part in (graph.inputs, graph.outputs))
    nothing = Metadata((TensorNotes(),) * len(inputs), (TensorNotes(),) * len(outputs))
    try:
        content = _buffer(data)
        if content is None:
            return nothing
        return Metadata(*_read(content, data, inputs, outputs))
    except ModelError as error:
        problem = str(error)
    except Exception as error:
        # The flatbuffers library raises whatever the bytes lead it to.
        problem = f"it is damaged ({type(error).__name__})"
    return Metadata(nothing.inputs, nothing.outputs, f"the metadata is passed over: {problem}")


def described(metadata: Metadata) -> list[str]:
    """Return what the metadata says, a line each."""
    lines = []
    for index, notes in enumerate(metadata.inputs):
        if notes.normalization is not None:
            what = f"pixels of 0 to {PIXEL}, normalized" if notes.is_image else "normalized"
            lines.append(f"metadata: input {index}: {what}: {notes.normalization.text()}")
    for index, notes in enumerate(metadata.outputs):
        if notes.labels:
            shown = ", ".join(notes.labels[:5]) + (", ..." if len(notes.labels) > 5 else "")
            lines.append(f"metadata: output {index}: {len(notes.labels):,} classes: {shown}")
    return [*lines, *filter(None, [metadata.problem])]


def _numbers(values: tuple[float, ...]) -> str:
    text = ", ".join(f"{value:g}" for value in values)
    return text if len(values) == 1 else f"[{text}]"


def _buffer(data: bytes) -> bytes | None:
    """Return the flatbuffer of the metadata; None if the file has none."""
    import tflite

    model = tflite.Model.GetRootAs(data, 0)
    for index in range(min(model.MetadataLength(), _MOST_ENTRIES)):
        entry = model.Metadata(index)
        if (entry.Name() or b"") != NAME.encode():
            continue
        if not 0 <= entry.Buffer() < model.BuffersLength():
            raise ModelError(f"it names buffer {entry.Buffer()} of {model.BuffersLength()}")
        values = model.Buffers(entry.Buffer()).DataAsNumpy()
        content = b"" if isinstance(values, int) else values[: _MOST_BYTES + 1].tobytes()
        if len(content) > _MOST_BYTES:
            raise ModelError(f"it has more than {_MOST_BYTES:,} bytes")
        if content[4:8] != _IDENTIFIER:
            raise ModelError(f"bytes 4 to 7 are {content[4:8]!r}, not {_IDENTIFIER!r}")
        return content
    return None


def _read(
    content: bytes, data: bytes, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
) -> tuple[tuple[TensorNotes, ...], tuple[TensorNotes, ...]]:
    from flatbuffers.table import Table

    (root,) = struct.unpack_from("<I", content, 0)
    subgraphs = _tables(Table(content, root), _SUBGRAPHS)
    if not subgraphs:
        raise ModelError("it describes no subgraph")
    found = []
    for word, slot, tensors in (("inputs", _INPUTS, inputs), ("outputs", _OUTPUTS, outputs)):
        tables = _tables(subgraphs[0], slot)
        if tables and len(tables) != len(tensors):
            raise ModelError(f"it describes {len(tables)} {word}, the model has {len(tensors)}")
        pairs = zip(tables, tensors, strict=True) if tables else ()
        notes = tuple(_notes(table, tensor, data) for table, tensor in pairs)
        found.append(notes or (TensorNotes(),) * len(tensors))
    return found[0], found[1]


def _notes(table: Any, tensor: Tensor, data: bytes) -> TensorNotes:
    normalization = None
    for unit in _tables(table, _PROCESS_UNITS):
        if _byte(unit, _UNION_TYPE) == _NORMALIZATION:
            normalization = _normalization(_table(unit, _UNION), tensor)
    content = _table(table, _CONTENT)
    is_image = content is not None and _byte(content, _UNION_TYPE) == _IMAGE
    # The first file is that of the default language.
    named = [file for file in _tables(table, _FILES) if _byte(file, _FILE_TYPE) in _LABELS]
    labels = read_associated(data, _text(named[0], _FILE_NAME)) if named else ()
    return TensorNotes(normalization, is_image, labels)


def _normalization(options: Any, tensor: Tensor) -> Normalization:
    mean, std = (_floats(options, slot) for slot in (_MEAN, _STD))
    channels = tensor.shape[-1] if tensor.shape else 1
    for name, values in (("mean", mean), ("std", std)):
        if len(values) not in (1, channels):
            raise ModelError(
                f"input {tensor.name!r} of {channels} channels has {len(values)} numbers of {name}"
            )
        if not all(math.isfinite(value) for value in values):
            raise ModelError(f"input {tensor.name!r} has a {name} that is not finite")
    if not all(value > 0 for value in std):
        raise ModelError(f"input {tensor.name!r} has a std that is not above 0")
    return Normalization(mean, std)


def _tables(table: Any, slot: int) -> list[Any]:
    """Return the tables in a vector, an empty list without one."""
    from flatbuffers.table import Table

    offset = table.Offset(slot)
    if not offset:
        return []
    start, length = table.Vector(offset), table.VectorLen(offset)
    if length > _MOST_ENTRIES:
        raise ModelError(f"it claims {length:,} entries in one list")
    return [Table(table.Bytes, table.Indirect(start + 4 * index)) for index in range(length)]


def _table(table: Any, slot: int) -> Any:
    """Return a table in a field, None without one."""
    from flatbuffers.table import Table

    offset = table.Offset(slot)
    return Table(table.Bytes, table.Indirect(table.Pos + offset)) if offset else None


def _byte(table: Any, slot: int) -> int:
    offset = table.Offset(slot)
    return int(table.Bytes[table.Pos + offset]) if offset else 0


def _text(table: Any, slot: int) -> str:
    offset = table.Offset(slot)
    return bytes(table.String(table.Pos + offset)).decode() if offset else ""


def _floats(table: Any, slot: int) -> tuple[float, ...]:
    offset = table.Offset(slot) if table is not None else 0
    if not offset:
        return ()
    length = table.VectorLen(offset)
    if length > _MOST_ENTRIES:
        raise ModelError(f"it claims {length:,} numbers in one list")
    return struct.unpack_from(f"<{length}f", table.Bytes, table.Vector(offset))
