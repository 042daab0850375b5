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
FORMS = (
    "qdq-s8", "qdq-s8-symmetric", "qdq-s8-tensor", "qdq-u8", "qdq-mixed", "qoperator-s8",
    "qoperator-u8",
)  # fmt: skip

#: Steps of the scale that an int8 tensor may be from onnxruntime's, by the operator that made it,
#: at the end of all layers before it: both round sums of products, but at other places.
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


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return network(name, form): the file of a network in a form, made once."""
    from onnx_networks import write_network

    made: dict[tuple[str, str], Path] = {}

    def network(name: str, form: str = "float") -> Path:
        if (name, form) not in made:
            folder = tmp_path_factory.mktemp(name)
            forms = () if form == "float" else (form,)
            made.update(
                ((name, key), path) for key, path in write_network(name, folder, forms).items()
            )
        return made[name, form]

    return network


def _details(data: bytes) -> tuple[Any, dict[str, Any]]:
    """Return an interpreter that keeps all tensors, and these by name."""
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_litert.interpreter import OpResolverType

    interpreter = Interpreter(
        model_content=data,
        num_threads=1,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    return interpreter, {entry["name"]: entry for entry in interpreter.get_tensor_details()}


def _every_integer(path: Path, samples: Any) -> dict[str, Any]:
    """Return what onnxruntime computes for every int8 or uint8 value between operators."""
    import onnx
    import onnxruntime

    model = onnx.load(path)
    made = {
        name
        for node in model.graph.node
        if node.op_type == "QuantizeLinear" or node.op_type[:2] in ("QL", "QG")
        for name in node.output
    }
    types = {value.name for value in model.graph.output}
    for name in sorted(made - types):
        value = onnx.ValueInfoProto()
        value.name = name
        model.graph.output.append(value)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    rows = [session.run(None, {"x": sample[None]}) for sample in samples]
    return {
        name: np.stack([row[place][0] for row in rows])
        for place, name in enumerate(names)
        if name in made
    }


def _channels_last(array: Any) -> Any:
    array = array[:, :, None] if array.ndim == 3 else array
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


@needs_onnx
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_tensor_is_what_onnxruntime_computes(
    networks: Any, cache: Cache, graph_of: Any, name: str, form: str
) -> None:
    from onnx_networks import NETWORKS as MAKERS
    from onnx_networks import smooth

    path = networks(name, form)
    converted = convert(load_model(path), SCHEMES["int8"], cache)
    graph = graph_of(converted)
    samples = smooth(MAKERS[name]()[1], 20, 9)
    interpreter, tensors = _details(converted.read())
    (source,) = interpreter.get_input_details()
    expected = _every_integer(path, samples)
    makers = {
        graph.tensors[index].name: operator.op
        for operator in graph.operators
        for index in operator.outputs
    }
    compared = set()
    for place, sample in enumerate(samples):
        interpreter.set_tensor(source["index"], _channels_last(sample[None]))
        interpreter.invoke()
        for value, wanted in expected.items():
            op = makers.get(value, "RESHAPE")
            if op == "RESHAPE" or "Flatten" in value or tensors[value]["dtype"] != np.int8:
                continue  # the numbers of its input in another order, or fused away
            found = interpreter.get_tensor(tensors[value]["index"]).astype(np.int64)
            steps = wanted[place].astype(np.int64) - (128 if wanted.dtype == np.uint8 else 0)
            steps = np.moveaxis(steps, 0, -1)
            off = int(np.abs(found.reshape(-1) - steps.reshape(-1)).max())
            assert off <= LARGEST_STEPS[op], (value, op, off)
            compared.add(value)
    layers = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
    assert len(compared) >= sum(operator.op in layers for operator in graph.operators) / 2


@needs_onnx
@pytest.mark.parametrize("name", NETWORKS)
def test_a_float_model_is_imported_exactly(networks: Any, cache: Cache, name: str) -> None:
    model = load_model(networks(name))
    assert not is_quantized(model.path)
    converted = convert(model, SCHEMES["basic"], cache)
    interpreter, _ = _details(converted.read())
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
