"""Draw layers: by hypothesis, which shrinks what fails, or from a seed, which is fast.

Scales cover the range that converters produce and more, zero points and data their extremes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from typing import Protocol

import numpy as np
from drawn_layers.spec import OperatorSpec
from drawn_layers.spec import TensorSpec
from hypothesis import strategies as st


LIMITS = {
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "int32": (-1000, 1000),
    "int64": (-1000, 1000),
    "bool": (0, 1),
}
UNQUANTIZED = frozenset({"float32", "int32", "int64", "bool"})
BIAS_TYPES = {"float32": "float32", "int8": "int32", "int16": "int64"}


class Choices(Protocol):
    """Where all randomness comes from."""

    def integer(self, low: int, high: int) -> int:
        """Choose from [low, high]."""

    def random(self) -> np.random.Generator:
        """Return what bulk data is drawn from."""


class ByHypothesis:
    """Choices of hypothesis, which are repeated, varied and shrunk."""

    def __init__(self, data: Any) -> None:
        self._data = data

    def integer(self, low: int, high: int) -> int:
        drawn: int = self._data.draw(st.integers(low, high))
        return drawn

    def random(self) -> np.random.Generator:
        return np.random.default_rng(self.integer(0, 2**32 - 1))


class BySeed:
    """Choices that follow from one number."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def integer(self, low: int, high: int) -> int:
        return int(self._random.integers(low, high, endpoint=True))

    def random(self) -> np.random.Generator:
        return self._random


@dataclass(frozen=True)
class Layer:
    """An operator with the samples it is to be run on, one after the other.

    Integer outputs must be the same bytes everywhere. Float outputs may differ by `ulp` units in
    the last place or, where it is given, by the absolute `bound`. `defined` takes the outputs of a
    sample and returns them with 0 where TensorFlow Lite Micro writes nothing.
    """

    spec: OperatorSpec
    samples: list[list[np.ndarray]]
    ulp: int = 0
    bound: float | None = None
    defined: Callable[[list[np.ndarray]], list[np.ndarray]] | None = None

    @cached_property
    def model(self) -> bytes:
        """The .tflite file."""
        return self.spec.model()


class Draw:
    """Draws the parts of a layer; `input_sets` is the number of samples it is to have."""

    def __init__(self, choices: Choices, input_sets: int) -> None:
        self.integer = choices.integer
        self.random = choices.random
        self.input_sets = input_sets

    def choice(self, options: Sequence[Any]) -> Any:
        return options[self.integer(0, len(options) - 1)]

    def permutation(self, count: int) -> list[int]:
        left = list(range(count))
        return [left.pop(self.integer(0, len(left) - 1)) for _ in range(count)]

    def shape(self, *limits: int) -> tuple[int, ...]:
        """Draw a shape with axis i in [1, limits[i]]."""
        return tuple(self.integer(1, limit) for limit in limits)

    def scale(self, low: int, high: int) -> float:
        """Draw a scale in [2**low, 2**high), often a power of two, whose ratios produce ties.

        Others have all of float32's bits, which tell products in float32 from those in double.
        """
        mantissa = 1 << 23
        if self.integer(0, 2):
            mantissa = self.integer(1 << 23, (1 << 24) - 1)
        return float(np.float32(math.ldexp(mantissa, self.integer(low, high - 1) - 23)))

    def zero_point(self, dtype: str) -> int:
        if dtype not in {"int8", "uint8"}:
            return 0
        low, high = LIMITS[dtype]
        zero_point: int = self.choice([low, high, 0, self.integer(low, high)])
        return zero_point

    def values(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """Draw random values, only extremes, or all equal."""
        kind = self.choice(["random", "extremes", "equal"])
        random = self.random()
        if dtype == "float32":
            return _float_values(kind, random, shape)
        low, high = LIMITS[dtype]
        if kind == "extremes":
            return random.choice([low, high], shape).astype(dtype)
        if kind == "equal":
            return np.full(shape, random.integers(low, high + 1), dtype)
        return random.integers(low, high + 1, shape).astype(dtype)

    def activation(
        self, shape: tuple[int, ...], dtype: str, low: int = -9, high: int = 0
    ) -> TensorSpec:
        """Draw a tensor computed at run time, quantized unless it is float32."""
        if dtype in UNQUANTIZED:
            return TensorSpec(shape, dtype)
        return TensorSpec(shape, dtype, self.scale(low, high), self.zero_point(dtype))

    def weights(
        self, shape: tuple[int, ...], dtype: str, axis: int, per_channel: bool
    ) -> TensorSpec:
        """Draw constant weights for activations of `dtype`, symmetric in [-127, 127]."""
        if dtype == "float32":
            return TensorSpec(shape, dtype, data=self.values(shape, dtype))
        data = np.maximum(self.values(shape, "int8"), -127)
        count = shape[axis] if per_channel else 1
        scales = [self.scale(-9, -3) for _ in range(count)]
        return TensorSpec(shape, "int8", scales, 0, axis, data)

    def bias(
        self, source: TensorSpec, weights: TensorSpec, channels: int, dtype: str = ""
    ) -> TensorSpec:
        """Draw a constant bias: ordinary, or so large that every output saturates."""
        dtype = dtype or BIAS_TYPES[source.dtype]
        random = self.random()
        if dtype == "float32":
            data = random.normal(0, 3, channels).astype(dtype)
            return TensorSpec((channels,), dtype, data=data)
        limit = self.choice([20_000, 20_000, 20_000, 1 << 30])
        data = random.integers(-limit, limit, channels).astype(dtype)
        scales = [source.one_scale * scale for scale in weights.scales]
        return TensorSpec((channels,), dtype, scales, 0, 0, data)

    def layer(self, spec: OperatorSpec, ulp: int = 0, bound: float | None = None) -> Layer:
        """Draw values for every input of the model."""
        samples = [
            [self.values(tensor.shape, tensor.dtype) for tensor in spec.variable_inputs]
            for _ in range(self.input_sets)
        ]
        return Layer(spec, samples, ulp, bound)


def _float_values(kind: str, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    if kind == "extremes":
        values = random.choice([-1e6, -1.0, -0.0, 1e-30, 1.0, 1e6], shape)
    elif kind == "equal":
        values = np.full(shape, random.normal(0, 3))
    else:
        values = random.normal(0, 3, shape)
    return values.astype("float32")
