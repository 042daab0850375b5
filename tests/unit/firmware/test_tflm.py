"""The user's TensorFlow Lite Micro: what boards.toml says, and what is generated for a model."""

from __future__ import annotations

import re

import numpy as np
import pytest

from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import InvalidOutputError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware.runtimes.tflm import emit
from pytest_tinyquant.firmware.runtimes.tflm import has_per_channel_dense
from pytest_tinyquant.firmware.runtimes.tflm import method
from pytest_tinyquant.firmware.runtimes.tflm import registrations
from pytest_tinyquant.firmware.runtimes.tflm import require
from pytest_tinyquant.measure.dense_scales import check_dense_scales
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Quantization
from pytest_tinyquant.models.graph import Tensor
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.project.board_types import load_boards


@pytest.fixture
def board(tmp_path):
    """Return a function that reads a board with some lines in its table."""

    def board(*lines):
        (tmp_path / "boards.toml").write_text(
            "\n".join(["[m4]", "base = 'nucleo-l4r5zi'", "runtime = 'tflm'", *lines])
        )
        return load_boards([tmp_path / "boards.toml"])["m4"]

    return board


@pytest.fixture
def installed(tmp_path):
    """A library and its headers beside boards.toml, as far as anybody looks before compiling."""
    (tmp_path / "lib.a").write_bytes(b"archive")
    header = tmp_path / "tflm" / "tensorflow" / "lite" / "micro" / "micro_interpreter.h"
    header.parent.mkdir(parents=True)
    header.touch()
    return ("tflm.library = 'lib.a'", "tflm.include = 'tflm'")


def test_paths_are_relative_to_the_file(board, installed, tmp_path):
    tflm = require(board(*installed))
    assert (tflm.library, tflm.include) == (tmp_path / "lib.a", (tmp_path / "tflm",))
    assert tflm.defines == ("TF_LITE_STATIC_MEMORY",)


def test_includes_and_defines_may_be_several(board, installed, tmp_path):
    lines = (installed[0], "tflm.include = ['tflm', 'more']", "tflm.defines = ['CMSIS_NN']")
    tflm = board(*lines).tflm
    assert tflm.include == (tmp_path / "tflm", tmp_path / "more")
    assert tflm.defines == ("CMSIS_NN",)


def test_a_baseline_names_commit_and_library(board, installed):
    version = board(*installed, "tflm.commit = '90b983c2'").tflm.version
    assert re.fullmatch(r"tflite-micro 90b983c2, library [0-9a-f]{16}", version)
    assert "unknown commit" in board(*installed).tflm.version


def test_an_unknown_key_is_named(board, installed):
    with pytest.raises(ConfigurationError, match=r"unknown key 'libary'.*closest: 'library'"):
        board(*installed, "tflm.libary = 'x'")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((), "its runtime is tflm, but there is no library"),
        (("tflm.library = 'no.a'", "tflm.include = 'tflm'"), "no.a does not exist"),
        (("tflm.library = 'lib.a'", "tflm.include = 'no'"), "no does not exist"),
        (("tflm.library = 'lib.a'", "tflm.include = '.'"), "holds tensorflow/lite/micro/micro_i"),
    ],
)
def test_what_is_missing_is_named_with_what_to_do(board, installed, lines, message):
    with pytest.raises(ToolchainNotFoundError, match=f"{message}.*docs/tflm.md"):
        require(board(*lines))


@pytest.mark.parametrize(
    ("op", "name"),
    [
        ("CONV_2D", "Conv2D"),
        ("FULLY_CONNECTED", "FullyConnected"),
        ("MAX_POOL_2D", "MaxPool2D"),
        ("PADV2", "PadV2"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "UnidirectionalSequenceLSTM"),
    ],
)
def test_operators_are_spelt_as_the_resolver_spells_them(op, name):
    assert method(op) == name


def test_integer_models_get_kernels_for_their_type_alone(int8_cnn, float_cnn):
    assert registrations(read_graph(int8_cnn)) == [
        "AddConv2D(tflite::Register_CONV_2D_INT8())",
        "AddFullyConnected(tflite::Register_FULLY_CONNECTED_INT8())",
        "AddMaxPool2D()",
        "AddReshape()",
        "AddSoftmax(tflite::Register_SOFTMAX_INT8())",
    ]
    assert registrations(read_graph(float_cnn))[0] == "AddConv2D()"


def test_the_model_is_carried_as_it_is(board, int8_cnn, tmp_path):
    emitted = emit(read_graph(int8_cnn), int8_cnn, tmp_path, board())
    assert (tmp_path / "tq_tflm_model.bin").read_bytes() == int8_cnn
    header = (tmp_path / "tq_tflm_ops.h").read_text()
    assert "#define TQ_TFLM_OPS 5u" in header
    assert "#define TQ_TFLM_INPUT_BYTES 128u" in header
    assert emitted.arena_bytes % 16 == 0
    assert emitted.arena_bytes < board().ram_bytes


def dense(scales):
    """A graph of one dense layer whose weights have some scales."""
    one = Quantization((0.5,), (0,), 0)
    weights = Quantization(scales, (0,) * len(scales), 0)
    tensors = (
        Tensor(0, "in", (1, 2), "int8", one, None),
        Tensor(1, "weights", (2, 2), "int8", weights, b"1234"),
        Tensor(2, "out", (1, 2), "int8", one, None),
    )
    return Graph(tensors, (Operator(0, "FULLY_CONNECTED", 1, (0, 1, -1), (2,), {}),), (0,), (2,))


def test_dense_layers_with_several_scales_are_found():
    assert has_per_channel_dense(dense((0.1, 0.2)))
    assert not has_per_channel_dense(dense((0.1,)))


def record(*outputs):
    return RunRecord(
        outputs=tuple(bytes(output) for output in outputs), counter=None, counter_unit="",
        counter_class="exact", op_counters=(), walk_counter=0, stack_bytes=None,
        arena_bytes=None, log="",
    )  # fmt: skip


EXPECTED = [np.array([[0, 2.2], [4, 6.2], [8, 10.2], [12, 14.2]], np.float32)]
HOST = record([0, 4], [8, 12], [16, 20], [24, 28])


def test_a_library_that_rounds_otherwise_is_right():
    board = record([0, 4], [8, 12], [16, 20], [24, 29])
    check_dense_scales(board, HOST, EXPECTED, dense((0.1, 0.2)))


def test_a_library_that_says_ok_and_computes_something_else_is_caught():
    board = record([0, 2], [8, 6], [16, 10], [24, 14])
    with pytest.raises(InvalidOutputError, match=r"the library .* said OK.*scale per output"):
        check_dense_scales(board, HOST, EXPECTED, dense((0.1, 0.2)))
