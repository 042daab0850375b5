"""ONNX models: float and quantized ones, imported with their own parameters."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.models.model import Model
from pytest_tinyquant.models.onnx_file import is_quantized
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.convert import read_arrays
from pytest_tinyquant.schemes.convert import reference_outputs
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.schemes.steps import Step
from pytest_tinyquant.system.cache import Cache


needs_onnx = pytest.mark.skipif(
    any(
        importlib.util.find_spec(name) is None
        for name in ("onnx", "onnxruntime", "litert_quantizer")
    ),
    reason="ONNX is not installed: pip install pytest-tinyquant[onnx]",
)

NETWORKS = ("mlp", "cnn", "resnet", "mobilenet", "dscnn", "sequence")


@needs_onnx
@pytest.mark.parametrize("name", NETWORKS)
def test_a_float_model_is_imported_exactly(networks: Any, cache: Cache, name: str) -> None:
    from onnx_truth import interpreter_of

    model = load_model(networks(name))
    assert not is_quantized(model.path)
    converted = convert(model, SCHEMES["basic"], cache)
    interpreter = interpreter_of(converted.read())
    (source,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
    reference = reference_outputs(model, cache)
    assert reference.kind == "onnx"
    (inputs,), (wanted,) = (read_arrays(reference.path, kind) for kind in ("inputs", "outputs"))
    for sample, answer in zip(inputs, wanted, strict=True):
        interpreter.set_tensor(source["index"], sample[None])
        interpreter.invoke()
        assert np.abs(interpreter.get_tensor(output["index"])[0] - answer).max() < 2e-6


@needs_onnx
@pytest.mark.parametrize("scheme", ["int8", "int8-only", "16x8-only", "dynamic"])
def test_a_float_model_goes_through_the_schemes(
    networks: Any, cache: Cache, graph_of: Any, scheme: str
) -> None:
    graph = graph_of(convert(load_model(networks("cnn")), SCHEMES[scheme], cache))
    io = graph.tensors[graph.inputs[0]].dtype
    assert io == {"int8-only": "int8", "16x8-only": "int16"}.get(scheme, "float32")
    assert any(t.dtype == "int8" and t.data is not None for t in graph.tensors)


@needs_onnx
def test_a_quantized_model_is_taken_as_it_is(networks: Any, cache: Cache, graph_of: Any) -> None:
    import onnx
    from onnx import numpy_helper

    path = networks("cnn", "qdq-s8")
    model = load_model(path)
    graph = graph_of(convert(model, SCHEMES["int8"], cache))
    stored = {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    weights = [array for array in stored.values() if array.dtype == np.int8 and array.ndim == 4]
    kernels = [graph.tensors[op.inputs[1]].array() for op in graph.operators if op.op == "CONV_2D"]
    assert len(kernels) == len(weights) == 2
    for array, kernel in zip(weights, kernels, strict=True):
        assert (array.transpose(0, 2, 3, 1) == kernel).all()
    with pytest.raises(ConfigurationError, match="is quantized already and is taken as it is"):
        convert(model, SCHEMES["16x8"], cache)


@needs_onnx
def test_steps_need_keras(networks: Any, cache: Cache) -> None:
    mine = replace(SCHEMES["int8"], name="mine", steps=(Step("qat", written="qat"),))
    with pytest.raises(ConfigurationError, match=r"cnn mine: steps train Keras models, and this"):
        convert(load_model(networks("cnn")), mine, cache)


@needs_onnx
def test_samples_are_given_as_the_model_takes_them(networks: Any, tmp_path: Path) -> None:
    """Channels first in the file of samples, channels last where the converted model runs."""
    from onnx_networks import smooth

    path = tmp_path / "resnet.onnx"
    shutil.copy(networks("resnet"), path)
    check = smooth((3, 16, 16), 16)
    np.savez(tmp_path / "data.npz", check=check, calibration=check)
    (tmp_path / "resnet.toml").write_text('data = "data.npz"\n')
    model: Model = load_model(path)
    found = np.asarray(model.check())
    assert found.shape == (16, 16, 16, 3)
    assert (found == check.transpose(0, 2, 3, 1)).all()


def _changed(networks: Any, tmp_path: Path, change: Callable[[Any], None]) -> Model:
    import onnx

    model = onnx.load(networks("cnn"))
    change(model)
    path = tmp_path / "changed.onnx"
    onnx.save(model, path)
    return load_model(path)


def _open_height(model: Any) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"


def _opset(version: int) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        model.opset_import[0].version = version

    return change


def _external(model: Any) -> None:
    tensor = model.graph.initializer[0]
    tensor.data_location = 1
    tensor.ClearField("raw_data")
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "weights.bin"


@needs_onnx
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_open_height, r"input 'x' has shape \[1, 1, open, 16\]; it must be"),
        (_opset(9), "is of operator set 9; 11 to 23 are read"),
        (_opset(99), r"is not a usable ONNX file|is of operator set 99"),
        (_external, "not a usable ONNX file: .*weights.bin"),
    ],
    ids=["dynamic", "old", "new", "external"],
)
def test_files_that_cannot_be_used_are_named(
    networks: Any, tmp_path: Path, cache: Cache, change: Any, message: str
) -> None:
    model = _changed(networks, tmp_path, change)
    with pytest.raises(ModelError, match=message):
        convert(model, SCHEMES["basic"], cache)


@needs_onnx
@pytest.mark.parametrize("length", [0, 1, 100, 1000])
def test_a_truncated_file_is_named(
    networks: Any, tmp_path: Path, cache: Cache, length: int
) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes(networks("cnn").read_bytes()[:length])
    with pytest.raises(ModelError, match=r"cut\.onnx"):
        convert(load_model(path), SCHEMES["basic"], cache)


def _operator(name: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        node = next(node for node in model.graph.node if node.op_type == "Relu")
        node.op_type = name

    return change


def _attribute(op: str, name: str, value: Any) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        from onnx import helper

        node = next(node for node in model.graph.node if node.op_type == op)
        kept = [entry for entry in node.attribute if entry.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute(name, value)])

    return change


@needs_onnx
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_operator("Erf"), r"node 'Relu_1' \(Erf\) of changed.onnx cannot be imported: the import"),
        (_attribute("MaxPool", "ceil_mode", 1), r"\(MaxPool\) .* it has ceil_mode"),
        (_attribute("Conv", "auto_pad", "SAME_UPPER"), r"\(Conv\) .* it has auto_pad"),
        (_attribute("Gemm", "alpha", 0.5), r"\(Gemm\) .* factors alpha or beta other than 1"),
    ],
    ids=["operator", "ceil", "auto_pad", "alpha"],
)
def test_a_node_that_cannot_be_imported_is_named(
    networks: Any, tmp_path: Path, cache: Cache, change: Any, message: str
) -> None:
    model = _changed(networks, tmp_path, change)
    with pytest.raises(UnsupportedModelError, match=message):
        convert(model, SCHEMES["basic"], cache)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt"])
def test_a_pickle_is_never_loaded(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"net{suffix}"
    path.write_bytes(b"cposix\nsystem\n(S'touch pwned'\ntR.")
    with pytest.raises(ConfigurationError, match=r"is a pickle, which runs code .* never loaded"):
        load_model(path)


def test_without_the_packages_the_extra_is_named(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolchainNotFoundError, match=r"pip install 'pytest-tinyquant\[onnx\]'"):
        convert(load_model(path), SCHEMES["basic"], cache)
