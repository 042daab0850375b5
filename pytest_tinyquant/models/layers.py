"""Kinds of layers: their output shapes, their costs and how Keras builds them.

They are those of the study's FC and CNN models. Convolution and pooling pad as ``SAME``; shapes are
those of one sample, without the batch dimension.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any
from typing import ClassVar


Shape = tuple[int, ...]

ACTIVATIONS = ("relu", "linear", "sigmoid", "softmax", "tanh")


class ShapeError(ValueError):
    """A layer cannot follow the one before it."""


@dataclass(frozen=True)
class Conv:
    """Convolution over [height, width, channels] with bias, then an activation layer."""

    kind: ClassVar[str] = "conv"
    filters: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    activation: str = "relu"

    def output_shape(self, shape: Shape) -> Shape:
        """[height, width, filters], the image divided by the stride and rounded up."""
        return (*_strided(self.kind, shape, self.stride), self.filters)

    def parameters(self, shape: Shape) -> int:
        """Kernel and bias."""
        return (math.prod(self.kernel) * shape[-1] + 1) * self.filters

    def macs(self, shape: Shape) -> int:
        """Multiply-accumulates, those with padding zeros included."""
        return math.prod(self.output_shape(shape)) * math.prod(self.kernel) * shape[-1]

    def keras_layers(self, name: str) -> list[Any]:
        """Build the Keras layers."""
        import keras

        return [
            keras.layers.Conv2D(self.filters, self.kernel, self.stride, "same", name=name),
            keras.layers.Activation(self.activation, name=f"{name}_{self.activation}"),
        ]


class WithoutWeights:
    """A layer that neither learns nor multiplies."""

    def parameters(self, shape: Shape) -> int:
        """Count no parameters."""
        return 0

    def macs(self, shape: Shape) -> int:
        """Count no multiply-accumulates."""
        return 0


@dataclass(frozen=True)
class MaxPool(WithoutWeights):
    """Maximum over windows of [height, width, channels]."""

    kind: ClassVar[str] = "maxpool"
    size: tuple[int, int]
    stride: tuple[int, int]

    def output_shape(self, shape: Shape) -> Shape:
        """[height, width, channels], the image divided by the stride and rounded up."""
        return (*_strided(self.kind, shape, self.stride), shape[2])

    def keras_layers(self, name: str) -> list[Any]:
        """Build the Keras layers."""
        import keras

        return [keras.layers.MaxPooling2D(self.size, self.stride, "same", name=name)]


@dataclass(frozen=True)
class GlobalAveragePool(WithoutWeights):
    """Mean over height and width."""

    kind: ClassVar[str] = "global_average_pool"

    def output_shape(self, shape: Shape) -> Shape:
        """[channels]."""
        _require_image(self.kind, shape)
        return shape[2:]

    def keras_layers(self, name: str) -> list[Any]:
        """Build the Keras layers."""
        import keras

        return [keras.layers.GlobalAveragePooling2D(name=name)]


@dataclass(frozen=True)
class Flatten(WithoutWeights):
    """All elements in one dimension."""

    kind: ClassVar[str] = "flatten"

    def output_shape(self, shape: Shape) -> Shape:
        """[elements]."""
        return (math.prod(shape),)

    def keras_layers(self, name: str) -> list[Any]:
        """Build the Keras layers."""
        import keras

        return [keras.layers.Flatten(name=name)]


@dataclass(frozen=True)
class Dense:
    """Fully connected layer with bias and activation."""

    kind: ClassVar[str] = "dense"
    units: int
    activation: str = "relu"

    def output_shape(self, shape: Shape) -> Shape:
        """[units]."""
        if len(shape) != 1:
            raise ShapeError(f"dense needs one dimension, not {list(shape)}; put a flatten before")
        return (self.units,)

    def parameters(self, shape: Shape) -> int:
        """Kernel and bias."""
        return (shape[0] + 1) * self.units

    def macs(self, shape: Shape) -> int:
        """Multiply-accumulates."""
        return shape[0] * self.units

    def keras_layers(self, name: str) -> list[Any]:
        """Build the Keras layers."""
        import keras

        return [keras.layers.Dense(self.units, activation=self.activation, name=name)]


Layer = Conv | MaxPool | GlobalAveragePool | Flatten | Dense


def _require_image(kind: str, shape: Shape) -> None:
    if len(shape) != 3:
        raise ShapeError(f"{kind} needs [height, width, channels], not {list(shape)}")


def _strided(kind: str, shape: Shape, stride: tuple[int, int]) -> tuple[int, int]:
    _require_image(kind, shape)
    return -(-shape[0] // stride[0]), -(-shape[1] // stride[1])
