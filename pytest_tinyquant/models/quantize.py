"""Affine quantization of whole tensors: real = scale * (integer - zero point).

Rounding is half to even, as NumPy and IEEE 754 do it; values outside the type's range are
clipped. Arithmetic is in float64, so that the only rounding is the one to the integer.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pytest_tinyquant.errors import ModelError


if TYPE_CHECKING:
    from pytest_tinyquant.models.graph import Tensor


#: Types of model inputs and outputs, little endian as every supported board stores them.
DTYPES: Final[Mapping[str, np.dtype[Any]]] = {
    "float32": np.dtype("<f4"),
    "int8": np.dtype("<i1"),
    "uint8": np.dtype("<u1"),
    "int16": np.dtype("<i2"),
    "int32": np.dtype("<i4"),
}


def quantize(values: NDArray[Any], scale: float, zero_point: int, dtype: str) -> NDArray[Any]:
    """Return ``values`` as integers of ``dtype``, rounded half to even and clipped.

    :raises ModelError: if a value is NaN or infinite, which no integer can stand for.
    """
    if not np.isfinite(values).all():
        raise ModelError(
            "cannot quantize: the values contain NaN or infinity; look for them in the model's data"
        )
    limits = np.iinfo(DTYPES[dtype])
    integers: NDArray[np.float64] = np.rint(values.astype(np.float64) / scale) + zero_point
    return np.clip(integers, limits.min, limits.max).astype(DTYPES[dtype])


def dequantize(integers: NDArray[Any], scale: float, zero_point: int) -> NDArray[np.float64]:
    """Return the real values that ``integers`` stand for."""
    return (integers.astype(np.float64) - zero_point) * scale


def encode(samples: NDArray[Any], tensor: Tensor) -> list[bytes]:
    """Return each sample as the bytes that the model's input ``tensor`` takes.

    :param samples: float32 ``[n, *shape]``.
    :raises ModelError: if a sample's size or type does not fit the tensor.
    """
    dtype = _dtype(tensor)
    elements = int(np.prod(tensor.shape, dtype=np.int64))
    if samples[0].size != elements:
        raise ModelError(
            f"a check sample has {samples[0].size} elements but input "
            f"'{tensor.name}' takes {elements} (shape {tensor.shape}); check the model's dataset"
        )
    if not np.isfinite(samples).all():
        raise ModelError("the check samples contain NaN or infinity; fix the dataset")
    if tensor.dtype == "float32":
        encoded: NDArray[Any] = samples.astype(dtype)
    else:
        encoded = quantize(samples, *_affine(tensor), tensor.dtype)
    return [sample.tobytes() for sample in encoded]


def encode_all(samples: Sequence[NDArray[Any]], tensors: Sequence[Tensor]) -> list[bytes]:
    """Return each sample as the bytes of all the model's inputs in a row.

    :param samples: one float32 ``[n, *shape]`` per input tensor.
    :raises ModelError: if there are more or fewer inputs than samples for them.
    """
    if len(samples) != len(tensors):
        raise ModelError(
            f"there are check samples for {len(samples)} inputs, but the model has "
            f"{len(tensors)}; check the model's dataset"
        )
    parts = [encode(a, t) for a, t in zip(samples, tensors, strict=True)]
    return [b"".join(sample) for sample in zip(*parts, strict=True)]


def split_samples(raw: Sequence[bytes], tensors: Sequence[Tensor]) -> list[NDArray[Any]]:
    """Return what :func:`encode_all` made of the samples as one array ``[n, *shape]`` per input.

    The arrays have the types that the model's inputs have.
    """
    arrays, start = [], 0
    for tensor in tensors:
        end = start + bytes_per_sample(tensor)
        rows = [np.frombuffer(sample[start:end], _dtype(tensor)) for sample in raw]
        arrays.append(np.stack(rows).reshape(len(raw), *tensor.shape[1:]))
        start = end
    return arrays


def decode(raw: Sequence[bytes], tensor: Tensor) -> NDArray[np.float64]:
    """Return raw output bytes of each sample as real values ``[n, elements]``.

    Every entry of ``raw`` must hold exactly one output tensor.
    """
    dtype = _dtype(tensor)
    stored = np.stack([np.frombuffer(sample, dtype=dtype) for sample in raw])
    if tensor.dtype == "float32":
        return stored.astype(np.float64)
    return dequantize(stored, *_affine(tensor))


def bytes_per_sample(tensor: Tensor) -> int:
    """Return how many bytes one value of ``tensor`` takes."""
    return int(np.prod(tensor.shape, dtype=np.int64)) * _dtype(tensor).itemsize


def step(tensor: Tensor) -> float:
    """Return the distance of two neighbouring real values of ``tensor``; 0 for floats."""
    return tensor.quantization.scales[0] if tensor.quantization else 0.0


def _dtype(tensor: Tensor) -> np.dtype[Any]:
    try:
        return DTYPES[tensor.dtype]
    except KeyError:
        raise ModelError(
            f"tensor '{tensor.name}' is of type {tensor.dtype}; inputs and outputs are "
            f"one of {', '.join(DTYPES)}. Convert the model with one of these"
        ) from None


def _affine(tensor: Tensor) -> tuple[float, int]:
    quantization = tensor.quantization
    if quantization is None or not quantization.scales:
        # An integer tensor without parameters carries plain integers, such as class indices.
        return 1.0, 0
    if len(quantization.scales) != 1 or len(quantization.zero_points) != 1:
        raise ModelError(
            f"tensor '{tensor.name}' is quantized per channel; inputs and outputs are "
            "quantized per tensor. Convert the model again"
        )
    if not quantization.scales[0] > 0:
        raise ModelError(
            f"tensor '{tensor.name}' has the scale {quantization.scales[0]}, and a scale is "
            "above 0. Convert the model again"
        )
    return quantization.scales[0], quantization.zero_points[0]
