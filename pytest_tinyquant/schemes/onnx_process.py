"""What is done with ONNX models, in the converter's process: import, and the reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.onnx_file import inputs_of
from pytest_tinyquant.models.onnx_file import read_onnx
from pytest_tinyquant.models.samples import channels_first
from pytest_tinyquant.models.samples import channels_last
from pytest_tinyquant.schemes.saved_arrays import load_arrays
from pytest_tinyquant.schemes.saved_arrays import save_answers


def import_model(request: dict[str, Any]) -> None:
    """Write the ``.tflite`` of an ONNX model.

    :param request: ``path`` of the model; ``output`` (the ``.tflite``); ``answer``, a JSON file
        for what is wrong with the model: class of the error, text, node and operator.
    """
    from pytest_tinyquant.schemes.onnx_import import import_onnx
    from pytest_tinyquant.schemes.onnx_steps import NodeError

    answer: dict[str, str] = {}
    try:
        Path(request["output"]).write_bytes(import_onnx(read_onnx(Path(request["path"]))))
    except ModelError as error:
        answer = {"class": "ModelError", "text": str(error)}
    except NodeError as error:
        answer = {"class": "NodeError", "text": str(error), "node": error.node, "op": error.op}
    Path(request["answer"]).write_text(json.dumps(answer), "utf-8")


def reference(request: dict[str, Any]) -> None:
    """Write what onnxruntime answers, one sample after the other, images channels-last.

    :param request: ``path`` of the model; ``samples`` (channels-last) and ``output`` (npz).
    """
    import onnxruntime

    path = Path(request["path"])
    takes = inputs_of(read_onnx(path))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # The operators as they stand in the file: fused ones round at other places.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    inputs = load_arrays(Path(request["samples"]))
    outputs: list[list[np.ndarray[Any, Any]]] = []
    for sample in zip(*inputs, strict=True):
        feed = {
            name: _as_taken(array[np.newaxis], len(shape))
            for (name, shape), array in zip(takes, sample, strict=True)
        }
        outputs.append([_as_image(np.asarray(out))[0] for out in session.run(None, feed)])
    save_answers(Path(request["output"]), inputs, outputs)


def _as_taken(array: np.ndarray[Any, Any], dimensions: int) -> np.ndarray[Any, Any]:
    """Return a sample as the model takes it: channels first, a sequence without its height."""
    first: np.ndarray[Any, Any] = channels_first(array)
    return first[:, :, 0] if dimensions == 3 else first


def _as_image(output: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return an output channels-last, a sequence as an image of height 1."""
    image: np.ndarray[Any, Any] = channels_last(output[:, :, None] if output.ndim == 3 else output)
    return image
