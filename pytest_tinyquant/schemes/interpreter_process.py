"""What runs TensorFlow Lite's interpreter, in a process that has TensorFlow or ai-edge-litert.

Both packages carry the same interpreter. Every function takes one JSON object, whose ``library``
names the package to take it from, and leaves its result in the file named there.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from pytest_tinyquant.models.graph import sample_shape
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.schemes.old_files import with_axes_in_range
from pytest_tinyquant.schemes.saved_arrays import Arrays
from pytest_tinyquant.schemes.saved_arrays import load_arrays
from pytest_tinyquant.schemes.saved_arrays import save_answers


_INTERPRETERS = {
    "tensorflow": "tensorflow.lite.python.interpreter",
    "ai_edge_litert": "ai_edge_litert.interpreter",
}
_SCHEMAS = {
    "tensorflow": "tensorflow.lite.python.schema_py_generated",
    "ai_edge_litert": "ai_edge_litert.schema_py_generated",
}


def answers(request: dict[str, Any]) -> None:
    """Write the outputs of TensorFlow Lite's kernels, dequantized.

    :param request: ``path`` of the ``.tflite``; ``samples`` (float32) and ``output`` (npz);
        ``kernels``: ``reference``, the default, or ``optimized``; ``library``; ``steps``, samples
        that make a sequence, 1 by default.
    """
    optimized = request.get("kernels") == "optimized"
    interpreter = _interpreter(request, optimized=optimized)
    keeps_variables = _keeps_variables(Path(request["path"]))
    inputs = load_arrays(Path(request["samples"]))
    outputs: list[Arrays] = []
    for number, sample in enumerate(zip(*inputs, strict=True)):
        begins = number % request.get("steps", 1) == 0
        # Variables behind handles survive a reset.
        if begins and keeps_variables:
            interpreter = _interpreter(request, optimized=optimized)
        _invoke(interpreter, sample, begins=begins)
        details = interpreter.get_output_details()
        results = [_dequantized(interpreter.get_tensor(d["index"]), d) for d in details]
        outputs.append([result.reshape(sample_shape(result.shape)) for result in results])
    save_answers(Path(request["output"]), inputs, outputs)


def layers(request: dict[str, Any]) -> None:
    """Write tensors of a ``.tflite`` as TensorFlow Lite's kernels compute them, dequantized.

    :param request: ``path`` of the file; ``samples`` (float32) and ``output`` (npz); ``tensors``,
        the indices of those wanted; ``library``; ``kernels`` as for :func:`answers`; ``raw``: true
        for the tensors as they are stored.
    """
    optimized = request.get("kernels") == "optimized"
    interpreter = _interpreter(request, optimized=optimized, experimental_preserve_all_tensors=True)
    details = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    values: dict[int, Arrays] = {index: [] for index in request["tensors"]}
    for sample in zip(*load_arrays(Path(request["samples"])), strict=True):
        _invoke(interpreter, sample)
        for index, taken in values.items():
            array = interpreter.get_tensor(index)
            taken.append(array if request.get("raw") else _dequantized(array, details[index]))
    stacked = {f"tensor_{index}": np.stack(taken) for index, taken in values.items()}
    np.savez(request["output"], **stacked)  # type: ignore[arg-type]


def _interpreter(request: dict[str, Any], *, optimized: bool = False, **options: Any) -> Any:
    library = importlib.import_module(_INTERPRETERS[request["library"]])
    schema = importlib.import_module(_SCHEMAS[request["library"]])
    kernels = library.OpResolverType
    interpreter = library.Interpreter(
        model_content=with_axes_in_range(Path(request["path"]), schema),
        experimental_op_resolver_type=kernels.AUTO if optimized else kernels.BUILTIN_REF,
        num_threads=1,
        **options,
    )
    interpreter.allocate_tensors()
    return interpreter


def _invoke(
    interpreter: Any, sample: tuple[np.ndarray[Any, Any], ...], *, begins: bool = True
) -> None:
    if begins:
        interpreter.reset_all_variables()
    for detail, array in zip(interpreter.get_input_details(), sample, strict=True):
        interpreter.set_tensor(detail["index"], _quantized(array, detail))
    interpreter.invoke()


def _keeps_variables(path: Path) -> bool:
    """Tell whether a model has variables that only a new interpreter forgets."""
    graph = read_graph(path.read_bytes(), where=str(path))
    return any(operator.op == "VAR_HANDLE" for part in graph.parts() for operator in part.operators)


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
