"""What a process needs to load a model, and what of a model may be too much for the converter."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.models.keras_layers import check_layers
from pytest_tinyquant.models.keras_layers import rolled_layers


if TYPE_CHECKING:
    from pytest_tinyquant.models.model import Model


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


def advice(model: Model) -> str:
    """Return what may have been too much for the converter; empty if nothing is known to be."""
    if model.kind != "keras" or model.path.is_dir():
        return ""
    rolled = rolled_layers(model.path)
    if not rolled:
        return ""
    return (
        f"{model.path}: recurrent layers that loop over their steps ({', '.join(rolled)}) are more "
        "than the converter can quantize; build them with unroll=True and save the model again"
    )
