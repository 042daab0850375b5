"""Imported ONNX models compute onnxruntime's integers, within stated bounds.

The nightly profile does the same with five networks at full size.
"""

from __future__ import annotations

import importlib.util
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.system.cache import Cache


pytestmark = pytest.mark.skipif(
    any(
        importlib.util.find_spec(name) is None
        for name in ("onnx", "onnxruntime", "litert_quantizer")
    ),
    reason="ONNX is not installed: pip install pytest-tinyquant[onnx]",
)
nightly = pytest.mark.skipif(
    os.environ.get("HYPOTHESIS_PROFILE") != "nightly",
    reason="minutes long: in the nightly profile (HYPOTHESIS_PROFILE=nightly)",
)

NETWORKS = ("mlp", "cnn", "resnet", "mobilenet", "dscnn", "sequence")
FULL_SIZE = ("mobilenet_v2", "resnet_8", "ds_cnn", "auto_encoder", "activity_cnn")
FORMS = (
    "qdq-s8", "qdq-s8-symmetric", "qdq-s8-tensor", "qdq-u8", "qdq-mixed", "qoperator-s8",
    "qoperator-u8",
)  # fmt: skip

#: Steps of the scale between an operator's integers and onnxruntime's, both from the same inputs:
#: they round at other places.
OF_ONE_OPERATOR = 1

#: The same at the end of all layers before it, by the operator.
LARGEST_STEPS = {
    "ADD": 3,
    "AVERAGE_POOL_2D": 1,
    "CONV_2D": 5,
    "DEPTHWISE_CONV_2D": 5,
    "FULLY_CONNECTED": 4,
    "MAX_POOL_2D": 1,
    "MEAN": 1,
    "QUANTIZE": 3,
    "RELU": 3,
    "RELU6": 3,
    "SOFTMAX": 2,
}
#: Of a whole run at full size: networks of up to 13 layers, and one with 52 convolutions.
DEEP_STEPS = {"mobilenet_v2": 20}
FULL_SIZE_STEPS = 6


def compared(path: Path, cache: Cache, samples: int) -> tuple[dict[str, int], dict[str, int], int]:
    """Return the largest differences by operator, of a whole run and of single ones; their number.

    At least half of the layers with weights must be among them.
    """
    from onnx_networks import NETWORKS as MAKERS
    from onnx_networks import smooth
    from onnx_truth import every_integer
    from onnx_truth import single_differences
    from onnx_truth import whole_differences

    data = convert(load_model(path), SCHEMES["int8"], cache).read()
    graph = read_graph(data)
    inputs = smooth(MAKERS[path.stem.partition("_q")[0]]()[1], samples, 9)
    expected = every_integer(path, inputs)
    whole: dict[str, int] = defaultdict(int)
    single: dict[str, int] = defaultdict(int)
    number = 0
    for _, op, steps in whole_differences(data, graph, inputs, expected):
        whole[op] = max(whole[op], steps)
        number += 1
    for _, op, steps in single_differences(data, graph, inputs, expected):
        single[op] = max(single[op], steps)
    layers = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
    assert number >= sum(operator.op in layers for operator in graph.operators) / 2
    assert whole.keys() == single.keys()
    return dict(whole), dict(single), number


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_tensor_is_what_onnxruntime_computes(
    networks: Any, cache: Cache, name: str, form: str
) -> None:
    whole, single, _ = compared(networks(name, form), cache, 20)
    assert max(single.values()) <= OF_ONE_OPERATOR, single
    assert all(steps <= LARGEST_STEPS[op] for op, steps in whole.items()), whole


@nightly
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", FULL_SIZE)
def test_every_tensor_of_a_network_at_full_size_is_what_onnxruntime_computes(
    networks: Any, cache: Cache, name: str, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, single, number = compared(networks(name, form), cache, 5)
    with capsys.disabled():
        print(f"\n{name} {form}: {number} tensors, whole run {whole}, single operators {single}")
    assert max(single.values()) <= OF_ONE_OPERATOR, single
    assert max(whole.values()) <= DEEP_STEPS.get(name, FULL_SIZE_STEPS), whole


@pytest.mark.parametrize("change", ["scale", "order of the weights"])
def test_an_import_that_is_wrong_in_one_operator_is_noticed(
    networks: Any, cache: Cache, change: str
) -> None:
    from ai_edge_litert.tools import flatbuffer_utils
    from onnx_networks import smooth
    from onnx_truth import every_integer
    from onnx_truth import single_differences

    path = networks("cnn", "qdq-s8")
    model = flatbuffer_utils.read_model_from_bytearray(
        bytearray(convert(load_model(path), SCHEMES["int8"], cache).read())
    )
    (graph,) = model.subgraphs
    place = next(
        place
        for place, operator in enumerate(graph.operators)
        if len(operator.inputs) == 3 and graph.tensors[operator.inputs[1]].shape[0] == 12
    )
    weights = graph.tensors[graph.operators[place].inputs[1]]
    if change == "scale":
        weights.quantization.scale = [1.1 * scale for scale in weights.quantization.scale]
    else:
        stored = model.buffers[weights.buffer].data
        model.buffers[weights.buffer].data = bytes(stored)[::-1]
    wrong = bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    samples = smooth((1, 16, 16), 5, 9)
    expected = every_integer(path, samples)
    found = list(single_differences(wrong, read_graph(wrong), samples, expected))
    assert [op for _, op, steps in found if steps > OF_ONE_OPERATOR] == ["CONV_2D"]
