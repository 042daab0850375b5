"""What a .keras file says about its input, without loading it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.layers import Shape


def input_shapes(path: Path) -> list[Shape | None]:
    """Return the shape of one sample per input, None for one that the file leaves open.

    The list is empty if the file does not store them. Raises ModelError for a file that Keras 3
    did not write.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path}: not a model saved by Keras 3: {error}; save it again") from error
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
    return tuple(sizes) if batch_shape and all(isinstance(size, int) for size in sizes) else None


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
