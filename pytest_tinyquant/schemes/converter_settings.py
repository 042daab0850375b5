"""Gives TensorFlow Lite's converter the settings of a scheme; in a process with TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_tinyquant.schemes.saved_arrays import load_arrays


def converted(function: Any, request: dict[str, Any]) -> bytes:
    """Return the ``.tflite`` of a frozen concrete function.

    :param request: ``scheme`` (what :meth:`pytest_tinyquant.schemes.settings.Scheme.content`
        returns); ``dense_per_channel``; ``calibration`` (npz), if the scheme needs it.
    """
    scheme = request["scheme"]
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    if scheme["optimize"]:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if scheme["representative"]:
        converter.representative_dataset = _representative(function, Path(request["calibration"]))
    if scheme["supported_ops"]:
        converter.target_spec.supported_ops = [
            getattr(tf.lite.OpsSet, name) for name in scheme["supported_ops"]
        ]
    if scheme["supported_types"]:
        converter.target_spec.supported_types = [
            getattr(tf, name) for name in scheme["supported_types"]
        ]
    converter.inference_input_type = getattr(tf, scheme["io_dtype"])
    converter.inference_output_type = getattr(tf, scheme["io_dtype"])
    # The study's converter had one scale per dense layer; later ones default to one per row.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = not request[
        "dense_per_channel"
    ]
    return bytes(converter.convert())


def configure() -> None:
    """Make TensorFlow use one thread and repeatable kernels."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()


def as_taken(function: Any, sample: tuple[np.ndarray[Any, Any], ...]) -> list[Any]:
    """Return a sample, float32 per input, as a batch of 1 in the types of the function's inputs."""
    inputs = function.inputs[: len(sample)]
    return [
        tf.constant(array[np.newaxis].astype(taken.dtype.as_numpy_dtype))
        for array, taken in zip(sample, inputs, strict=True)
    ]


def _representative(function: Any, file: Path) -> Callable[[], Iterator[list[Any]]]:
    """Return the converter's representative dataset: the samples of `file` in order, batch 1."""
    inputs = load_arrays(file)
    return lambda: (as_taken(function, sample) for sample in zip(*inputs, strict=True))
