"""Files of old converters, as today's interpreter of TensorFlow Lite takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flatbuffers


_IDENTIFIER = b"TFL3"


def with_axes_in_range(path: Path, schema: Any) -> bytes:
    """Return the .tflite file `path` with a valid axis for the scales of every list.

    `schema` is the module of TensorFlow Lite's generated classes.

    Converters of 2020 named axis 3 for the scales of biases, which have one dimension. No kernel
    looks at it, but the interpreter refuses such files since 2025.
    """
    data = path.read_bytes()
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    wrong = [
        tensor.quantization
        for subgraph in model.subgraphs
        for tensor in subgraph.tensors
        if tensor.quantization is not None
        and tensor.shape is not None
        and len(tensor.shape) == 1
        and tensor.quantization.quantizedDimension
    ]
    if not wrong:
        return data
    for quantization in wrong:
        quantization.quantizedDimension = 0
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())
