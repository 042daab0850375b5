"""What runs in the converter's own process, which has TensorFlow and Keras 3.

Every function takes one JSON object and leaves its result in the files named there; arrays travel
as npz files with ``inputs_0``, ``inputs_1``, ...
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from pytest_tinyquant.models.discovery import load_keras
from pytest_tinyquant.models.graph import sample_shape
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.schemes.converter_settings import Arrays
from pytest_tinyquant.schemes.converter_settings import configure
from pytest_tinyquant.schemes.converter_settings import converted
from pytest_tinyquant.schemes.exchange import save_reference
from pytest_tinyquant.schemes.exchange import stacked_inputs
from pytest_tinyquant.schemes.keras_graph import write_graph
from pytest_tinyquant.schemes.old_files import with_axes_in_range


def convert(request: dict[str, Any]) -> None:
    """Convert a Keras model or SavedModel.

    :param request: ``kind`` and ``path`` of the model; ``scheme`` (the fields of
        :class:`pytest_tinyquant.schemes.scheme.Scheme`); ``dense_per_channel``;
        ``calibration`` (npz, None if the scheme needs none); ``output`` (the ``.tflite`` to write).
    """
    configure()
    Path(request["output"]).write_bytes(converted(_frozen(request), request))


def keras_graph(request: dict[str, Any]) -> None:
    """Write a Keras model for a process that has legacy Keras.

    :param request: ``kind`` and ``path`` of the model; ``output`` (npz).
    """
    path = Path(request["path"])
    model = load_keras(path) if request["kind"] == "zoo" else None
    if model is None:
        model = keras.saving.load_model(path, compile=False)
    write_graph(model, Path(request["output"]))


def keras_reference(request: dict[str, Any]) -> None:
    """Write the float outputs of a Keras model or SavedModel, one sample after the other.

    :param request: ``kind`` and ``path`` of the model; ``samples`` and ``output`` (npz).
    """
    configure()
    function = _frozen(request)
    inputs = stacked_inputs(request["samples"])
    outputs: list[Arrays] = []
    for sample in zip(*inputs, strict=True):
        result = function(*(tf.constant(array[np.newaxis]) for array in sample))
        outputs.append([tensor.numpy()[0] for tensor in tf.nest.flatten(result)])
    save_reference(request["output"], inputs, _by_output(outputs))


def tflite_reference(request: dict[str, Any]) -> None:
    """Write the outputs of TensorFlow Lite's kernels, dequantized.

    :param request: ``path`` of the ``.tflite``; ``samples`` (float32) and ``output`` (npz);
        ``kernels``: ``reference``, the default, or ``optimized``.
    """
    configure()
    optimized = request.get("kernels") == "optimized"
    interpreter = _interpreter(request["path"], optimized=optimized)
    keeps_variables = _keeps_variables(Path(request["path"]))
    inputs = stacked_inputs(request["samples"])
    outputs: list[Arrays] = []
    for sample in zip(*inputs, strict=True):
        # Every sample is a sequence of its own; variables behind handles survive a reset.
        if keeps_variables:
            interpreter = _interpreter(request["path"], optimized=optimized)
        interpreter.reset_all_variables()
        for detail, array in zip(interpreter.get_input_details(), sample, strict=True):
            interpreter.set_tensor(detail["index"], _quantized(array, detail))
        interpreter.invoke()
        details = interpreter.get_output_details()
        results = [_dequantized(interpreter.get_tensor(d["index"]), d) for d in details]
        outputs.append([result.reshape(sample_shape(result.shape)) for result in results])
    save_reference(request["output"], inputs, _by_output(outputs))


def _interpreter(path: str, *, optimized: bool) -> Any:
    kernels = tf.lite.experimental.OpResolverType
    interpreter = tf.lite.Interpreter(
        model_content=with_axes_in_range(Path(path)),
        experimental_op_resolver_type=kernels.AUTO if optimized else kernels.BUILTIN_REF,
        num_threads=1,
    )
    interpreter.allocate_tensors()
    return interpreter


def _keeps_variables(path: Path) -> bool:
    """Tell whether a model has variables that only a new interpreter forgets."""
    graph = read_graph(path.read_bytes(), where=str(path))
    return any(operator.op == "VAR_HANDLE" for part in graph.parts() for operator in part.operators)


def tflite_layers(request: dict[str, Any]) -> None:
    """Write tensors of a ``.tflite`` as TensorFlow Lite's kernels compute them, dequantized.

    :param request: ``path`` of the file; ``samples`` (float32) and ``output`` (npz); ``tensors``,
        the indices of those wanted.
    """
    configure()
    interpreter = tf.lite.Interpreter(
        model_content=with_axes_in_range(Path(request["path"])),
        experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
        num_threads=1,
    )
    interpreter.allocate_tensors()
    details = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    values: dict[int, list[np.ndarray[Any, Any]]] = {index: [] for index in request["tensors"]}
    for sample in zip(*stacked_inputs(request["samples"]), strict=True):
        interpreter.reset_all_variables()
        for detail, array in zip(interpreter.get_input_details(), sample, strict=True):
            interpreter.set_tensor(detail["index"], _quantized(array, detail))
        interpreter.invoke()
        for index, taken in values.items():
            taken.append(_dequantized(interpreter.get_tensor(index), details[index]))
    stacked = {f"tensor_{index}": np.stack(taken) for index, taken in values.items()}
    np.savez(request["output"], **stacked)  # type: ignore[arg-type]


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
        function, specs = _of_keras(keras.saving.load_model(path, compile=False))
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
    """Return a SavedModel's default signature as a function of its inputs, and their specs."""
    loaded = tf.saved_model.load(str(directory))
    _, named = loaded.signatures["serving_default"].structured_input_signature

    def call(*tensors: Any) -> Any:
        # The signature refers to variables that live as long as `loaded` only.
        return loaded.signatures["serving_default"](**dict(zip(named, tensors, strict=True)))

    return call, [tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in named.items()]


def _fixed(spec: Any, index: int) -> Any:
    """Return `spec` with a batch of 1."""
    if spec.shape.rank is None or spec.shape.rank < 1 or None in list(spec.shape)[1:]:
        raise ValueError(
            f"input {index} ({spec.name}) has shape {spec.shape}: every dimension but the first, "
            "the batch, must be fixed"
        )
    return tf.TensorSpec([1, *spec.shape[1:]], spec.dtype, name=f"input_{index}")


def _quantized(array: np.ndarray[Any, Any], detail: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Return one float sample as the tensor of `detail` takes it."""
    dtype = np.dtype(detail["dtype"])
    if np.issubdtype(dtype, np.integer):
        scale, zero_point = detail["quantization"]
        limits = np.iinfo(dtype)
        # The division in double, as the devices' inputs are computed; round half to even.
        steps = np.rint(array.astype(np.float64) / (scale or 1.0)) + zero_point
        array = np.clip(steps, limits.min, limits.max)
    return array.astype(dtype).reshape(detail["shape"])


def _dequantized(array: np.ndarray[Any, Any], detail: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Return the tensor of `detail` as float32."""
    scale, zero_point = detail["quantization"]
    if scale:
        array = (array.astype(np.float64) - zero_point) * scale
    return array.astype(np.float32)


def _by_output(outputs: list[Arrays]) -> Arrays:
    """Return one array [n, ...] per output of what each sample gave."""
    return [np.stack(samples).astype(np.float32) for samples in zip(*outputs, strict=True)]
