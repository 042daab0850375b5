"""Writes TensorFlow Lite's metadata by the places of its fields in ``metadata_schema.fbs``."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from model_builder import ModelBuilder


@dataclass(frozen=True)
class Notes:
    """What the metadata says of a tensor.

    :param mean: of the normalization, with ``std``; none of both leave it out.
    :param image: whether its content is an image.
    :param files: names and types of associated files.
    """

    mean: Sequence[float] = ()
    std: Sequence[float] = ()
    image: bool = False
    files: Sequence[tuple[str, int]] = ()


class MetadataBuilder:
    """Writes one flatbuffer of metadata."""

    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(256)

    def build(
        self, inputs: Sequence[Notes], outputs: Sequence[Notes], identifier: bytes = b"M001"
    ) -> bytes:
        described = {
            2: self._list([self._notes(notes) for notes in inputs]),
            3: self._list([self._notes(notes) for notes in outputs]),
        }
        subgraphs = self._list([self._table(9, described)])
        self.builder.Finish(self._table(8, {3: subgraphs}), identifier)
        return bytes(self.builder.Output())

    def _notes(self, notes: Notes) -> int:
        fields = {}
        if notes.image:
            properties = self._table(2, {})
            fields[3] = self._table(3, {1: properties}, kind=2)
        if notes.mean or notes.std:
            options = self._table(2, {0: self._floats(notes.mean), 1: self._floats(notes.std)})
            fields[4] = self._list([self._table(2, {1: options}, kind=1)])
        files = [self._file(*file) for file in notes.files]
        if files:
            fields[6] = self._list(files)
        return self._table(7, fields)

    def _file(self, name: str, kind: int) -> int:
        text = self.builder.CreateString(name)
        self.builder.StartObject(5)
        self.builder.PrependUOffsetTRelativeSlot(0, text, 0)
        self.builder.PrependInt8Slot(2, kind, 0)
        return int(self.builder.EndObject())

    def _table(self, count: int, offsets: Mapping[int, int], *, kind: int = 0) -> int:
        """Add a table; a `kind` is the type of the union in its first two fields."""
        self.builder.StartObject(count)
        for slot, offset in offsets.items():
            self.builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
        self.builder.PrependUint8Slot(0, kind, 0)
        return int(self.builder.EndObject())

    def _floats(self, values: Sequence[float]) -> int:
        return int(self.builder.CreateNumpyVector(np.array(values, np.float32)))

    def _list(self, offsets: Sequence[int]) -> int:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return int(self.builder.EndVector())


def image_classifier(
    *, dtype: str = "float32", metadata: bytes | None = None, files: Mapping[str, Any] | None = None
) -> bytes:
    """Return a model that takes 2x2 pixels of 3 channels and tells three classes apart.

    :param metadata: by default the pixels are normalized by 127.5, and the classes have names.
    :param files: content of the files in the archive behind the model.
    """
    if metadata is None:
        source = Notes([127.5], [127.5], image=True)
        metadata = MetadataBuilder().build([source], [Notes(files=[("labels.txt", 2)])])
    builder = ModelBuilder()
    quantized = {"scale": 1 / 127, "zero_point": 0} if dtype == "int8" else {}
    source_tensor = builder.tensor((1, 2, 2, 3), dtype, **quantized, name="image")  # type: ignore[arg-type]
    axes = builder.tensor((2,), "int32", data=[1, 2])
    output = builder.tensor((1, 3), dtype, **quantized, name="scores")  # type: ignore[arg-type]
    builder.operator("MEAN", [source_tensor, axes], [output], keep_dims=False)
    model = builder.build([source_tensor], [output], metadata=metadata)
    return behind(model, {"labels.txt": "red\ngreen\nblue\n"} if files is None else files)


def behind(model: bytes, files: Mapping[str, Any]) -> bytes:
    """Return a model with an archive behind it."""
    stream = io.BytesIO(model)
    stream.seek(0, io.SEEK_END)
    if files:
        with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    return stream.getvalue()
