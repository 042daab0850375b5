"""Input samples of models: read from npz files, or spread over what an input can represent."""

from __future__ import annotations

import hashlib
import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import sample_shape
from pytest_tinyquant.models.layers import Shape
from pytest_tinyquant.system.regular_file import MIB
from pytest_tinyquant.system.regular_file import open_regular


if TYPE_CHECKING:
    from pytest_tinyquant.models.graph import Tensor
    from pytest_tinyquant.models.tflite_metadata import Normalization

Samples = NDArray[np.float32]

SEED = 42

MINIMUM_DISTINCT = 4
"""So many check samples must differ; fewer say too little of how an output depends on its input."""

_NUMBERS = "fiub"

MOST_BYTES = 512 * MIB
"""Of all samples of a model; the largest network in reach of a microcontroller needs a tenth."""


def read_samples(
    file: Path, part: str, shape: Shape | None, normalization: Normalization | None = None
) -> Samples:
    """Read the array `part` of the npz `file` as float32 [n, *shape].

    Images are stored as uint8 beside a ``scale`` that turns them into what the model sees. With a
    `shape` of None each sample keeps the stored shape.

    :param normalization: what the model's own file says to do with uint8 that has no ``scale``.
    """
    arrays = read_npz(file)
    if part not in arrays:
        raise ConfigurationError(f"{file}: has no array {part!r}, only {', '.join(arrays)}; add it")
    stored, scale = arrays[part], arrays.get("scale", np.float32(1.0))
    if stored.dtype.kind not in _NUMBERS:
        raise ConfigurationError(
            f"{file}: array {part!r} is of type {stored.dtype}; save samples as numbers"
        )
    if scale.size != 1 or scale.dtype.kind not in _NUMBERS:
        raise ConfigurationError(
            f"{file}: 'scale' has shape {list(scale.shape)} and type {scale.dtype}; it is the one "
            "number that all samples are multiplied by"
        )
    sample = stored.shape[1:] if shape is None else shape
    if stored.ndim < 1 or stored[:1].size != math.prod(sample):
        raise ConfigurationError(
            f"{file}: array {part!r} has shape {list(stored.shape)}; a model with inputs of "
            f"{list(sample)} cannot take its samples"
        )
    samples: Samples = stored.reshape(-1, *sample).astype(np.float32) * np.float32(scale.item())
    if normalization is not None and stored.dtype == np.uint8 and "scale" not in arrays:
        return normalization.apply(samples)
    return samples


def read_all_samples(
    file: Path,
    part: str,
    shapes: Sequence[Shape | None],
    normalizations: Sequence[Normalization | None] = (),
) -> list[Samples]:
    """Read the samples of every input: the array `part`, or `part`_0, `part`_1, ... for several.

    Raises ConfigurationError unless all have the same number of samples.

    :param normalizations: those that :func:`read_samples` takes, one for every input; or none.
    """
    how = normalizations or [None] * len(shapes)
    if len(shapes) == 1:
        return [read_samples(file, part, shapes[0], how[0])]
    arrays = [
        read_samples(file, f"{part}_{index}", shape, normalization)
        for index, (shape, normalization) in enumerate(zip(shapes, how, strict=True))
    ]
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
        descriptor = open_regular(file)
        with open(descriptor, "rb") as stream:
            _check_npz(stream)
            with np.load(stream, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
    except Exception as error:
        # numpy and zipfile raise a dozen classes for a damaged file, and not always the same ones.
        reason = str(error) or type(error).__name__
        raise ConfigurationError(
            f"{file}: not a readable npz file ({reason}); restore or make it again"
        ) from error


def _check_npz(stream: IO[bytes]) -> None:
    """Raise ValueError for what is no npz file, or one whose arrays are larger than they may be.

    A kilobyte of compressed zeros unpacks to a megabyte, and the header of an array may claim any
    size: memory for it would be taken before its data is missed.
    """
    with zipfile.ZipFile(stream) as archive:
        total = sum(member.file_size for member in archive.infolist())
        if total > MOST_BYTES:
            raise ValueError(f"its arrays have {total:,} bytes, {MOST_BYTES:,} are read at most")
        for member in archive.infolist():
            with archive.open(member) as array:
                _check_array(array, member)
    stream.seek(0)


def _check_array(array: IO[bytes], member: zipfile.ZipInfo) -> None:
    """Raise ValueError for an array that claims more bytes than the archive holds of it."""
    version = np.lib.format.read_magic(array)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    shape, _, dtype = read(array)
    if math.prod(shape) * dtype.itemsize > member.file_size:
        raise ValueError(f"array {member.filename!r} of shape {list(shape)} is not complete")


def check_distinct(parts: Sequence[Samples]) -> None:
    """Raise ConfigurationError unless the samples are different enough to judge an output by.

    An output that does not depend on the input at all is seen only across samples.

    :param parts: the samples of each input.
    """
    wanted = min(MINIMUM_DISTINCT, len(parts[0]))
    samples = zip(*(part.reshape(len(part), -1) for part in parts), strict=True)
    found: set[bytes] = set()
    for sample in samples:
        found.add(b"".join(hashlib.sha256(part.tobytes()).digest() for part in sample))
        if len(found) >= wanted:
            return
    raise ConfigurationError(
        f"of its {len(parts[0])} check samples only {len(found)} differ, so an output "
        f"that ignores its input would pass; give it at least {MINIMUM_DISTINCT} different ones"
    )


def check_finite(parts: Sequence[Samples], where: str) -> None:
    """Raise ConfigurationError for a sample with NaN or infinity, which no range can be taken from.

    :param parts: the samples of each input.
    :param where: file and array, for the message.
    """
    for index, part in enumerate(parts):
        finite = np.isfinite(part.reshape(len(part), -1)).all(axis=1)
        if not finite.all():
            of = f" of input {index}" if len(parts) > 1 else ""
            raise ConfigurationError(
                f"{where}: sample {int(finite.argmin())}{of} holds NaN or infinity, so a "
                "quantization's range cannot be taken from it; remove or correct it"
            )


def check_budget(count: int, shapes: Sequence[Shape]) -> None:
    """Raise ConfigurationError for samples that need more memory than they may.

    :param shapes: of one sample of each input.
    """
    needed = count * sum(math.prod(shape) for shape in shapes) * np.dtype(np.float32).itemsize
    if needed > MOST_BYTES:
        raise ConfigurationError(
            f"{count} samples of {' and '.join(str(list(shape)) for shape in shapes)} "
            f"need {needed:,} bytes, {MOST_BYTES:,} are given at most; lower check_samples, or "
            "take a model with smaller inputs"
        )


def take(samples: Samples, count: int) -> Samples:
    """Return the first `count` samples; raises ConfigurationError if there are fewer."""
    if len(samples) < count:
        raise ConfigurationError(
            f"check_samples is {count}, but its data has only {len(samples)}; lower it"
        )
    return samples[:count]


def uniform(
    count: int, shape: Shape, low: float = 0.0, high: float = 1.0, *, index: int = 0
) -> Samples:
    """Draw `count` samples uniformly from [low, high), always the same ones for input `index`."""
    rng = np.random.default_rng(SEED if index == 0 else [SEED, index])
    return rng.uniform(low, high, (count, *shape)).astype(np.float32)


def pixels(count: int, shape: Shape, *, index: int = 0) -> Samples:
    """Draw `count` images of whole numbers from 0 to 255, always the same ones for an input."""
    return np.floor(uniform(count, shape, 0.0, 256.0, index=index)).clip(0.0, 255.0)


def spanning(tensor: Tensor, count: int, *, index: int = 0) -> Samples:
    """Draw `count` samples for the input `tensor`, number `index`, always the same ones.

    A float input gets values in [0, 1), a quantized one values over all that its scale and zero
    point can represent. Raises ModelError for other inputs, whose meaning only the user knows.
    """
    sample = sample_shape(tensor.shape)
    if tensor.dtype == "float32":
        return uniform(count, sample, index=index)
    if tensor.quantization is None or tensor.dtype not in ("int8", "uint8", "int16"):
        raise ModelError(
            f"input {tensor.name!r} is {tensor.dtype} without a scale, so no samples can "
            "be made for it; name an npz file with an array 'check' as 'data' in the .toml beside"
        )
    limits: Any = np.iinfo(tensor.dtype)
    scale, zero_point = tensor.quantization.scales[0], tensor.quantization.zero_points[0]
    low, high = (scale * (limit - zero_point) for limit in (limits.min, limits.max))
    return uniform(count, sample, low, high, index=index)


def channels_last(samples: Any) -> Any:
    """Return samples [n, channels, height, width] as [n, height, width, channels]."""
    return samples.transpose(0, 2, 3, 1) if samples.ndim == 4 else samples


def channels_first(samples: Any) -> Any:
    """Return samples [n, height, width, channels] as [n, channels, height, width]."""
    return np.ascontiguousarray(samples.transpose(0, 3, 1, 2)) if samples.ndim == 4 else samples
