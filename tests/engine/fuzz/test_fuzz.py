"""Damaged .tflite files end in a typed error, in bounded time and memory, for every kernel set.

`HYPOTHESIS_PROFILE=nightly` tries 100,000 of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from controlled_models import branching
from controlled_models import looping
from controlled_models import streaming
from drawn_layers.draw import BySeed
from drawn_layers.draw import Draw
from drawn_layers.families import VARIANTS
from drawn_layers.spec import OperatorSpec
from drawn_layers.spec import TensorSpec

from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.system.cache import Cache


FUZZER = Path(__file__).with_name("fuzzer.py")
ZOO = Path(__file__).resolve().parents[3] / "models"
CASES = {"nightly": 100_000, "sanitizers": 100}.get(os.environ.get("HYPOTHESIS_PROFILE", ""), 2_000)
CASES_PER_PROCESS = 2_500
CASE_SECONDS = 5.0
MEMORY_KIB = 1 << 20

CONVERTED = [
    ("fc_0", "int8-only"),
    ("fc_1", "16x8-only"),
    ("cnn_1", "int8"),
    ("cnn_1", "16x8-only"),
    ("cnn_2", "basic"),
]
RANDOM = np.random.default_rng(11)


def indices(tensor: type[TensorSpec], *values: Any) -> TensorSpec:
    return tensor(np.shape(values), "int32", data=np.array(values))


def transpose_conv(operator: type[OperatorSpec], tensor: type[TensorSpec]) -> OperatorSpec:
    weights = tensor((2, 3, 3, 2), "int8", 0.02, data=RANDOM.integers(-9, 9, (2, 3, 3, 2)))
    bias = tensor((2,), "int32", 0.002, data=np.array([5, -5]))
    inputs = (indices(tensor, 1, 4, 4, 2), weights, tensor((1, 2, 2, 2), "int8", 0.1), bias)
    options = {"StrideH": 2, "StrideW": 2}
    output = tensor((1, 4, 4, 2), "int8", 0.2)
    return operator("TRANSPOSE_CONV", inputs, (output,), "TransposeConv", options)


def depthwise_conv_2d(operator: type[OperatorSpec], tensor: type[TensorSpec]) -> OperatorSpec:
    filters = RANDOM.integers(-127, 128, (1, 3, 3, 4))
    weights = tensor(filters.shape, "int8", [0.01, 0.02, 0.03, 0.04], axis=3, data=filters)
    bias = tensor((4,), "int32", [0.001] * 4, data=np.array([5, -5, 0, 99]))
    inputs = tensor((1, 4, 4, 4), "int8", 0.1, -3), weights, bias
    options = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    options["DepthMultiplier"] = 1
    output = tensor((1, 4, 4, 4), "int8", 0.9)
    return operator("DEPTHWISE_CONV_2D", inputs, (output,), "DepthwiseConv2D", options)


def svdf(operator: type[OperatorSpec], tensor: type[TensorSpec]) -> OperatorSpec:
    features = tensor((4, 3), "int8", 0.02, data=RANDOM.integers(-9, 9, (4, 3)))
    times = tensor((4, 2), "int8", 0.02, data=RANDOM.integers(-9, 9, (4, 2)))
    bias = tensor((2,), "int32", 0.0004, data=np.array([5, -5]))
    state = tensor((1, 8), "int8", 0.02, state=True)
    inputs = (tensor((1, 3), "int8", 0.1), features, times, bias, state)
    return operator("SVDF", inputs, (tensor((1, 2), "int8", 0.2),), "SVDF", {"Rank": 2})


def lstm(operator: type[OperatorSpec], tensor: type[TensorSpec]) -> OperatorSpec:
    def weights(columns: int) -> TensorSpec:
        return tensor((2, columns), "int8", 0.01, data=RANDOM.integers(-9, 9, (2, columns)))

    biases = [tensor((2,), "int32", 0.001, data=np.array([3, -3])) for _ in range(4)]
    states = (
        tensor((1, 2), "int8", 1 / 128, state=True),
        tensor((1, 2), "int16", 2**-12, state=True),
    )
    source, output = tensor((1, 4, 3), "int8", 0.1), tensor((1, 4, 2), "int8", 1 / 128)
    inputs = (
        source, *(weights(3) for _ in range(4)), *(weights(2) for _ in range(4)),
        *[None] * 3, *biases, *[None] * 2, *states, *[None] * 4,
    )  # fmt: skip
    table, options = "UnidirectionalSequenceLSTM", {"FusedActivationFunction": 4}
    return operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (output,), table, options)


def strided_slice(operator: type[OperatorSpec], tensor: type[TensorSpec]) -> OperatorSpec:
    source, output = tensor((4, 5, 3), "int8", 0.1), tensor((2, 3, 3), "int8", 0.1)
    inputs = source, *(indices(tensor, *v) for v in ((0, 1, 0), (4, 4, 3), (2, 1, 1)))
    return operator("STRIDED_SLICE", inputs, (output,), "StridedSlice", {})


def split(operator: type[OperatorSpec], tensor: type[TensorSpec]) -> OperatorSpec:
    parts = (tensor((2, 3), "int16", 0.1),) * 2
    inputs = indices(tensor, 1), tensor((2, 6), "int16", 0.1)
    return operator("SPLIT", inputs, parts, "Split", {"NumSplits": 2})


def add(operator: type[OperatorSpec], tensor: type[TensorSpec]) -> OperatorSpec:
    inputs = tensor((1, 3, 2), "int8", 0.1, 3), tensor((1, 1, 2), "int8", 0.2, -3)
    return operator("ADD", inputs, (tensor((1, 3, 2), "int8", 0.3),), "Add", {})


def pad(operator: type[OperatorSpec], tensor: type[TensorSpec]) -> OperatorSpec:
    inputs = tensor((2, 3), "float32"), indices(tensor, [1, 1], [0, 2])
    return operator("PAD", inputs, (tensor((4, 5), "float32"),), "Pad", {})


OPERATORS = [transpose_conv, depthwise_conv_2d, svdf, lstm, strided_slice, split, add, pad]


# One layer of every operator that is drawn, and subgraphs with what they share.
DRAWN = tuple({variant.op: variant for variant in VARIANTS}.values())
CONTROLLED = {
    "variable": streaming(np.arange(9).reshape(1, 3, 3)),
    "branches": branching(),
    "loop": looping(),
}


@pytest.fixture(scope="module")
def seeds(
    tmp_path_factory: pytest.TempPathFactory,
    operator_spec: type[OperatorSpec],
    tensor_spec: type[TensorSpec],
) -> list[Path]:
    folder = tmp_path_factory.mktemp("seeds")
    files = []
    for name, scheme in CONVERTED:
        model = load_model(ZOO / f"{name}.toml")
        files.append(convert(model, SCHEMES[scheme], Cache()).path)
    for number, variant in enumerate(DRAWN):
        files.append(folder / f"{variant}.tflite")
        files[-1].write_bytes(variant.draw(Draw(BySeed(number), 1)).model)
    for name, content in CONTROLLED.items():
        files.append(folder / f"{name}.tflite")
        files[-1].write_bytes(content)
    for build in OPERATORS:
        files.append(folder / f"{build.__name__}.tflite")
        files[-1].write_bytes(build(operator_spec, tensor_spec).model())
    return files


def fuzz(seeds: list[Path], first: int, count: int) -> Any:
    command = [sys.executable, str(FUZZER), *map(str, seeds)]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    result = subprocess.run(
        [*command, "--first", str(first), "--count", str(count)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]
    return json.loads(result.stdout)


def test_damaged_files_end_in_typed_errors(seeds: list[Path]) -> None:
    total: dict[str, int] = {}
    for first in range(0, CASES, CASES_PER_PROCESS):
        summary = fuzz(seeds, first, min(CASES_PER_PROCESS, CASES - first))
        for outcome, count in summary["outcomes"].items():
            total[outcome] = total.get(outcome, 0) + count
        assert summary["slowest"][0] < CASE_SECONDS
        assert summary["peak_kib"] < MEMORY_KIB
    print(f"\n{CASES} damaged files: {total}")
    assert sum(total.values()) == CASES
    # The mutations must reach every stage.
    assert set(total) == {"unreadable", "ModelError", "UnsupportedModelError", "planned"}
    assert min(total.values()) > CASES // 100
