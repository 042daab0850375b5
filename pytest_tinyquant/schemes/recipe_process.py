"""What runs in the quantizer's own process: the only module that uses LiteRT's quantizer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.tools import flatbuffer_utils
from litert_quantizer import algorithm_manager
from litert_quantizer import calibrator
from litert_quantizer import qtyping
from litert_quantizer import quantizer
from litert_quantizer.algorithm_manager import AlgorithmName
from litert_quantizer.utils import qsv_utils
from litert_quantizer.utils import tfl_flatbuffer_utils


_ALGORITHMS = {
    "minmax": AlgorithmName.MIN_MAX_UNIFORM_QUANT,
    "mse": AlgorithmName.MSE,
    "octav": AlgorithmName.OCTAV,
    "gptq": AlgorithmName.GPTQ,
}

_SIGNATURE = "serving_default"


def quantize(request: dict[str, Any]) -> None:
    """Quantize a float ``.tflite``.

    :param request: ``path`` of the model; ``entries``, one per operator that is quantized, and
        ``io_bits``, as :mod:`pytest_tinyquant.schemes.quantizer` writes them; ``calibration``
        (npz); ``output`` (the ``.tflite`` to write) and ``answer``, a JSON file for what the
        quantizer does not support.
    """
    model = flatbuffer_utils.read_model_from_bytearray(
        bytearray(Path(request["path"]).read_bytes())
    )
    recipe, refused = _recipe(model, request)
    Path(request["answer"]).write_text(json.dumps(refused), "utf-8")
    if refused:
        return
    _sign(model)
    content = bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    work = quantizer.Quantizer(content, recipe)
    ranges = _ranges(content, work, request["calibration"]) if work.need_calibration else None
    Path(request["output"]).write_bytes(bytes(work.quantize(ranges).quantized_model))


def _recipe(model: Any, request: dict[str, Any]) -> tuple[list[dict[str, Any]], list[list[str]]]:
    """Return the quantizer's recipe, and for each entry it does not support the rule and why."""
    graph = model.subgraphs[0]
    recipe, refused = [], []
    for entry in request["entries"]:
        operator = graph.operators[entry["operator"]]
        code = model.operatorCodes[operator.opcodeIndex].builtinCode
        name = tfl_flatbuffer_utils.TFL_OP_CODE_TO_NAME.get(code)
        config = _config(entry)
        if name is not None and not _why_not(entry, name, config):
            scope = tfl_flatbuffer_utils.get_op_scope(operator, graph.tensors)
            recipe.append(_entry(f"^{re.escape(scope)}$", name, entry, config))
        elif not entry["implied"]:
            reason = "no such operator" if name is None else _why_not(entry, name, config)
            refused.append([entry["rule"], entry["label"], reason])
    for side in ("INPUT", "OUTPUT"):
        row: dict[str, Any] = {"regex": ".*", "operation": side, "algorithm_key": "no_quantize"}
        if request["io_bits"]:
            io = {"weights": 8, "activations": request["io_bits"], "granularity": "channel"}
            io |= {"algorithm": "minmax", "compute": "integer"}
            row = _entry(".*", side, io, _config(io))
        recipe.append(row)
    return recipe, refused


def _entry(scope: str, name: Any, entry: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    key = AlgorithmName.FLOAT_CASTING if entry["weights"] == 16 else _ALGORITHMS[entry["algorithm"]]
    return {"regex": scope, "operation": name, "algorithm_key": key, "op_config": config}


def _config(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of the request in the quantizer's own words."""
    half = entry["weights"] == 16
    explicit = half or entry["compute"] == "float"
    granularity = "CHANNELWISE" if entry["granularity"] == "channel" else "TENSORWISE"
    config: dict[str, Any] = {
        "weight_tensor_config": {
            "num_bits": entry["weights"],
            "symmetric": True,
            "granularity": granularity,
            "dtype": "FLOAT" if half else "INT",
        },
        "compute_precision": "FLOAT" if explicit else "INTEGER",
        "explicit_dequantize": explicit,
        "skip_checks": False,
        "min_weight_elements": 0,
    }
    if bits := entry["activations"]:
        config["activation_tensor_config"] = {
            "num_bits": bits,
            "symmetric": bits == 16,  # as the kernels of int16 want it
            "granularity": "TENSORWISE",
            "dtype": "INT",
        }
    return config


def _why_not(entry: dict[str, Any], name: Any, config: dict[str, Any]) -> str:
    """Return why the quantizer cannot do what an entry says; empty if it can."""
    key = AlgorithmName.FLOAT_CASTING if entry["weights"] == 16 else _ALGORITHMS[entry["algorithm"]]
    try:
        algorithm_manager.check_op_quantization_config(
            key, name, qtyping.OpQuantizationConfig.from_dict(config)
        )
    except ValueError as error:
        return str(error).partition("\n")[0]
    return ""


def _sign(model: Any) -> None:
    """Give the model a signature with names of our own: calibration runs nothing else."""
    graph, schema = model.subgraphs[0], flatbuffer_utils.schema_fb
    definition = schema.SignatureDefT()
    definition.signatureKey, definition.subgraphIndex = _SIGNATURE.encode(), 0
    for side, indices in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        maps = []
        for position, index in enumerate(indices):
            named = schema.TensorMapT()
            named.name, named.tensorIndex = f"{side}_{position}".encode(), int(index)
            maps.append(named)
        setattr(definition, side, maps)
    model.signatureDefs = [definition]


def _ranges(content: bytes, work: Any, calibration: str) -> Any:
    """Return the range of every tensor over the calibration samples.

    Quantizer.calibrate would average ranges over the samples, which cuts off outliers: on a
    regression model 16-bit activations had 35 times the error that minimum and maximum give.
    """
    with np.load(calibration) as arrays:
        inputs = {name: arrays[name] for name in arrays.files}
    count = len(next(iter(inputs.values())))
    samples = [
        {name: array[index : index + 1] for name, array in inputs.items()} for index in range(count)
    ]
    work_of = calibrator.Calibrator(
        content, num_threads=1, qsv_update_func=qsv_utils.min_max_update
    )
    work_of.calibrate({_SIGNATURE: samples}, work._recipe_manager)
    return work_of.get_model_qsvs()
