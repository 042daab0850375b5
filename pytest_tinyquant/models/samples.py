"""Input samples of models: read from npz files, or spread over what an input can represent."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.layers import Shape


if TYPE_CHECKING:
    from pytest_tinyquant.models.graph import Tensor

Samples = NDArray[np.float32]

SEED = 42


def read_samples(file: Path, part: str, shape: Shape | None) -> Samples:
    """Read the array `part` of the npz `file` as float32 [n, *shape].

    Images are stored as uint8 beside a ``scale`` that turns them into what the model sees. With a
    `shape` of None each sample keeps the stored shape.
    """
    arrays = read_npz(file)
    if part not in arrays:
        raise ConfigurationError(f"{file}: has no array {part!r}, only {', '.join(arrays)}; add it")
    stored, scale = arrays[part], arrays.get("scale", 1.0)
    sample = stored.shape[1:] if shape is None else shape
    if stored.ndim < 1 or stored[:1].size != math.prod(sample):
        raise ConfigurationError(
            f"{file}: array {part!r} has shape {list(stored.shape)}; a model with inputs of "
            f"{list(sample)} cannot take its samples"
        )
    samples: Samples = stored.reshape(-1, *sample).astype(np.float32) * np.float32(scale)
    return samples


def read_all_samples(file: Path, part: str, shapes: Sequence[Shape | None]) -> list[Samples]:
    """Read the samples of every input: the array `part`, or `part`_0, `part`_1, ... for several.

    Raises ConfigurationError unless all have the same number of samples.
    """
    if len(shapes) == 1:
        return [read_samples(file, part, shapes[0])]
    arrays = [read_samples(file, f"{part}_{i}", shape) for i, shape in enumerate(shapes)]
    counts = [len(array) for array in arrays]
    if len(set(counts)) != 1:
        raise ConfigurationError(
            f"{file}: {part}_0 to {part}_{len(counts) - 1} have {counts} samples; every input of a "
            "model needs the same number"
        )
    return arrays


def read_npz(file: Path) -> dict[str, Any]:
    """Return the arrays of `file` by name; raises ConfigurationError if it is not an npz file."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, EOFError, ValueError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise ConfigurationError(
            f"{file}: not a readable npz file ({error}); restore or make it again"
        ) from error


def take(samples: Samples, count: int, *, where: str) -> Samples:
    """Return the first `count` samples; raises ConfigurationError if there are fewer."""
    if len(samples) < count:
        raise ConfigurationError(
            f"{where}: check_samples is {count}, but its data has only {len(samples)}; lower it"
        )
    return samples[:count]


def uniform(
    count: int, shape: Shape, low: float = 0.0, high: float = 1.0, *, index: int = 0
) -> Samples:
    """Draw `count` samples uniformly from [low, high), always the same ones for input `index`."""
    rng = np.random.default_rng(SEED if index == 0 else [SEED, index])
    return rng.uniform(low, high, (count, *shape)).astype(np.float32)


def spanning(tensor: Tensor, count: int, *, where: str, index: int = 0) -> Samples:
    """Draw `count` samples for the input `tensor`, number `index`, always the same ones.

    A float input gets values in [0, 1), a quantized one values over all that its scale and zero
    point can represent. Raises ModelError for other inputs, whose meaning only the user knows.
    """
    if not tensor.shape or tensor.shape[0] != 1:
        raise ModelError(
            f"{where}: input {tensor.name!r} has shape {list(tensor.shape)}; its first dimension "
            "must be 1, one sample per inference"
        )
    sample = tensor.shape[1:]
    if tensor.dtype == "float32":
        return uniform(count, sample, index=index)
    if tensor.quantization is None or tensor.dtype not in ("int8", "uint8", "int16"):
        raise ModelError(
            f"{where}: input {tensor.name!r} is {tensor.dtype} without a scale, so no samples can "
            "be made for it; name an npz file with an array 'check' as 'data' in the .toml beside"
        )
    limits: Any = np.iinfo(tensor.dtype)
    scale, zero_point = tensor.quantization.scales[0], tensor.quantization.zero_points[0]
    low, high = (scale * (limit - zero_point) for limit in (limits.min, limits.max))
    return uniform(count, sample, low, high, index=index)
