"""The adapter to TensorFlow Lite Micro, on the emulated board, against a stand-in of its API."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_tinyquant.boards.open import open_device
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware import image as firmware
from pytest_tinyquant.firmware.runtimes.tflm import TFLM
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Quantization
from pytest_tinyquant.models.graph import Tensor
from pytest_tinyquant.project.board_types import aim
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.system.cache import Cache


SAMPLES = [bytes(range(16)), bytes(range(100, 116))]


@pytest.fixture
def library(tflm_stand_in, tmp_path):
    """Return a function that builds the stand-in with some macros and returns the board for it."""

    def library(*macros):
        boards = tmp_path / "boards.toml"
        boards.write_text(tflm_stand_in(*macros))
        return aim(load_boards([boards])["m4"], "emulator", attached=())

    return library


@pytest.fixture
def graph():
    """One dense layer of 16 int8 values, as far as the adapter looks at it."""
    quantization = Quantization((0.1,), (0,), 0)

    def tensor(index, name, shape):
        return Tensor(index, name, shape, "int8", quantization, None)

    tensors = (tensor(0, "in", (1, 16)), tensor(1, "weights", (16, 16)), tensor(2, "out", (1, 16)))
    operator = Operator(0, "FULLY_CONNECTED", 1, (0, 1, -1), (2,), {})
    return Graph(tensors, (operator,), (0,), (2,))


@pytest.fixture
def run(graph, tmp_path):
    """Return a function that builds and runs the model on a board."""

    def run(board):
        with tempfile.TemporaryDirectory() as directory:
            tflite = b"\x1c\0\0\0TFL3" + bytes(64)
            # What the adapter looks at of a checked case.
            converted = SimpleNamespace(read=lambda: tflite)
            case: Any = SimpleNamespace(board=board, graph=graph, converted=converted)
            emitted = TFLM.emit(case, Path(directory))
            image = firmware.build(emitted, board, SAMPLES, Cache(), where="net-int8-m4")
        device = open_device(board, work_dir=tmp_path, timeout=60)
        try:
            device.flash(image)
            return image, device.run()
        finally:
            device.close()

    return run


def test_outputs_counts_and_the_arena_come_from_the_interpreter(library, run):
    image, record = run(library())
    assert list(record.outputs) == SAMPLES
    assert record.arena_bytes == 1234
    (dense,) = record.op_counters
    assert 64 < dense < record.counter
    assert record.counter_unit == "instructions"
    assert image.flash.kernels > 0
    assert image.flash.weights == 72


def test_a_refusal_comes_with_the_librarys_own_words(library, run):
    board = library('-DSTAND_IN_REFUSES="cmsis_nn/fully_connected.cc:116 !is_per_channel"')
    with pytest.raises(DeviceHaltedError) as caught:
        run(board)
    text = str(caught.value)
    assert caught.value.kind == "AllocateTensors"
    assert "fully_connected.cc:116 !is_per_channel was not true." in text
    assert "Node int8 (number 0) failed to prepare with status 1" in text
    assert "convert with dense_per_channel = false" in text


def test_a_refusal_for_another_reason_gives_no_advice_about_dense_layers(library, run):
    with pytest.raises(DeviceHaltedError, match="ended in AllocateTensors: input->type") as caught:
        run(library('-DSTAND_IN_REFUSES="input->type == kTfLiteInt8"'))
    assert "dense_per_channel" not in str(caught.value)


def test_without_a_library_the_board_says_what_to_provide(library, run):
    board = dataclasses.replace(library(), tflm=None)
    with pytest.raises(ToolchainNotFoundError, match=r"tflm\.library = PATH.*docs/tflm\.md"):
        run(board)
