"""The user's TensorFlow Lite Micro: what boards.toml says, and what is generated for a model."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import InvalidOutputError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.firmware.runtimes.tflm import TFLM
from pytest_tinyquant.firmware.runtimes.tflm import has_per_channel_dense
from pytest_tinyquant.firmware.runtimes.tflm import require
from pytest_tinyquant.firmware.runtimes.tflm_headers import Headers
from pytest_tinyquant.firmware.runtimes.tflm_headers import read_headers
from pytest_tinyquant.firmware.runtimes.tflm_registrations import find_calls
from pytest_tinyquant.firmware.runtimes.tflm_registrations import registrations
from pytest_tinyquant.firmware.runtimes.tflm_sources import emit
from pytest_tinyquant.measure.dense_scales import check_dense_scales
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Quantization
from pytest_tinyquant.models.graph import Tensor
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.board_types import load_boards


@pytest.fixture
def board(tmp_path: Path) -> Callable[..., Board]:
    """Return a function that reads a board with some lines in its table."""

    def board(*lines: str) -> Board:
        (tmp_path / "boards.toml").write_text(
            "\n".join(["[m4]", "base = 'nucleo-l4r5zi'", "runtime = 'tflm'", *lines])
        )
        return load_boards([tmp_path / "boards.toml"])["m4"]

    return board


@pytest.fixture
def installed(tmp_path: Path) -> tuple[str, str]:
    """A library and its headers beside boards.toml, as far as anybody looks before compiling."""
    (tmp_path / "lib.a").write_bytes(b"archive")
    header = tmp_path / "tflm" / "tensorflow" / "lite" / "micro" / "micro_interpreter.h"
    header.parent.mkdir(parents=True)
    header.touch()
    return ("tflm.library = 'lib.a'", "tflm.include = 'tflm'")


def test_paths_are_relative_to_the_file(
    board: Callable[..., Board], installed: tuple[str, str], tmp_path: Path
) -> None:
    tflm = require(board(*installed))
    assert (tflm.library, tflm.include) == (tmp_path / "lib.a", (tmp_path / "tflm",))
    assert tflm.defines == ("TF_LITE_STATIC_MEMORY",)


def test_includes_and_defines_may_be_several(
    board: Callable[..., Board], installed: tuple[str, str], tmp_path: Path
) -> None:
    lines = (installed[0], "tflm.include = ['tflm', 'more']", "tflm.defines = ['CMSIS_NN']")
    tflm = board(*lines).tflm
    assert tflm is not None
    assert tflm.include == (tmp_path / "tflm", tmp_path / "more")
    assert tflm.defines == ("CMSIS_NN",)


def test_a_baseline_names_commit_and_library(
    board: Callable[..., Board], installed: tuple[str, str]
) -> None:
    version = require(board(*installed, "tflm.commit = '90b983c2'")).version
    assert re.fullmatch(r"tflite-micro 90b983c2, library [0-9a-f]{16}", version)
    assert "unknown commit" in require(board(*installed)).version


def test_an_unknown_key_is_named(board: Callable[..., Board], installed: tuple[str, str]) -> None:
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
def test_what_is_missing_is_named_with_what_to_do(
    board: Callable[..., Board], installed: tuple[str, str], lines: tuple[str, str], message: str
) -> None:
    with pytest.raises(ToolchainNotFoundError, match=f"{message}.*docs/tflm.md"):
        require(board(*lines))


RESOLVER = """
// Stand-in for the real header, in its form.
#include "tensorflow/lite/micro/kernels/conv.h"
#include "tensorflow/lite/micro/kernels/missing.h"

template <unsigned int tOpCount>
class MicroMutableOpResolver : public MicroOpResolver {
  TfLiteStatus AddConv2D(const TFLMRegistration& registration = Register_CONV_2D()) {
    return AddBuiltin(BuiltinOperator_CONV_2D, registration, ParseConv2D);
  }
  TfLiteStatus AddFullyConnected(
      const TFLMRegistration& registration = Register_FULLY_CONNECTED()) {
    return AddBuiltin(BuiltinOperator_FULLY_CONNECTED, registration,
                      ParseFullyConnected);
  }
  TfLiteStatus AddBatchMatMul() {
    return AddBuiltin(tflite::BuiltinOperator_BATCH_MATMUL,
                      Register_BATCH_MATMUL(), ParseBatchMatMul);
  }
  TfLiteStatus AddCumSum() { return AddBuiltin(BuiltinOperator_CUMSUM, Register_CUMSUM(), ParseC); }
  TfLiteStatus AddMaxPool2D() { return AddBuiltin(BuiltinOperator_MAX_POOL_2D, x, y); }
  TfLiteStatus AddReshape() { return AddBuiltin(BuiltinOperator_RESHAPE, x, y); }
  TfLiteStatus AddSoftmax(const TFLMRegistration& registration = Register_SOFTMAX()) {
    return AddBuiltin(BuiltinOperator_SOFTMAX, registration, ParseSoftmax);
  }
  TfLiteStatus AddRfft(const TFLMRegistration* registration = tflm_signal::Register_RFFT()) {
    return AddCustom("SignalRfft", registration);
  }
};
"""
CONV = """
TFLMRegistration Register_CONV_2D();
TFLMRegistration Register_CONV_2D_INT8();
TFLMRegistration Register_FULLY_CONNECTED_INT8();
inline TFLMRegistration Register_SOFTMAX_INT8() { return Register_SOFTMAX(); }
"""


@pytest.fixture
def headers(tmp_path: Path) -> Headers:
    """What those headers offer."""
    micro = tmp_path / "clone" / "tensorflow" / "lite" / "micro"
    (micro / "kernels").mkdir(parents=True)
    (micro / "micro_mutable_op_resolver.h").write_text(RESOLVER)
    (micro / "kernels" / "conv.h").write_text(CONV)
    return read_headers([tmp_path, tmp_path / "clone"], where="m4")


def test_operators_are_spelt_as_the_headers_spell_them(headers: Headers) -> None:
    names = {op: method.name for op, method in headers.methods.items()}
    assert names["BATCH_MATMUL"] == "AddBatchMatMul"
    assert names["CUMSUM"] == "AddCumSum"
    assert names["SignalRfft"] == "AddRfft"


def test_headers_of_another_form_say_so(tmp_path: Path) -> None:
    with pytest.raises(ToolchainNotFoundError, match=r"m4: none of its tflm\.include"):
        read_headers([tmp_path], where="m4")
    header = tmp_path / "tensorflow" / "lite" / "micro" / "micro_mutable_op_resolver.h"
    header.parent.mkdir(parents=True)
    header.write_text("class MicroMutableOpResolver;")
    with pytest.raises(ToolchainNotFoundError, match="declares no operators as versions since"):
        read_headers([tmp_path], where="m4")


def test_integer_models_get_kernels_for_their_type_alone(
    headers: Headers, int8_cnn: bytes, float_cnn: bytes
) -> None:
    assert registrations(read_graph(int8_cnn), headers, where="net") == [
        "AddConv2D(tflite::Register_CONV_2D_INT8())",
        "AddFullyConnected(tflite::Register_FULLY_CONNECTED_INT8())",
        "AddMaxPool2D()",
        "AddReshape()",
        "AddSoftmax(tflite::Register_SOFTMAX_INT8())",
    ]
    assert registrations(read_graph(float_cnn), headers, where="net")[0] == "AddConv2D()"
    assert find_calls(read_graph(int8_cnn))[0] == "tflite::BuiltinOperator_CONV_2D"


@pytest.mark.parametrize(
    ("dtype", "weights", "call"),
    [
        ("int8", "int8", "AddFullyConnected(tflite::Register_FULLY_CONNECTED_INT8())"),
        # The registration for int8 takes the bytes of int4 weights for int8.
        ("int8", "int4", "AddFullyConnected()"),
        ("int16", "int8", "AddFullyConnected()"),  # these headers have none for int16
        ("float32", "int8", "AddFullyConnected()"),
    ],
)
def test_a_kernel_for_one_type_runs_all_types_of_the_layer(
    headers: Headers, dtype: str, weights: str, call: str
) -> None:
    graph = dense((0.1,), dtype=dtype, weights=weights)
    assert registrations(graph, headers, where="net") == [call]


def test_an_operator_that_the_headers_lack_is_named(headers: Headers) -> None:
    (operator,) = dense((0.1,)).operators
    graph = dataclasses.replace(
        dense((0.1,)), operators=(dataclasses.replace(operator, op="FLOOR_MOD"),)
    )
    with pytest.raises(UnsupportedModelError, match=r"net: the MicroM.*no method for FLOOR_MOD"):
        registrations(graph, headers, where="net")


def test_the_model_is_carried_as_it_is(headers: Headers, int8_cnn: bytes, tmp_path: Path) -> None:
    emitted = emit(read_graph(int8_cnn), int8_cnn, tmp_path, 1600, headers, where="m4")
    assert (tmp_path / "tq_tflm_model.bin").read_bytes() == int8_cnn
    header = (tmp_path / "tq_tflm_ops.h").read_text()
    assert "#define TQ_TFLM_OPS 5u" in header
    assert "#define TQ_TFLM_VARIABLES 0" in header
    assert emitted.arena_bytes == 1600


def test_boards_without_a_cortex_m_are_refused_in_a_sentence(tmp_path: Path) -> None:
    boards = load_boards([])
    TFLM.check_board(boards["nucleo-l4r5zi"])
    TFLM.check_board(boards["host"])
    with pytest.raises(ConfigurationError, match="rx65n: runtime tflm has an adapter for Cortex-M"):
        TFLM.check_board(boards["rx65n"])


def test_a_refusal_of_dense_layers_per_channel_is_known_from_the_model(int8_cnn: bytes) -> None:
    """A library built for release says nothing."""
    halt = DeviceHaltedError("ended in AllocateTensors: without a word", kind="AllocateTensors")

    def advice(graph: Graph, halt: DeviceHaltedError = halt) -> str:
        built: Any = SimpleNamespace(graph=graph, image=SimpleNamespace(arena_bytes=800))
        return TFLM.advice(built, halt)

    assert "convert with dense_per_channel = false" in advice(dense((0.1, 0.2), dtype="int16"))
    assert advice(dense((0.1, 0.2))) == (
        "It was offered an arena of 800 bytes, all that the board has left"
    )
    assert advice(dense((0.1,)), DeviceHaltedError("hard fault", kind="HardFault")) == ""


def dense(scales: tuple[float, ...], dtype: str = "int8", weights: str = "int8") -> Graph:
    """A graph of one dense layer whose weights have some scales."""
    one = Quantization((0.5,), (0,), 0)
    several = Quantization(scales, (0,) * len(scales), 0)
    tensors = (
        Tensor(0, "in", (1, 2), dtype, one, None),
        Tensor(1, "weights", (2, 2), weights, several, b"1234"),
        Tensor(2, "out", (1, 2), dtype, one, None),
    )
    return Graph(tensors, (Operator(0, "FULLY_CONNECTED", 1, (0, 1, -1), (2,), {}),), (0,), (2,))


def test_dense_layers_with_several_scales_are_found() -> None:
    assert has_per_channel_dense(dense((0.1, 0.2)))
    assert not has_per_channel_dense(dense((0.1,)))


def record(*outputs: list[int]) -> RunRecord:
    return RunRecord(
        outputs=tuple(bytes(output) for output in outputs), counter=None, counter_unit="cycles",
        counter_class="exact", op_counters=(), walk_counter=0, stack_bytes=None,
        arena_bytes=None, log="",
    )  # fmt: skip


EXPECTED = [np.array([[0, 2.2], [4, 6.2], [8, 10.2], [12, 14.2]], np.float32)]
HOST = record([0, 4], [8, 12], [16, 20], [24, 28])


def test_a_library_that_rounds_otherwise_is_right() -> None:
    board = record([0, 4], [8, 12], [16, 20], [24, 29])
    check_dense_scales(board, HOST, EXPECTED, dense((0.1, 0.2)))


def test_a_library_that_says_ok_and_computes_something_else_is_caught() -> None:
    board = record([0, 2], [8, 6], [16, 10], [24, 14])
    with pytest.raises(InvalidOutputError, match=r"the library .* said OK.*scale per output"):
        check_dense_scales(board, HOST, EXPECTED, dense((0.1, 0.2)))
