"""What runs in the converter's own process, which has TensorFlow and Keras 3.

Every function takes one JSON object and leaves its result in the files named there; arrays travel
as npz files with ``inputs_0``, ``inputs_1``, ...
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from pytest_tinyquant.models.discovery import load_keras
from pytest_tinyquant.schemes.converter_settings import as_taken
from pytest_tinyquant.schemes.converter_settings import configure
from pytest_tinyquant.schemes.converter_settings import converted
from pytest_tinyquant.schemes.keras_graph import write_graph
from pytest_tinyquant.schemes.saved_arrays import Arrays
from pytest_tinyquant.schemes.saved_arrays import load_arrays
from pytest_tinyquant.schemes.saved_arrays import save_answers
from pytest_tinyquant.schemes.saved_keras import load_saved


def convert(request: dict[str, Any]) -> None:
    """Convert a Keras model or SavedModel.

    :param request: ``kind``, ``path`` and ``custom_objects`` of the model; ``scheme`` (the fields
        of :class:`pytest_tinyquant.schemes.scheme.Scheme`); ``dense_per_channel``;
        ``calibration`` (npz, None if the scheme needs none); ``output`` (the ``.tflite`` to write).
    """
    configure()
    Path(request["output"]).write_bytes(converted(_frozen(request), request))


def keras_graph(request: dict[str, Any]) -> None:
    """Write a Keras model for a process that has legacy Keras.

    :param request: ``kind``, ``path`` and ``custom_objects`` of the model; ``output`` (npz).
    """
    path = Path(request["path"])
    model = load_keras(path) if request["kind"] == "zoo" else None
    if model is None:
        model = load_saved(path, request.get("custom_objects", ()))
    write_graph(model, Path(request["output"]))


def keras_reference(request: dict[str, Any]) -> None:
    """Write the float outputs of a Keras model or SavedModel, one sample after the other.

    :param request: ``kind``, ``path`` and ``custom_objects`` of the model; ``samples`` and
        ``output`` (npz).
    """
    configure()
    function = _frozen(request)
    inputs = load_arrays(Path(request["samples"]))
    outputs: list[Arrays] = []
    for sample in zip(*inputs, strict=True):
        result = function(*as_taken(function, sample))
        outputs.append([tensor.numpy()[0] for tensor in tf.nest.flatten(result)])
    save_answers(Path(request["output"]), inputs, outputs)


def _frozen(request: dict[str, Any]) -> Any:
    """Return the model as a function of batch 1 with its weights as constants.

    With an open batch dimension the converter would compute shapes at run time (SHAPE,
    STRIDED_SLICE, PACK), which costs flash and RAM on a device that only ever sees one sample.
    """
    path = Path(request["path"])
    if request["kind"] == "zoo":
        function, specs = _of_keras(load_keras(path))
    elif path.is_dir():
        function, specs = _of_saved_model(path)
    else:
        function, specs = _of_keras(load_saved(path, request.get("custom_objects", ())))
    fixed = [_fixed(spec, index) for index, spec in enumerate(specs)]
    traced = tf.function(function, input_signature=fixed, autograph=False)
    return convert_variables_to_constants_v2(traced.get_concrete_function())


def _of_keras(model: Any) -> tuple[Callable[..., Any], list[Any]]:
    """Return a Keras model's inference function of flat inputs, and their specs."""
    structure = model.inputs[0] if isinstance(model, keras.Sequential) else model.input

    def call(*tensors: Any) -> Any:
        return model(tf.nest.pack_sequence_as(structure, tensors), training=False)

    return call, [tf.TensorSpec(t.shape, t.dtype, t.name) for t in tf.nest.flatten(structure)]


def _of_saved_model(directory: Path) -> tuple[Callable[..., Any], list[Any]]:
    """Return a SavedModel's default signature as a function of its inputs, sorted by name."""
    loaded = tf.saved_model.load(str(directory))
    _, named = loaded.signatures["serving_default"].structured_input_signature
    names = sorted(named)

    def call(*tensors: Any) -> Any:
        # The signature refers to variables that live as long as `loaded` only.
        return loaded.signatures["serving_default"](**dict(zip(names, tensors, strict=True)))

    return call, [tf.TensorSpec(named[n].shape, named[n].dtype, n) for n in names]


def _fixed(spec: Any, index: int) -> Any:
    """Return `spec` with a batch of 1."""
    if spec.shape.rank is None or spec.shape.rank < 1 or None in list(spec.shape)[1:]:
        raise ValueError(
            f"input {index} ({spec.name}) has shape {spec.shape}: every dimension but the first, "
            "the batch, must be fixed"
        )
    return tf.TensorSpec([1, *spec.shape[1:]], spec.dtype, name=f"input_{index}")
