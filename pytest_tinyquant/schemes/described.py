"""What a process needs to load a model, and what of a model may be too much for the converter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.models.keras_layers import check_layers
from pytest_tinyquant.models.keras_layers import rolled_layers


if TYPE_CHECKING:
    from pytest_tinyquant.models.model import Model


# What the converter says of an operator that it quantizes with int8 activations only.
_REFUSED: Final = re.compile(r"Quantization to 16x8-bit not yet supported for op: '(?P<op>\w+)'")

# What to build instead, by operator: layers that it does quantize so.
_INSTEAD: Final[Mapping[str, str]] = {
    "DIV": "The activation 'softsign' becomes DIV: take 'tanh'",
    "ELU": "Take 'leaky_relu' or 'swish'",
    "HARD_SWISH": "Take 'swish'",
    "LOG_SOFTMAX": "Take 'softmax', and the logarithm outside of the model",
    "NEG": "LayerNormalization becomes NEG and others: take BatchNormalization",
    "PRELU": "Take LeakyReLU",
}


def described(model: Model) -> dict[str, Any]:
    """Return what the other process needs to load `model`.

    :raises ConfigurationError: that would run code which the model's TOML does not name.
    """
    modules = [
        {
            "name": module.name,
            "root": None if module.root is None else str(module.root),
            "files": [str(file) for file in module.files],
        }
        for module in model.custom_objects
    ]
    if model.kind == "keras" and not model.path.is_dir():
        check_layers(model.path, has_modules=bool(modules))
    return {"kind": model.kind, "path": str(model.path.absolute()), "custom_objects": modules}


def advice(model: Model, trouble: str) -> str:
    """Return what was too much for the converter and what to do; empty if that is not known.

    :param trouble: what the converter said.
    """
    refused = _REFUSED.search(trouble)
    if refused:
        op = refused["op"]
        return (
            f"TensorFlow Lite's converter does not quantize {op} with int16 activations. "
            f"{_INSTEAD.get(op, 'Take another layer')}, or a scheme that leaves it in float32, "
            "such as 16x8"
        )
    if model.kind != "keras" or model.path.is_dir():
        return ""
    rolled = rolled_layers(model.path)
    if not rolled:
        return ""
    return (
        f"{model.path}: recurrent layers that loop over their steps ({', '.join(rolled)}) are more "
        "than the converter can quantize; build them with unroll=True and save the model again"
    )
