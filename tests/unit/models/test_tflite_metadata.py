"""Metadata of .tflite files: used where it is right, passed over in a sentence where it is not."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from metadata_builder import MetadataBuilder
from metadata_builder import Notes
from metadata_builder import behind
from metadata_builder import image_classifier

from pytest_tinyquant.models.associated_files import MOST_BYTES
from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.models.tflite_metadata import Metadata
from pytest_tinyquant.models.tflite_metadata import described
from pytest_tinyquant.models.tflite_metadata import read_metadata
from pytest_tinyquant.models.tflite_reader import read_graph


IMAGE = Notes([127.5], [127.5], image=True)
NAMED = Notes(files=[("labels.txt", 2)])


def metadata_of(data: bytes) -> Metadata:
    return read_metadata(data, read_graph(data))


def test_normalization_and_names_of_classes_are_read() -> None:
    found = metadata_of(image_classifier())
    assert described(found) == [
        "metadata: input 0: pixels of 0 to 255, normalized: (value - 127.5) / 127.5",
        "metadata: output 0: 3 classes: red, green, blue",
    ]
    assert found.outputs[0].labels == ("red", "green", "blue")


def test_a_file_without_metadata_says_nothing() -> None:
    assert described(metadata_of(image_classifier(metadata=b"", files={}))) == []


def test_channels_may_be_normalized_apart() -> None:
    notes = Notes([1, 2, 3], [4, 8, 8], image=True)
    found = metadata_of(image_classifier(metadata=MetadataBuilder().build([notes], [NAMED])))
    (how,) = found.normalizations
    assert how is not None
    assert how.text() == "(value - [1, 2, 3]) / [4, 8, 8]"
    values = how.apply(np.full((2, 2, 2, 3), 11, np.uint8))
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values[0, 0, 0], [2.5, 1.125, 1.0])


@pytest.mark.parametrize(
    ("inputs", "outputs", "problem"),
    [
        ([Notes([1, 2], [1])], [NAMED], r"'image' of 3 channels has 2 numbers of mean"),
        ([Notes([1], [])], [NAMED], r"'image' of 3 channels has 0 numbers of std"),
        ([Notes([1], [0])], [NAMED], r"'image' has a std that is not above 0"),
        ([Notes([np.nan], [1])], [NAMED], r"'image' has a mean that is not finite"),
        ([IMAGE, IMAGE], [NAMED], r"it describes 2 inputs, the model has 1"),
        ([IMAGE], [Notes(files=[("other", 2)])], r"file 'other' that it names is not behind"),
        ([Notes([1] * 300, [1])], [NAMED], r"it claims 300 numbers in one list"),
    ],
)
def test_what_cannot_be_is_passed_over_in_a_sentence(
    inputs: list[Notes], outputs: list[Notes], problem: str
) -> None:
    found = metadata_of(image_classifier(metadata=MetadataBuilder().build(inputs, outputs)))
    (line,) = described(found)
    assert line.startswith("the metadata is passed over: ")
    assert problem in line
    assert found.normalizations == (None,)


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({}, "there is no archive behind the model"),
        ({"labels.txt": b"\xff\xfe"}, "'labels.txt' behind the model is no text in UTF-8"),
        ({"labels.txt": b"a" * (MOST_BYTES + 1)}, "has more than 1,048,576 bytes"),
        ({"labels.txt": b"a\n" * 200_000}, "has 200,001 lines"),
        ({str(n): b"" for n in range(1_001)}, "claims 1,001 files"),
    ],
)
def test_a_file_of_names_has_limits(files: dict[str, bytes], problem: str) -> None:
    assert problem in metadata_of(image_classifier(files=files)).problem


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        (MetadataBuilder().build([IMAGE], [NAMED], b"M002"), "bytes 4 to 7 are b'M002'"),
        (b"\0" * ((1 << 20) + 1), "it has more than 1,048,576 bytes"),
        (b"\xff\xff\xff\xffM001", "it is damaged"),
    ],
)
def test_what_is_no_metadata_is_named(metadata: bytes, problem: str) -> None:
    assert problem in metadata_of(image_classifier(metadata=metadata)).problem


def test_damage_anywhere_in_it_never_ends_in_an_exception() -> None:
    metadata = MetadataBuilder().build([IMAGE], [NAMED])
    model = image_classifier(files={})
    archive = behind(b"", {"labels.txt": "a\nb\nc\n"})
    graph = read_graph(model)
    choice = random.Random(3)
    outcomes = set()
    for _ in range(2_000):
        damaged, end = bytearray(metadata), bytearray(archive)
        for part in choice.sample((damaged, end, damaged), 2):
            part[choice.randrange(len(part))] = choice.choice((0, 1, 4, 127, 128, 255))
        data = image_classifier(metadata=bytes(damaged), files={}) + bytes(end)
        found = read_metadata(data, graph)
        assert len(found.inputs) == len(found.outputs) == 1
        outcomes.add(bool(found.problem))
    assert outcomes == {True, False}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.tflite").write_bytes(image_classifier())
    return tmp_path


def test_drawn_images_are_pixels_as_the_model_was_given_them(folder: Path) -> None:
    check = load_model(folder / "net.tflite").check()
    assert isinstance(check, np.ndarray)
    pixels = check * 127.5 + 127.5
    np.testing.assert_allclose(pixels, np.rint(pixels), atol=1e-4)
    assert (pixels.min(), pixels.max()) == pytest.approx((0, 255), abs=3)


def test_stored_pixels_are_normalized_and_other_numbers_are_not(folder: Path) -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 2, 2, 3) * 5
    (folder / "net.toml").write_text('data = "net.npz"\n')
    expected = (pixels.astype(np.float32) - 127.5) / 127.5

    np.savez(folder / "net.npz", check=pixels)
    np.testing.assert_allclose(load_model(folder / "net.tflite").check(), expected, rtol=1e-6)
    np.savez(folder / "net.npz", check=expected)
    np.testing.assert_array_equal(load_model(folder / "net.tflite").check(), expected)
    np.savez(folder / "net.npz", check=pixels, scale=0.5)
    np.testing.assert_array_equal(load_model(folder / "net.tflite").check(), pixels * 0.5)


def test_classes_have_the_names_of_the_file(folder: Path) -> None:
    assert load_model(folder / "net.tflite").class_names() == ("red", "green", "blue")
