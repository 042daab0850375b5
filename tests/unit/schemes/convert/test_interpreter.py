"""What a .tflite file answers, by TensorFlow's interpreter or, without it, by ai-edge-litert's."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.convert import interpreter_outputs
from pytest_tinyquant.schemes.convert import reference_outputs
from pytest_tinyquant.schemes.interpreter import find_interpreter
from pytest_tinyquant.schemes.layer_outputs import layer_outputs
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.schemes.servers import SERVERS
from pytest_tinyquant.system.cache import Cache


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Returns a function that hides packages."""
    found = importlib.util.find_spec

    def hide(*packages: str) -> None:
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name, *rest: None if name in packages else found(name, *rest),
        )

    return hide


def test_tensorflow_goes_before_the_light_interpreter(without: Callable[..., None]) -> None:
    pytest.importorskip("ai_edge_litert")
    assert find_interpreter().library == "tensorflow"
    without("tensorflow")
    used = find_interpreter()
    assert used.library == "ai_edge_litert"
    assert used.version.startswith("ai-edge-litert 2.")
    assert "ai_edge_litert" in used.packages
    assert "tensorflow" not in used.packages


def test_without_either_the_small_extra_is_named_first(without: Callable[..., None]) -> None:
    without("tensorflow", "ai_edge_litert")
    with pytest.raises(ToolchainNotFoundError, match=r"pip install 'pytest-tinyquant\[litert\]'"):
        find_interpreter()


@pytest.mark.parametrize("scheme", ["basic", "int8", "int8-only", "16x8-only"])
def test_both_interpreters_give_the_same_bits_and_have_keys_of_their_own(
    scheme: str,
    small: Any,
    shared_cache: Cache,
    tmp_path: Path,
    without: Callable[..., None],
) -> None:
    pytest.importorskip("ai_edge_litert")
    converted = convert(small, SCHEMES[scheme], shared_cache)
    (tmp_path / "given.tflite").write_bytes(converted.read())
    path = tmp_path / "given.tflite"
    given = replace(small, name="given", path=path, kind="tflite", source_sha256=converted.sha256)

    def answers() -> list[Path]:
        files = [interpreter_outputs(given, converted, shared_cache, kernels="reference")]
        return [*files, reference_outputs(given, shared_cache).path]

    theirs = answers()
    without("tensorflow", "keras")
    try:
        ours = answers()
    finally:
        SERVERS["litert"].close()
    for one, other in zip(theirs, ours, strict=True):
        assert one != other
        assert np.array_equal(np.load(one)["outputs"], np.load(other)["outputs"])


def test_layers_need_no_tensorflow_either(
    small: Any, shared_cache: Cache, without: Callable[..., None]
) -> None:
    pytest.importorskip("ai_edge_litert")
    converted = convert(small, SCHEMES["int8-only"], shared_cache)
    theirs = layer_outputs(small, converted, [0], shared_cache)[0]
    without("tensorflow", "keras")
    try:
        ours = layer_outputs(small, converted, [0], shared_cache)[0]
    finally:
        SERVERS["litert"].close()
    assert np.array_equal(theirs, ours)
