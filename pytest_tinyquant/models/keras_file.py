"""What a Keras file, .keras or HDF5, says about its input, without loading it."""

from __future__ import annotations

import importlib.util
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.models.formats import suffix_of
from pytest_tinyquant.models.layers import Shape
from pytest_tinyquant.system.json_text import parse_json
from pytest_tinyquant.system.regular_file import MIB
from pytest_tinyquant.system.regular_file import MODEL_LIMIT
from pytest_tinyquant.system.regular_file import open_regular


#: Suffixes of the form that Keras wrote before .keras, and still writes on request.
HDF5 = (".h5", ".hdf5")

_CONFIG_LIMIT = 16 * MIB


def input_shapes(path: Path) -> list[Shape | None]:
    """Return the shape of one sample per input, None for one that the file leaves open.

    The list is empty if the file does not store them. Raises ModelError for a file that Keras did
    not write.
    """
    config = read_config(path)
    try:
        return _shapes(config)
    except Exception as error:
        raise _unreadable(path, error) from error


def read_config(path: Path) -> Any:
    """Return the file's description of the model, as JSON has it.

    Raises ModelError for a file that Keras did not write.
    """
    try:
        return _hdf5_config(path) if suffix_of(path) in HDF5 else _config(path)
    except (ModelError, ToolchainNotFoundError):
        raise
    except Exception as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ModelError:
    """Return the error for a file of which any part may be missing or of another type."""
    reason = getattr(error, "strerror", None) or repr(error)
    writer = "Keras" if suffix_of(path) in HDF5 else "Keras 3"
    return ModelError(f"{path}: not a model saved by {writer}: {reason}; save it again")


def _config(path: Path) -> Any:
    """Return the file's description of the model, after a look at how large it unpacks."""
    with open(open_regular(path), "rb") as stream, zipfile.ZipFile(stream) as archive:
        total = sum(member.file_size for member in archive.infolist())
        size = archive.getinfo("config.json").file_size
        if size > _CONFIG_LIMIT or total > MODEL_LIMIT:
            raise ModelError(
                f"{path}: unpacks to {total:,} bytes, its description to {size:,}; at most "
                f"{MODEL_LIMIT:,} and {_CONFIG_LIMIT:,} are read. Save a smaller model"
            )
        return parse_json(archive.read("config.json"))


def _hdf5_config(path: Path) -> Any:
    """Return the description of the model in an HDF5 file, after a look at how large it unpacks."""
    if importlib.util.find_spec("h5py") is None:
        raise ToolchainNotFoundError(
            f"{path}: h5py is not installed, which reads HDF5 files. "
            "Install with: pip install 'pytest-tinyquant[convert]'"
        )
    import h5py

    sizes = [0]

    def count(_: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            sizes.append(math.prod(item.shape or ()) * item.dtype.itemsize)

    with open(open_regular(path), "rb") as stream, h5py.File(stream, "r") as file:
        file.visititems(count)
        if sum(sizes) > MODEL_LIMIT:
            raise ModelError(
                f"{path}: unpacks to {sum(sizes):,} bytes; at most {MODEL_LIMIT:,} are read. "
                "Save a smaller model"
            )
        if "model_config" not in file.attrs:
            raise ModelError(
                f"{path}: holds weights without a network; save the whole model with "
                "model.save('NAME.keras')"
            )
        stored = file.attrs["model_config"]
    text = stored.encode() if isinstance(stored, str) else bytes(stored)
    if len(text) > _CONFIG_LIMIT:
        raise ModelError(
            f"{path}: its description has {len(text):,} bytes; at most {_CONFIG_LIMIT:,} are read. "
            "Save a smaller model"
        )
    return parse_json(text)


def _shapes(config: Any) -> list[Shape | None]:
    inner = config.get("config", {})
    layers = {layer.get("name"): layer for layer in inner.get("layers", []) if "name" in layer}
    names = _input_names(inner.get("input_layers", []))
    if len(names) < 2:
        shapes = _batch_shapes(config)
    else:
        shapes = (next(_batch_shapes(layers.get(name)), []) for name in names)
    found = [_sample_shape(shape) for shape in shapes]
    return found[: max(1, len(names))]


def _sample_shape(batch_shape: list[Any]) -> Shape | None:
    sizes = batch_shape[1:]
    return tuple(sizes) if batch_shape and all(map(_is_size, sizes)) else None


def _is_size(value: Any) -> bool:
    return type(value) is int and value > 0


def _input_names(inputs: Any) -> list[str]:
    """Return the names of the input layers in the order that the model takes them in.

    One input is [name, node, tensor]; several are a list of those, or a table, which Keras
    flattens in the order of its keys.
    """
    if isinstance(inputs, dict):
        return [name for key in sorted(inputs) for name in _input_names(inputs[key])]
    if inputs and isinstance(inputs[0], str):
        return [inputs[0]]
    return [name for entry in inputs for name in _input_names(entry)]


def _batch_shapes(config: Any) -> Iterator[list[Any]]:
    """Yield the batch shapes in a model's configuration, in order, at any depth."""
    if isinstance(config, dict):
        for key, value in config.items():
            if key in {"batch_shape", "batch_input_shape"} and isinstance(value, list):
                yield value
            else:
                yield from _batch_shapes(value)
    elif isinstance(config, list):
        for value in config:
            yield from _batch_shapes(value)
