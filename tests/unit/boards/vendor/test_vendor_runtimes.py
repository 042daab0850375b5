"""What the vendors' runtimes take, before any tool is asked."""

from __future__ import annotations

import pytest
from model_builder import ModelBuilder
from model_builder import small_cnn

from pytest_tinyquant.boards.vendor.runtime import mixture
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.support.runtimes import RUNTIMES


VENDORS = ("st-edge-ai", "edge-impulse", "eai-translator", "ekkono")


def dense(weights: str = "float32", ends: str = "float32") -> Graph:
    """A dense layer; with other `ends` QUANTIZE and DEQUANTIZE stand around it."""
    b = ModelBuilder()
    inner = "int8" if weights == "int8" and ends == "mixed" else "float32"
    data = [1] * 8 if weights == "int8" else [0.5] * 8
    kernel = b.tensor((2, 4), weights, data=data, scale=0.1 if weights == "int8" else ())
    source, out = b.tensor((1, 4)), b.tensor((1, 2))
    if inner == "int8":
        before, after = b.tensor((1, 4), "int8", scale=0.1), b.tensor((1, 2), "int8", scale=0.1)
        b.operator("QUANTIZE", [source], [before])
        b.operator("FULLY_CONNECTED", [before, kernel, -1], [after])
        b.operator("DEQUANTIZE", [after], [out])
    else:
        b.operator("FULLY_CONNECTED", [source, kernel, -1], [out])
    return read_graph(b.build([source], [out]), where="net")


@pytest.mark.parametrize("name", VENDORS)
def test_float_is_taken_by_all_and_16x8_by_none(name: str) -> None:
    RUNTIMES[name].check(dense())
    with pytest.raises(UnsupportedModelError, match=r"not int16|no operator CONV_2D") as caught:
        RUNTIMES[name].check(read_graph(small_cnn("int16"), where="net"))
    assert "Choose the scheme 'basic' or 'int8-only'" in str(caught.value)


@pytest.mark.parametrize("name", VENDORS[:3])
def test_int8_is_taken_and_hybrid_kernels_are_not(name: str) -> None:
    RUNTIMES[name].check(read_graph(small_cnn("int8"), where="net"))
    with pytest.raises(UnsupportedModelError, match="no hybrid kernels") as caught:
        RUNTIMES[name].check(dense("int8"))
    assert caught.value.op == "FULLY_CONNECTED"


def test_ekkono_takes_dense_layers_in_float_alone() -> None:
    with pytest.raises(UnsupportedModelError, match="it takes float32, not int8"):
        RUNTIMES["ekkono"].check(dense("int8"))
    with pytest.raises(UnsupportedModelError, match="it has no operator CONV_2D"):
        RUNTIMES["ekkono"].check(read_graph(small_cnn("float32"), where="net"))


def test_a_mixture_is_named_before_any_run() -> None:
    graph = dense("int8", "mixed")
    words = "mixed: integers inside, quantize[0], dequantize[2] at float inputs and outputs"
    assert mixture(graph) == words
    assert RUNTIMES["st-edge-ai"].outlook(graph) == words
    assert mixture(dense()) == ""
    assert mixture(read_graph(small_cnn("int8"), where="net")) == ""


def test_the_ready_boards_are_there_on_request_and_say_what_they_run() -> None:
    boards = {b.name: b for b in load_boards(()).values() if b.kind == "command"}
    assert set(boards) == {"st-edge-ai-stm32l4", "edge-impulse-cortex-m4f"}
    for board in boards.values():
        assert board.on_request
        assert board.tool is not None
        assert board.tool.version
        assert "{model}" in board.tool.settings
    tool = boards["st-edge-ai-stm32l4"].tool
    assert tool is not None
    assert tool.settings.startswith("analyze: stedgeai analyze --target stm32l4 --name network")
    tool = boards["edge-impulse-cortex-m4f"].tool
    assert tool is not None
    assert not tool.cache
