"""Sequential networks as data: their shapes, their costs and their Keras model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.models.layers import ACTIVATIONS
from pytest_tinyquant.models.layers import Conv
from pytest_tinyquant.models.layers import Dense
from pytest_tinyquant.models.layers import Flatten
from pytest_tinyquant.models.layers import GlobalAveragePool
from pytest_tinyquant.models.layers import Layer
from pytest_tinyquant.models.layers import MaxPool
from pytest_tinyquant.models.layers import Shape
from pytest_tinyquant.models.layers import ShapeError
from pytest_tinyquant.system.toml_table import Table


if TYPE_CHECKING:
    import keras

_KEYS: Mapping[str, tuple[str, ...]] = {
    "conv": ("filters", "kernel", "stride", "activation"),
    "maxpool": ("size", "stride"),
    "global_average_pool": (),
    "flatten": (),
    "dense": ("units", "activation"),
}


@dataclass(frozen=True)
class Architecture:
    """A sequential network for inputs of `input_shape`."""

    input_shape: Shape
    layers: tuple[Layer, ...]

    @property
    def output_shape(self) -> Shape:
        """Shape of one sample's output."""
        return self.layers[-1].output_shape(self.layer_inputs()[-1])

    @property
    def output_activation(self) -> str:
        """Activation of the last layer, ``linear`` if it has none."""
        return getattr(self.layers[-1], "activation", "linear")

    def layer_inputs(self) -> tuple[Shape, ...]:
        """Return the input shape of each layer; raises ShapeError where two do not fit."""
        shapes = [self.input_shape]
        for layer in self.layers:
            shapes.append(layer.output_shape(shapes[-1]))
        return tuple(shapes[:-1])


def read_architecture(table: Table) -> Architecture:
    """Read `input_shape` and `layers` of a model file's ``[model]`` table."""
    input_shape = table.array("input_shape", int)
    if not input_shape or min(input_shape) < 1:
        raise table.error(f"key 'input_shape' must hold sizes of at least 1, not {input_shape}")
    layers = [
        _read_layer(Table(values, file=table.file, label=f"layers[{index}]"))
        for index, values in enumerate(table.array("layers", dict))
    ]
    if not layers:
        raise table.error("key 'layers' is empty; a model has at least one layer")
    architecture = Architecture(input_shape, tuple(layers))
    try:
        architecture.layer_inputs()
    except ShapeError as error:
        raise table.error(str(error)) from error
    return architecture


def build_keras(architecture: Architecture, *, batch_size: int | None = None) -> keras.Model:
    """Build the Keras model with fresh weights; its layer names depend on positions only."""
    import keras

    layers: list[Any] = [keras.Input(architecture.input_shape, batch_size, name="input")]
    for index, layer in enumerate(architecture.layers):
        layers += layer.keras_layers(f"{layer.kind}_{index}")
    return keras.Sequential(layers, name="model")


def weights_of(model: keras.Model) -> dict[str, Any]:
    """Return the model's float32 weight arrays by ``<layer>.<kernel|bias>``."""
    return {
        f"{layer.name}.{variable.name}": variable.numpy()
        for layer in model.layers
        for variable in layer.weights
    }


def load_weights(model: keras.Model, file: Path) -> None:
    """Set the weights that :func:`weights_of` named, from the npz `file`; all must be there."""
    from pytest_tinyquant.models.samples import read_npz

    found = read_npz(file)
    wanted = {name: array.shape for name, array in weights_of(model).items()}
    if {name: array.shape for name, array in found.items()} != wanted:
        raise ConfigurationError(
            f"{file}: these weights are not of this architecture; train it again with "
            f"'python models/train.py {file.stem}'"
        )
    model.set_weights([found[name] for name in wanted])


def _read_layer(table: Table) -> Layer:
    kind = table.choice("kind", table.get("kind", str), _KEYS)
    table.allow(("kind", *_KEYS[kind]))
    match kind:
        case "conv":
            return Conv(
                table.positive("filters"),
                _pair(table, "kernel"),
                _pair(table, "stride", 1),
                _activation(table),
            )
        case "maxpool":
            return MaxPool(_pair(table, "size"), _pair(table, "stride"))
        case "global_average_pool":
            return GlobalAveragePool()
        case "flatten":
            return Flatten()
        case _:
            return Dense(table.positive("units"), _activation(table))


def _activation(table: Table) -> str:
    return table.choice("activation", table.get("activation", str, "relu"), ACTIVATIONS)


def _pair(table: Table, key: str, default: int | None = None) -> tuple[int, int]:
    if isinstance(table.values.get(key), list):
        values = table.array(key, int)
        if len(values) != 2 or min(values) < 1:
            raise table.error(f"key {key!r} must be one size or [height, width], not {values}")
        return values[0], values[1]
    size = table.positive(key, default)
    return size, size
