"""What to build a model of instead of an operator that no runtime has, or not on a type."""

from __future__ import annotations

from collections.abc import Mapping


_SMOOTH = (
    "'relu', 'leaky_relu' or 'swish' (sigmoid and multiplication), whose operators have kernels"
)
_FLOAT_ONLY = "or keep the layer in float with a scheme that allows it, such as int8"

_INSTEAD: Mapping[str, str] = {
    "EXP": f"'exponential', 'softplus' and 'mish' become EXP: take {_SMOOTH}, {_FLOAT_ONLY}",
    "GELU": f"take {_SMOOTH}",
    "POW": "take a multiplication, SQUARE or SQRT",
    "REDUCE_MAX": "GlobalMaxPooling becomes REDUCE_MAX: take MaxPooling over the whole input, "
    f"{_FLOAT_ONLY}",
    "RESIZE_BILINEAR": "take UpSampling2D with Conv2DTranspose or nearest neighbours by "
    f"tf.image.resize, {_FLOAT_ONLY}",
    "TILE": "UpSampling2D of nearest neighbours becomes TILE: take keras.layers.Resizing with "
    "interpolation='nearest', which becomes RESIZE_NEAREST_NEIGHBOR",
}


def advice(op: str) -> str:
    """Return a sentence on what to take instead of `op`, with a space before it; or nothing."""
    found = _INSTEAD.get(op)
    return f" In the model, {found}." if found else ""
