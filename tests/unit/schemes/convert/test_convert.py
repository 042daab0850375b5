"""Conversion of small models by the real converter, and the reference outputs."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ConversionError
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor
from pytest_tinyquant.schemes import convert as convert_module
from pytest_tinyquant.schemes.child_process import ForkServer
from pytest_tinyquant.schemes.child_process import Outcome
from pytest_tinyquant.schemes.convert import Reference
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.convert import reference_outputs
from pytest_tinyquant.schemes.exchange import ENVIRONMENT
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.schemes.servers import SERVERS
from pytest_tinyquant.system.cache import Cache


ZOO_FILE = """
[model]
description = "Doubles its input"
family = "fc"
input_shape = [2]
layers = [{ kind = "dense", units = 2, activation = "linear" }]

[data]
dataset = "some"
check_samples = 3

[training]
seed = 1
epochs = 1
batch_size = 1
learning_rate = 0.1
"""


def operator(graph: Graph, name: str) -> Operator:
    return next(op for op in graph.operators if op.op == name)


def weights(graph: Graph, name: str) -> Tensor:
    return graph.tensors[operator(graph, name).inputs[1]]


# Type of the model's input and output, of the weights, of the layers' results.
TYPES = {
    "basic": ("float32", "float32", "float32"),
    "dynamic": ("float32", "int8", "float32"),
    "float16": ("float32", "float16", "float32"),
    "int8": ("float32", "int8", "int8"),
    "int8-only": ("int8", "int8", "int8"),
    "16x8": ("float32", "int8", "int16"),
    "16x8-only": ("int16", "int8", "int16"),
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_scheme_gives_its_types_and_a_batch_of_one(
    small: Any, shared_cache: Cache, scheme: str, graph_of: Any
) -> None:
    graph = graph_of(convert(small, SCHEMES[scheme], shared_cache))
    io_type, weight_type, layer_type = TYPES[scheme]
    ends = [graph.tensors[index] for index in (*graph.inputs, *graph.outputs)]
    assert [(t.dtype, t.shape) for t in ends] == [(io_type, (1, 8, 8, 1)), (io_type, (1, 3))]
    assert weight_type in {t.dtype for t in graph.tensors if t.data}
    result = operator(graph, "FULLY_CONNECTED").outputs[0]
    assert graph.tensors[result].dtype == layer_type
    assert not {"SHAPE", "STRIDED_SLICE", "PACK"} & {op.op for op in graph.operators}


def test_dynamic_leaves_small_tensors_alone(small: Any, shared_cache: Cache, graph_of: Any) -> None:
    graph = graph_of(convert(small, SCHEMES["dynamic"], shared_cache))
    assert weights(graph, "CONV_2D").dtype == "float32"
    dense = [op for op in graph.operators if op.op == "FULLY_CONNECTED"]
    assert [graph.tensors[op.inputs[1]].dtype for op in dense] == ["int8", "float32"]


def test_float16_goes_through_dequantize(small: Any, shared_cache: Cache, graph_of: Any) -> None:
    graph = graph_of(convert(small, SCHEMES["float16"], shared_cache))
    assert graph.operators[0].op == "DEQUANTIZE"
    assert graph.tensors[graph.operators[0].inputs[0]].dtype == "float16"


@pytest.mark.parametrize(("per_channel", "scales"), [(False, 1), (True, 20)])
def test_dense_layers_have_one_scale_unless_asked_otherwise(
    small: Any, shared_cache: Cache, per_channel: bool, scales: int, graph_of: Any
) -> None:
    model = replace(small, dense_per_channel=per_channel)
    graph = graph_of(convert(model, SCHEMES["int8-only"], shared_cache))
    dense, convolution = weights(graph, "FULLY_CONNECTED"), weights(graph, "CONV_2D")
    assert dense.quantization is not None
    assert convolution.quantization is not None
    assert len(dense.quantization.scales) == scales
    assert len(convolution.quantization.scales) == 4


def test_the_calibration_samples_set_the_ranges(
    small: Any, shared_cache: Cache, uniform: Any, graph_of: Any
) -> None:
    wide = replace(
        small,
        calibration=lambda: 10 * uniform(0, 200, 8, 8, 1),
        source_sha256="1" * 64,
    )
    scales = []
    for model in (small, wide):
        graph = graph_of(convert(model, SCHEMES["int8-only"], shared_cache))
        quantization = graph.tensors[graph.inputs[0]].quantization
        assert quantization is not None
        scales.append(quantization.scales[0])
    assert scales == pytest.approx([1 / 255, 10 / 255], rel=1e-3)


def test_two_processes_convert_to_the_same_bytes(
    small: Any, shared_cache: Cache, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    schemes = [SCHEMES["basic"], SCHEMES["int8-only"]]
    first = [convert(small, scheme, shared_cache) for scheme in schemes]
    first_reference = reference_outputs(small, shared_cache)
    environment = ENVIRONMENT | {"PYTHONHASHSEED": "99"}
    server = ForkServer((convert_module._PROCESS,), environment)
    monkeypatch.setitem(SERVERS, "tensorflow", server)
    try:
        second = [convert(small, scheme, cache) for scheme in schemes]
        second_reference = reference_outputs(small, cache)
    finally:
        server.close()
    assert [model.sha256 for model in second] == [model.sha256 for model in first]
    assert second_reference.sha256 == first_reference.sha256
    assert second[0].path != first[0].path


def test_the_record_beside_the_model_says_where_it_came_from(
    small: Any, shared_cache: Cache
) -> None:
    converted = convert(small, SCHEMES["basic"], shared_cache)
    record = json.loads((converted.path.parent / "model.json").read_text())
    assert converted.converter.startswith("tensorflow 2.")
    assert record["converter"] == converted.converter
    assert record["sha256"] == converted.sha256
    assert record["source_sha256"] == converted.source_sha256 == small.source_sha256
    assert record["scheme"] == json.loads(json.dumps(SCHEMES["basic"].content()))


def test_a_converter_that_takes_too_long_is_stopped(small: Any, cache: Cache) -> None:
    SERVERS["tensorflow"].call("builtins:print", [], timeout=60)
    with pytest.raises(BenchError, match=r"small int8: .* not finish within 0\.01 s"):
        convert(small, SCHEMES["int8"], cache, timeout=0.01)
    assert not list(cache.root.rglob("model*"))


def test_a_crash_is_reported_with_what_the_converter_said(
    small: Any, cache: Cache, counting_server: Any
) -> None:
    said = "error: failed to legalize operation 'tf.Foo'\n"
    counting_server(Outcome("crashed with SIGSEGV", said, crashed=signal.SIGSEGV))
    with pytest.raises(ConversionError, match=r"small 16x8: .* crashed with SIGSEGV") as caught:
        convert(small, SCHEMES["16x8"], cache)
    assert "failed to legalize operation 'tf.Foo'" in str(caught.value)


def test_a_corrupt_keras_file_is_told_before_anything_loads_it(
    small: Any, cache: Cache, tmp_path: Path
) -> None:
    path = tmp_path / "corrupt.keras"
    path.write_bytes(small.path.read_bytes()[:1000])
    with pytest.raises(
        ModelError, match=r"corrupt\.keras: not a model saved by Keras 3: .*zip file"
    ):
        convert(replace(small, name="corrupt", path=path), SCHEMES["basic"], cache)


def test_an_open_shape_is_an_error_that_names_the_input(
    directory: Path, cache: Cache, small: Any
) -> None:
    model = replace(small, path=directory / "open.keras")
    with pytest.raises(ConversionError, match=r"every dimension but the first.* must be fixed"):
        convert(model, SCHEMES["basic"], cache)


def test_a_saved_model_is_converted_with_a_batch_of_one(
    directory: Path, small: Any, shared_cache: Cache, graph_of: Any
) -> None:
    saved = replace(small, name="saved", path=directory / "small", source_sha256="3" * 64)
    for scheme in (SCHEMES["basic"], SCHEMES["int8-only"]):
        graph = graph_of(convert(saved, scheme, shared_cache))
        own = graph_of(convert(small, scheme, shared_cache))
        assert [op.op for op in graph.operators] == [op.op for op in own.operators]
        assert graph.tensors[graph.inputs[0]].shape == (1, 8, 8, 1)
    outputs = [np.load(reference_outputs(m, shared_cache).path)["outputs"] for m in (saved, small)]
    assert np.array_equal(*outputs)


def test_several_inputs_and_outputs_are_numbered(
    directory: Path, cache: Cache, small: Any, uniform: Any, graph_of: Any
) -> None:
    model = replace(
        small,
        path=directory / "two.keras",
        calibration=lambda: (uniform(0, 20, 4), uniform(1, 20, 2)),
        check=lambda: (uniform(2, 5, 4), uniform(3, 5, 2)),
    )
    graph = graph_of(convert(model, SCHEMES["int8-only"], cache))
    assert [graph.tensors[index].shape for index in graph.inputs] == [(1, 4), (1, 2)]
    arrays = np.load(reference_outputs(model, cache).path)
    assert {name: array.shape for name, array in arrays.items()} == {
        "inputs_0": (5, 4),
        "inputs_1": (5, 2),
        "outputs_0": (5, 3),
        "outputs_1": (5, 2),
    }


def test_a_model_of_the_zoo_is_built_and_given_its_weights(
    tmp_path: Path, cache: Cache, uniform: Any, graph_of: Any
) -> None:
    for name in ("weights", "data"):
        (tmp_path / name).mkdir()
    (tmp_path / "twice.toml").write_text(ZOO_FILE)
    check = np.array([[1, 2], [3, 4], [-5, 0.5]], np.float32)
    np.savez(tmp_path / "data" / "some.npz", calibration=uniform(0, 200, 2), check=check)
    weights = {"dense_0.kernel": 2 * np.eye(2, dtype=np.float32), "dense_0.bias": np.zeros(2)}
    np.savez(tmp_path / "weights" / "twice.npz", **weights)  # type: ignore[arg-type]

    model = load_model(tmp_path / "twice.toml")
    reference = reference_outputs(model, cache)
    assert reference.kind == "keras"
    assert np.load(reference.path)["outputs"].tolist() == (2 * check).tolist()
    graph = graph_of(convert(model, SCHEMES["basic"], cache))
    assert [op.op for op in graph.operators] == ["FULLY_CONNECTED"]


def test_inputs_are_rounded_half_to_even_and_clipped(directory: Path) -> None:
    source = (
        "import numpy as np\n"
        "from pytest_tinyquant.schemes.interpreter_process import _quantized\n"
        "detail = {'dtype': np.int8, 'quantization': (0.5, 1), 'shape': (1, 9)}\n"
        "values = np.array([0.25, 0.75, -0.25, -0.75, 1, 63, 63.5, -64.5, -65], np.float32)\n"
        "print(_quantized(values, detail).tolist())\n"
    )
    outcome = SERVERS["tensorflow"].call("builtins:exec", [source, {}], timeout=60)
    assert outcome.log.splitlines()[-1] == "[[1, 3, 1, -1, 3, 127, 127, -128, -128]]"


def test_missing_tensorflow_says_how_to_install_it(
    small: Any, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for action in (
        lambda: convert(small, SCHEMES["int8"], cache),
        lambda: _reference(small, cache),
    ):
        with pytest.raises(
            ToolchainNotFoundError, match=r"pip install 'pytest-tinyquant\[convert\]'"
        ):
            action()


def _reference(model: Any, cache: Cache) -> Reference:
    return reference_outputs(model, cache)


def test_importing_the_converter_starts_no_thread_so_that_it_may_fork() -> None:
    script = f"import os, {convert_module._PROCESS}\nprint(len(os.listdir('/proc/self/task')))\n"
    output = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    assert output == b"1\n"
