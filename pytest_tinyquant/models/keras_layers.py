"""What the layers in a Keras file say of themselves, without loading it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import Final

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.models.keras_file import read_config
from pytest_tinyquant.models.model_search import settings_file


_RECURRENT: Final = {"LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}


@dataclass(frozen=True)
class LayerEntry:
    """An object in the file's description of the model.

    :param name: the layer's name; a function's own.
    :param module: where its class is from, such as ``keras.layers``; empty where that is not said.
    """

    name: str
    class_name: str
    module: str
    config: Any


def check_layers(path: Path, *, has_modules: bool) -> None:
    """Check that Keras can load the layers without code that nobody has named.

    :param has_modules: whether the model's TOML names modules with objects of its own.
    :raises ConfigurationError: it needs such code, or keeps code in the file.
    """
    for entry in entries(path):
        if entry.class_name == "Lambda" and not _is_foreign(entry):
            raise ConfigurationError(
                f"{path}: layer {entry.name!r} is a Lambda, which keeps Python code in the file; "
                "that is never run. Use layers of Keras, or write the code as a layer of your own "
                f'and name its module: custom_objects = "MODULE" in {settings_file(path)}'
            )
        if _is_foreign(entry) and not has_modules:
            kind = "function" if entry.class_name == "function" else "class"
            raise ConfigurationError(
                f"{path}: {kind} {_told(entry)} is none of Keras's own. Name the module that "
                f'defines it: custom_objects = "MODULE" in {settings_file(path)}'
            )


def rolled_layers(path: Path) -> list[str]:
    """Return the names of recurrent layers that run a loop over their steps."""
    return [
        entry.name
        for entry in entries(path)
        if entry.class_name in _RECURRENT and not dict(entry.config).get("unroll")
    ]


def integer_inputs(path: Path) -> list[str]:
    """Return the names of inputs of integers, such as indices for an Embedding."""
    return [
        entry.name
        for entry in entries(path)
        if entry.class_name == "InputLayer" and "int" in str(dict(entry.config).get("dtype"))
    ]


def entries(path: Path) -> Iterator[LayerEntry]:
    """Yield every object that the description names with its class, at any depth.

    :raises ModelError: Keras did not write the file.
    """
    yield from _entries(read_config(path))


def _entries(value: Any) -> Iterator[LayerEntry]:
    if isinstance(value, dict):
        class_name, config = value.get("class_name"), value.get("config")
        if isinstance(class_name, str) and isinstance(config, dict | str):
            name = config if isinstance(config, str) else config.get("name", "")
            module = value.get("module")
            if module is None and value.get("registered_name"):
                module = "__main__"
            found = config if isinstance(config, dict) else {}
            yield LayerEntry(str(name), class_name, str(module or ""), found)
        for part in value.values():
            yield from _entries(part)
    elif isinstance(value, list):
        for part in value:
            yield from _entries(part)


def _is_foreign(entry: LayerEntry) -> bool:
    """Tell whether an object is defined by somebody else than Keras."""
    top = entry.module.partition(".")[0]
    if top == "builtins":
        return entry.class_name == "function"
    return top not in ("", "keras")


def _told(entry: LayerEntry) -> str:
    if entry.class_name == "function":
        return repr(entry.name)
    where = f" of layer {entry.name!r}" if entry.name else ""
    return f"{entry.class_name!r}{where}"
