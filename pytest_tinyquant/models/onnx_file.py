"""What an ONNX file tells without being run: whether it is quantized, and its inputs."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.models.layers import Shape


#: Operator sets whose operators mean what the importer takes them for.
OLDEST_OPSET, NEWEST_OPSET = 11, 23

#: Operators of a quantized model; their names stand in the file as they are.
_QUANTIZED = (b"QuantizeLinear", b"QLinear", b"QGemm")


def is_quantized(path: Path) -> bool:
    """Tell whether the file holds operators on integers with scales."""
    status = path.stat()
    return _is_quantized(path, status.st_mtime_ns, status.st_size)


@cache
def _is_quantized(path: Path, modified: int, size: int) -> bool:
    data = path.read_bytes()
    return any(name in data for name in _QUANTIZED)


def require_onnx() -> None:
    """Check that the packages for ONNX models are there.

    :raises ToolchainNotFoundError: one is not.
    """
    missing = [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
    if missing:
        raise ToolchainNotFoundError(
            f"{' and '.join(missing)} not installed: ONNX models cannot be read. "
            "Install with: pip install 'pytest-tinyquant[onnx]'"
        )


def read_onnx(path: Path) -> Any:
    """Return the checked model of the file `path`, as an ``onnx.ModelProto``.

    :raises ModelError: it is corrupt, of another operator set, lacks data or has open shapes.
    :raises ToolchainNotFoundError: the packages for ONNX are not installed.
    """
    require_onnx()
    import onnx

    # A parser of foreign bytes may raise anything, and its text says what is wrong.
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as error:
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ModelError(
            f"{path} is not a usable ONNX file: {said}. Export it again; data that it stores in "
            "files of their own must lie beside it"
        ) from error
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    version = max(versions, default=0)
    if not OLDEST_OPSET <= version <= NEWEST_OPSET:
        raise ModelError(
            f"{path} is of operator set {version}; {OLDEST_OPSET} to {NEWEST_OPSET} are read. "
            f"Export it with opset_version={max(OLDEST_OPSET, min(version, 17))}"
        )
    for name, shape in inputs_of(model):
        if len(shape) not in (2, 3, 4) or any(size < 1 for size in shape[1:]):
            sizes = ", ".join(str(size) if size > 0 else "open" for size in shape)
            raise ModelError(
                f"{path}: input {name!r} has shape [{sizes}]; it must be [batch, features], "
                "[batch, channels, length] or [batch, channels, height, width] with every size but "
                "the batch fixed. Export it with a fixed input"
            )
    return model


def inputs_of(model: Any) -> list[tuple[str, Shape]]:
    """Return name and shape of each input that is no constant, an open size as 0."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return [
        (value.name, tuple(size.dim_value for size in value.type.tensor_type.shape.dim))
        for value in model.graph.input
        if value.name not in constants
    ]


def input_shapes(path: Path) -> list[Shape]:
    """Return the shape of one sample of each input, as the file says it: channels first."""
    return [shape[1:] for _, shape in inputs_of(read_onnx(path))]
