"""What a foreign .tflite file is: its scheme and its check samples, read from its tensors."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.errors import located
from pytest_tinyquant.models.c_array import SUFFIXES
from pytest_tinyquant.models.c_array import read_c_array
from pytest_tinyquant.models.formats import suffix_of
from pytest_tinyquant.system.regular_file import read_bytes


if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_tinyquant.models.graph import Graph
    from pytest_tinyquant.models.graph import Tensor
    from pytest_tinyquant.models.tflite_metadata import Metadata

_INTEGERS = {"int8", "uint8", "int16"}

#: Operators that change how a number is stored, not what it is.
_STORAGE = ("QUANTIZE", "DEQUANTIZE")


def scheme_of_tflite(path: Path) -> str:
    """Return the name of the scheme that gives tensors such as those of the file `path`."""
    status = path.stat()
    return _scheme_of_version(path, status.st_mtime_ns, status.st_size)


def scheme_of_graph(graph: Graph) -> str:
    """Return the name of the scheme that gives tensors such as those of `graph`.

    Activations decide, then whether all is integers, then the stored weights. What a model
    remembers, such as the int16 cell state of an int8 LSTM, is no activation; nor is what is only
    stored otherwise, where something computes with integers.
    """
    activations = _activations(_computed(graph)) or _activations(graph.tensors)
    integer_io = all(
        graph.tensors[index].dtype in _INTEGERS for index in (*graph.inputs, *graph.outputs)
    ) and not any(graph.computes_in_float(operator) for operator in graph.operators)
    if "int16" in activations:
        return "16x8-only" if integer_io else "16x8"
    if activations & {"int8", "uint8"}:
        return "int8-only" if integer_io else "int8"
    weights = [tensor for tensor in graph.tensors if tensor.data is not None]
    if any(tensor.dtype == "float16" for tensor in weights):
        return "float16"
    if any(tensor.dtype in {"int8", "int4"} and tensor.quantization for tensor in weights):
        return "dynamic"
    return "basic"


def _activations(tensors: Iterable[Tensor]) -> set[str]:
    """Return the types of the quantized values that a model computes anew for every input."""
    return {
        tensor.dtype
        for tensor in tensors
        if tensor.data is None and tensor.quantization is not None and not tensor.is_variable
    }


def _computed(graph: Graph) -> list[Tensor]:
    """Return the tensors of operators that compute."""
    indices = {
        index
        for operator in graph.operators
        if operator.op not in _STORAGE
        for index in (*operator.inputs, *operator.outputs)
        if index >= 0
    }
    return [graph.tensors[index] for index in sorted(indices)]


def read_model(path: Path) -> bytes:
    """Return the bytes of a .tflite file, or of the one that stands in a C source.

    :raises ModelError: it cannot be read, is no regular file or larger than any model.
    """
    try:
        return read_c_array(path) if suffix_of(path) in SUFFIXES else read_bytes(path)
    except OSError as error:
        raise ModelError(
            f"{path}: the model's file cannot be read: {error.strerror}; put a readable .tflite "
            "file there"
        ) from error


def check_of_tflite(path: Path, count: int) -> list[Any]:
    """Return `count` samples per input, float32 [count, *shape], over the input's whole range.

    That of an image, as far as the file's metadata knows one, are pixels as they are normalized.
    """
    from pytest_tinyquant.models.graph import sample_shape
    from pytest_tinyquant.models.samples import check_budget
    from pytest_tinyquant.models.samples import pixels
    from pytest_tinyquant.models.samples import spanning

    graph = _graph(path)
    samples = []
    with located(path):
        check_budget(count, sample_shapes(path))
        for index, notes in enumerate(metadata_of_tflite(path).inputs):
            tensor = graph.tensors[graph.inputs[index]]
            if notes.is_image and notes.normalization is not None:
                drawn = pixels(count, sample_shape(tensor.shape), index=index)
                samples.append(notes.normalization.apply(drawn))
            else:
                samples.append(spanning(tensor, count, index=index))
    return samples


def metadata_of_tflite(path: Path) -> Metadata:
    """Return what the file's metadata says.

    :raises ModelError: the model itself cannot be read.
    """
    from pytest_tinyquant.models.tflite_metadata import read_metadata
    from pytest_tinyquant.models.tflite_reader import read_graph

    data = read_model(path)
    return read_metadata(data, read_graph(data, where=str(path)))


def sample_shapes(path: Path) -> list[tuple[int, ...]]:
    """Return the shape of every input without a batch dimension of 1."""
    from pytest_tinyquant.models.graph import sample_shape

    graph = _graph(path)
    return [sample_shape(graph.tensors[index].shape) for index in graph.inputs]


def _graph(path: Path) -> Graph:
    from pytest_tinyquant.models.tflite_reader import read_graph

    return read_graph(read_model(path), where=str(path))


@cache
def _scheme_of_version(path: Path, modified: int, size: int) -> str:
    """Read the scheme of `path`; a file that changes in time or size is another version."""
    return scheme_of_graph(_graph(path))
