"""The command ``tinyquant import``: copies a model into the project and says what it is."""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.models import c_array
from pytest_tinyquant.models import formats
from pytest_tinyquant.models import keras_file
from pytest_tinyquant.models import onnx_file
from pytest_tinyquant.models import saved_model
from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.models.model_search import model_name
from pytest_tinyquant.models.tflite_file import read_model
from pytest_tinyquant.models.tflite_file import scheme_of_graph
from pytest_tinyquant.models.tflite_metadata import described
from pytest_tinyquant.models.tflite_metadata import read_metadata
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.support.check import check_support
from pytest_tinyquant.support.runtimes import RUNTIMES
from pytest_tinyquant.system.atomic import write_bytes
from pytest_tinyquant.system.plain_console import say
from pytest_tinyquant.system.regular_file import read_bytes


if TYPE_CHECKING:
    from pytest_tinyquant.models.graph import Graph
    from pytest_tinyquant.models.graph import Tensor
    from pytest_tinyquant.models.layers import Shape


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``tinyquant import``."""
    parser.add_argument("file", type=Path, help="a model's file, C source or SavedModel folder")
    parser.add_argument("--name", default="", help="default: the file's name")


def run(options: argparse.Namespace) -> int:
    """Copy the model and print what it is."""
    source: Path = options.file
    if not source.exists():
        raise ConfigurationError(f"{source} does not exist; give the path of a model")
    models_dir: Path = options.settings.models_dir
    model = load_model(source, name="imported")
    suffix = {"tflite": ".tflite", "onnx": ".onnx", "zoo": ""}.get(model.kind)
    if suffix == "":
        raise ConfigurationError(
            f"{source}: describes a network whose weights and data lie beside it; copy all of them"
        )
    if suffix is None:
        suffix = "" if source.is_dir() else formats.suffix_of(source)
    target = models_dir / (_name(options.name or formats.stem_of(source)) + suffix)
    model_name(target, models_dir)
    lines = list(_facts(source, model.kind))
    _copy(source, target, model.kind)
    for line in (f"{target}: copied from {source}", *lines):
        say(line)
    say(f"test it: pytest --model={model_name(target, models_dir)} --tq-missing-baseline=record")
    return 0


def _name(stem: str) -> str:
    """Return a name that test ids and file names can hold."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", stem).lstrip("._+-") or "model"


def _copy(source: Path, target: Path, kind: str) -> None:
    """Copy the model; a file that is there already stays, unless it is the same."""
    if source.is_dir():
        if target.exists():
            raise _taken(target)
        _copy_folder(source, target)
        return
    data = read_model(source) if kind == "tflite" else read_bytes(source)
    if target.exists() and target.read_bytes() != data:
        raise _taken(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(target, data)


def _copy_folder(source: Path, target: Path) -> None:
    """Copy a folder whole, or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".tinyquant-", dir=target.parent) as made:
        shutil.copytree(source, Path(made) / target.name)
        (Path(made) / target.name).rename(target)


def _taken(target: Path) -> ConfigurationError:
    return ConfigurationError(f"{target} is there already and is another model; give a --name")


def _facts(source: Path, kind: str) -> Iterator[str]:
    """Yield what the model is, a line each; raises ModelError for one that cannot be read."""
    if kind != "tflite":
        yield _title(source, kind)
        for index, shape in enumerate(_reader(source, kind)(source)):
            shown = "of a shape that the file leaves open" if shape is None else f"{list(shape)}"
            yield f"input {index}: {shown}"
        yield "it is converted by every scheme of the project"
        return
    data = read_model(source)
    graph = read_graph(data, where=str(source))
    array = ""
    if formats.suffix_of(source) in c_array.SUFFIXES:
        array = f", from the array {c_array.array_in(source)[0]}"
    yield f"TensorFlow Lite model, scheme {scheme_of_graph(graph)}, {len(data):,} bytes{array}"
    for word, places in (("input", graph.inputs), ("output", graph.outputs)):
        yield from (f"{word} {_tensor(graph.tensors[place])}" for place in places)
    yield from described(read_metadata(data, graph))
    counts = Counter(op.kind for part in graph.parts() for op in part.operators)
    yield "operators: " + ", ".join(f"{count} {name}" for name, count in counts.most_common())
    yield from _verdicts(graph)


def _reader(source: Path, kind: str) -> Callable[[Path], Sequence[Shape | None]]:
    """Return what reads the shapes of the inputs of such a model."""
    if kind == "onnx":
        return onnx_file.input_shapes
    return saved_model.input_shapes if source.is_dir() else keras_file.input_shapes


def _title(source: Path, kind: str) -> str:
    if kind == "onnx":
        return "ONNX model"
    if source.is_dir():
        return "SavedModel"
    return f"Keras model ({formats.suffix_of(source)})"


def _tensor(tensor: Tensor) -> str:
    """Return a tensor in words, such as ``image: int8 1x96x96x1, scale 0.0078, zero point -1``."""
    text = f"{tensor.name}: {tensor.dtype} {'x'.join(map(str, tensor.shape)) or 'scalar'}"
    if tensor.quantization is None:
        return text
    scale, zero_point = tensor.quantization.scales[0], tensor.quantization.zero_points[0]
    return f"{text}, scale {scale:.6g}, zero point {zero_point}"


def _verdicts(graph: Graph) -> Iterator[str]:
    for name, runtime in RUNTIMES.items():
        try:
            check_support(graph, runtime)
        except UnsupportedModelError as error:
            yield f"runtime {name}: not supported: {error}"
        else:
            yield f"runtime {name}: supported"
