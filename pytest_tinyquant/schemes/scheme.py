"""The quantization schemes: which settings TensorFlow Lite's converter is given.

The seven schemes and their settings are those of EdgeMark's study of 2024, so that results can be
compared with its figures. They are data; :mod:`pytest_tinyquant.schemes.convert` applies them.
"""

from __future__ import annotations

from dataclasses import dataclass


INT16_ACTIVATIONS = "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8"


@dataclass(frozen=True)
class Scheme:
    """Settings of ``tf.lite.TFLiteConverter`` under one name.

    :param name: the name on the command line and in test ids.
    :param optimize: sets ``optimizations`` to ``[tf.lite.Optimize.DEFAULT]``.
    :param representative: gives the model's calibration samples as ``representative_dataset``.
    :param io_dtype: ``inference_input_type`` and ``inference_output_type``: ``float32``, ``int8``
        or ``int16``.
    :param supported_ops: names of ``tf.lite.OpsSet`` for ``target_spec.supported_ops``; empty for
        the converter's default.
    :param supported_types: names of ``tf`` types for ``target_spec.supported_types``; empty for
        the converter's default.
    :param description: one line for the user.
    """

    name: str
    optimize: bool
    representative: bool
    io_dtype: str
    supported_ops: tuple[str, ...]
    supported_types: tuple[str, ...]
    description: str


def _by_name(*schemes: Scheme) -> dict[str, Scheme]:
    """Return `schemes` by their names, in the order given."""
    return {scheme.name: scheme for scheme in schemes}


SCHEMES: dict[str, Scheme] = _by_name(
    Scheme(
        name="basic",
        optimize=False,
        representative=False,
        io_dtype="float32",
        supported_ops=(),
        supported_types=(),
        description="float32, not quantized",
    ),
    Scheme(
        name="dynamic",
        optimize=True,
        representative=False,
        io_dtype="float32",
        supported_ops=(),
        supported_types=(),
        description="int8 weights, float32 activations quantized at run time",
    ),
    Scheme(
        name="float16",
        optimize=True,
        representative=False,
        io_dtype="float32",
        supported_ops=(),
        supported_types=("float16",),
        description="float16 weights, float32 activations",
    ),
    Scheme(
        name="int8",
        optimize=True,
        representative=True,
        io_dtype="float32",
        supported_ops=(),
        supported_types=(),
        description="int8 weights and activations, float32 input and output",
    ),
    Scheme(
        name="int8-only",
        optimize=True,
        representative=True,
        io_dtype="int8",
        supported_ops=("TFLITE_BUILTINS_INT8",),
        supported_types=(),
        description="int8 weights, activations, input and output",
    ),
    Scheme(
        name="16x8",
        optimize=True,
        representative=True,
        io_dtype="float32",
        supported_ops=(INT16_ACTIVATIONS, "TFLITE_BUILTINS"),
        supported_types=(),
        description="int8 weights, int16 activations, float32 input and output",
    ),
    Scheme(
        name="16x8-only",
        optimize=True,
        representative=True,
        io_dtype="int16",
        supported_ops=(INT16_ACTIVATIONS,),
        supported_types=(),
        description="int8 weights, int16 activations, input and output",
    ),
)
