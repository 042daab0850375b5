"""A .tflite that someone else made: taken as it is, and its reference."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.schemes.convert import ConvertedModel
from pytest_tinyquant.schemes.convert import Reference
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.convert import reference_outputs
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.schemes.servers import SERVERS
from pytest_tinyquant.system.cache import Cache


def given(small: Any, converted: ConvertedModel, path: Path) -> Any:
    """The converted model as a ``.tflite`` that someone else made."""
    path.write_bytes(converted.read())
    return replace(small, name="given", path=path, kind="tflite", source_sha256=converted.sha256)


def test_a_tflite_is_taken_as_it_is_without_tensorflow(
    small: Any, shared_cache: Cache, cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = convert(small, SCHEMES["int8-only"], shared_cache)
    model = given(small, original, tmp_path / "given.tflite")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setitem(SERVERS, "tensorflow", None)
    taken = convert(model, SCHEMES["int8-only"], cache)
    assert taken.read() == original.read()
    assert (taken.converter, taken.sha256) == ("as given", original.sha256)


def test_a_corrupt_tflite_is_refused(small: Any, cache: Cache, tmp_path: Path) -> None:
    (tmp_path / "bad.tflite").write_bytes(b"TFL3" * 10)
    model = replace(small, name="bad", path=tmp_path / "bad.tflite", kind="tflite")
    with pytest.raises(ModelError, match="bad"):
        convert(model, SCHEMES["basic"], cache)


def test_the_reference_of_a_tflite_is_that_of_the_reference_kernels(
    small: Any, shared_cache: Cache, tmp_path: Path
) -> None:
    expected = np.load(reference_outputs(small, shared_cache).path)

    def reference(scheme: str) -> Reference:
        converted = convert(small, SCHEMES[scheme], shared_cache)
        return reference_outputs(given(small, converted, tmp_path / scheme), shared_cache)

    floats, integers = reference("basic"), reference("int8-only")
    assert (floats.kind, integers.kind) == ("tflite", "tflite")
    assert np.array_equal(expected["inputs"], small.check())
    assert expected["outputs"].shape == (5, 3)
    assert np.load(floats.path)["outputs"] == pytest.approx(expected["outputs"], abs=1e-6)
    dequantized = np.load(integers.path)["outputs"]
    assert dequantized == pytest.approx(expected["outputs"], abs=0.02)
    assert not np.array_equal(dequantized, expected["outputs"])
    # An int8 softmax has 256 steps.
    assert np.array_equal(dequantized * 256, np.rint(dequantized * 256))
