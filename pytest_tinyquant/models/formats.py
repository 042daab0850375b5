"""Which files hold models: by suffix, and where that says too little, by their bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from typing import Literal

from pytest_tinyquant.models import c_array
from pytest_tinyquant.system.regular_file import open_regular


Kind = Literal["zoo", "keras", "onnx", "torch", "tflite"]

SAVED_MODEL: Final = "saved_model.pb"

#: In lower case. Edge Impulse's downloads end in ``.lite``, those of older tools in ``.tfl``.
_KINDS: Final[Mapping[str, Kind]] = {
    ".tflite": "tflite",
    ".lite": "tflite",
    ".tfl": "tflite",
    ".keras": "keras",
    ".h5": "keras",
    ".hdf5": "keras",
    ".onnx": "onnx",
    ".pt2": "torch",
}

#: Files of PyTorch, which are pickles: reading one runs whatever its author put into it.
PICKLES: Final = (".pt", ".pth", ".ckpt")

#: What looks like a model and is none that can be read, with what to do instead.
_OTHERS: Final[Mapping[str, str]] = {
    **dict.fromkeys(PICKLES, "a pickle of PyTorch is never loaded; export it as .pt2 or .onnx"),
    ".pb": "a TensorFlow graph without its variables; save the model as .keras or SavedModel",
    ".safetensors": "weights without a network; save the model as .keras, .onnx or .tflite",
    ".mlmodel": "a model of Core ML; save what it was made from as .keras, .onnx or .tflite",
    ".caffemodel": "a model of Caffe; save it as .onnx",
    ".ort": "onnxruntime's own form; give the .onnx file that it was made from",
}

_WEIGHTS_ONLY: Final = ".weights.h5"


def suffix_of(path: Path) -> str:
    """Return the suffix that says what a file is, in lower case."""
    return path.suffix.lower()


def kind_of(path: Path) -> Kind | None:
    """Return what kind of model a file or folder of this name holds; None if it says none.

    A C source is a ``.tflite`` if an array in it is one, which :func:`is_model` finds out.
    """
    if is_weights_only(path):
        return None
    suffix = suffix_of(path)
    return "tflite" if suffix in c_array.SUFFIXES else _KINDS.get(suffix)


def is_model(path: Path) -> bool:
    """Tell whether the file is a model: by its name, a C source by what is in it."""
    if suffix_of(path) in c_array.SUFFIXES:
        return c_array.holds_model(path)
    return kind_of(path) is not None


def is_saved_model(path: Path) -> bool:
    """Tell whether the folder is a SavedModel."""
    return (path / SAVED_MODEL).is_file()


def is_weights_only(path: Path) -> bool:
    """Tell whether a file of this name is what ``model.save_weights`` writes."""
    return path.name.lower().endswith(_WEIGHTS_ONLY)


def stem_of(path: Path) -> str:
    """Return the name of a model's file or folder without the suffix that says its kind."""
    return path.stem if kind_of(path) or suffix_of(path) == ".toml" else path.name


def is_model_path(text: str) -> bool:
    """Tell whether what was given as a model is a path rather than a name."""
    path = Path(text)
    suffix = suffix_of(path)
    if suffix in _KINDS or suffix in PICKLES:
        return True
    if suffix in c_array.SUFFIXES:
        return path.is_file()
    return "/" in text and is_saved_model(path)


def why_no_model(path: Path) -> str:
    """Return why a file that looks like a model is none, with what to do; empty for other files."""
    if is_weights_only(path):
        return "weights without a network; save the whole model with model.save('NAME.keras')"
    if kind_of(path) is not None:
        return ""
    if words := _OTHERS.get(suffix_of(path)):
        return words
    if _first_bytes(path)[4:] == c_array.IDENTIFIER:
        return "a TensorFlow Lite model by its content; give it the suffix .tflite"
    return ""


def _first_bytes(path: Path) -> bytes:
    """Return the first eight bytes of a file; none of what cannot be read."""
    try:
        with open(open_regular(path), "rb") as stream:
            return stream.read(8)
    except OSError:
        return b""
