"""What a .keras file says about its input, without loading it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.layers import Shape


def input_shape(path: Path) -> Shape | None:
    """Return the shape of one sample, None if the file leaves it open or does not store it.

    Raises ModelError for a file that Keras 3 did not write and for more than one input.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path}: not a model saved by Keras 3: {error}; save it again") from error
    inputs = config.get("config", {}).get("input_layers", [])
    # One input is [name, node, tensor], several are a list or table of those.
    if isinstance(inputs, dict) or (len(inputs) > 1 and isinstance(inputs[0], list)):
        raise ModelError(f"{path}: has {len(inputs)} inputs; only models with one are tested")
    for shape in _batch_shapes(config):
        sizes = shape[1:]
        if all(isinstance(size, int) for size in sizes):
            return tuple(sizes)
        return None
    return None


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
