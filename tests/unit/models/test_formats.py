"""Files of models as people keep them: which are taken, and what is said of the others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.discovery import discover_models
from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.models.formats import is_model_path
from pytest_tinyquant.models.model_search import passed_over
from pytest_tinyquant.models.saved_model import input_shapes as saved_shapes


h5py = pytest.importorskip("h5py")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ei-model.lite", "tflite"),
        ("net.tfl", "tflite"),
        ("NET.TFLITE", "tflite"),
        ("Net.Keras", "keras"),
        ("net.h5", "keras"),
        ("net.hdf5", "keras"),
        ("NET.H5", "keras"),
        ("net.ONNX", "onnx"),
    ],
)
def test_a_suffix_says_the_kind_whatever_its_case(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).touch()
    (tmp_path / name).with_suffix(".toml").write_text("check_samples = 7")

    (found,) = discover_models(tmp_path).values()

    assert (found.name, found.kind) == (name.partition(".")[0].lower(), kind)
    assert found.check_samples == 7
    assert is_model_path(f"path/to/{name}")


def test_what_looks_like_a_model_and_is_none_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "net.tflite").touch()
    (tmp_path / "frozen.pb").touch()
    (tmp_path / "net.weights.h5").touch()
    (tmp_path / "net.pth").touch()
    (tmp_path / "net.bin").write_bytes(b"\x1c\0\0\0TFL3" + b"\0" * 8)
    (tmp_path / "README.md").write_text("# Models")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "old.pb").touch()

    assert list(discover_models(tmp_path)) == ["net"]
    told = {line.partition(": ")[0].rpartition("/")[2]: line for line in passed_over(tmp_path, ())}
    assert set(told) == {"frozen.pb", "net.weights.h5", "net.pth", "net.bin"}
    assert "save the model as .keras or SavedModel" in told["frozen.pb"]
    assert "weights without a network" in told["net.weights.h5"]
    assert "give it the suffix .tflite" in told["net.bin"]


def test_a_path_that_is_no_model_says_why(tmp_path: Path) -> None:
    (tmp_path / "frozen.pb").touch()
    with pytest.raises(ConfigurationError, match=r"frozen\.pb: not a model: a TensorFlow graph"):
        load_model(tmp_path / "frozen.pb")


# --- HDF5 ---


def hdf5_file(path: Path, batch_shape: list[int | None] | None) -> Path:
    with h5py.File(path, "w") as file:
        if batch_shape is not None:
            layers = [{"class_name": "InputLayer", "config": {"batch_input_shape": batch_shape}}]
            file.attrs["model_config"] = json.dumps({"config": {"layers": layers}})
    return path


def test_an_hdf5_file_gets_samples_of_its_input_shape(tmp_path: Path) -> None:
    model = load_model(hdf5_file(tmp_path / "net.h5", [None, 8, 8, 1]))
    assert np.shape(model.calibration()) == (200, 8, 8, 1)


def test_an_hdf5_file_of_weights_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"net\.h5: holds weights without a network; save the"):
        load_model(hdf5_file(tmp_path / "net.h5", None)).check()


def test_an_hdf5_file_that_claims_more_than_any_model_is_not_unpacked(tmp_path: Path) -> None:
    path = hdf5_file(tmp_path / "net.h5", [None, 4])
    with h5py.File(path, "a") as file:
        file.create_dataset("zeros", shape=(1 << 40,), dtype="f4", chunks=(1 << 16,))
    with pytest.raises(ModelError, match=r"unpacks to 4,398,\S+ bytes; at most"):
        load_model(path).check()


@pytest.mark.parametrize("data", [b"", b"no HDF5", b"\x89HDF\r\n\x1a\n" + b"\xff" * 600])
def test_a_damaged_hdf5_file_is_a_model_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "net.h5").write_bytes(data)
    with pytest.raises(ModelError, match=r"net\.h5: not a model saved by Keras"):
        load_model(tmp_path / "net.h5").check()


# --- SavedModel ---


def field(number: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    head = bytearray()
    while value > 127:
        head.append(value & 127 | 128)
        value >>= 7
    return bytes([*head, value])


def saved_model(directory: Path, signature: str = "serving_default", **shapes: list[int]) -> Path:
    entries = b""
    for name, shape in shapes.items():
        sizes = b"".join(field(2, field(1, size)) for size in shape)
        info = field(1, name.encode()) + field(2, 1) + field(3, sizes)
        entries += field(1, field(1, name.encode()) + field(2, info))
    signatures = field(5, field(1, signature.encode()) + field(2, entries))
    directory.mkdir()
    (directory / "saved_model.pb").write_bytes(field(1, 1) + field(2, signatures))
    return directory


def test_a_saved_model_gets_samples_of_its_input_shapes_sorted_by_name(tmp_path: Path) -> None:
    model = load_model(saved_model(tmp_path / "net", b=[-1, 3], a=[1, 8, 8]))
    assert [part.shape for part in model.check()] == [(16, 8, 8), (16, 3)]


def test_a_size_that_a_saved_model_leaves_open_must_be_given(tmp_path: Path) -> None:
    model = load_model(saved_model(tmp_path / "net", a=[-1, -1, 8]))
    with pytest.raises(ConfigurationError, match=r"write 'input_shape = .*net\.toml"):
        model.check()


def test_a_saved_model_without_the_default_signature_says_which_it_has(tmp_path: Path) -> None:
    path = saved_model(tmp_path / "net", signature="train", a=[-1, 3])
    with pytest.raises(ModelError, match=r"no signature 'serving_default' .*signatures: train"):
        saved_shapes(path)


def test_every_cut_and_every_damaged_byte_of_a_saved_model_is_a_model_error_or_a_shape(
    tmp_path: Path,
) -> None:
    path = saved_model(tmp_path / "net", a=[-1, 3], b=[-1, 300])
    file = path / "saved_model.pb"
    data = file.read_bytes()
    for place in range(len(data)):
        for damaged in (data[:place], data[:place] + b"\xff" + data[place + 1 :]):
            file.write_bytes(damaged)
            try:
                shapes = saved_shapes(path)
            except ModelError as error:
                assert str(file) in str(error)
            else:
                assert len(shapes) <= 2
