"""The adapter to TensorFlow Lite Micro, on the emulated board, against a stand-in of its API."""

from __future__ import annotations

import dataclasses
import re
import tempfile
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.boards.open import open_device
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware import image as firmware
from pytest_tinyquant.firmware.image import FirmwareImage
from pytest_tinyquant.firmware.runtimes.tflm import TFLM
from pytest_tinyquant.firmware.runtimes.tflm import require
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Quantization
from pytest_tinyquant.models.graph import Tensor
from pytest_tinyquant.paired.sides import WorkingTree
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.board_types import aim
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.system.cache import Cache


Run = Callable[..., tuple[FirmwareImage, RunRecord]]

SAMPLES = [bytes(range(16)), bytes(range(100, 116))]


@pytest.fixture
def library(tflm_stand_in: Callable[..., str], tmp_path: Path) -> Callable[..., Board]:
    """Return a function that builds the stand-in with some macros and returns the board for it."""

    def library(*macros: str, defines: Sequence[str] = ()) -> Board:
        boards = tmp_path / "boards.toml"
        listed = ["TF_LITE_STATIC_MEMORY", *defines]
        boards.write_text(tflm_stand_in(*macros) + f"tflm.defines = {listed}\n")
        return aim(load_boards([boards])["m4"], "emulator", attached=())

    return library


def dense_graph(count: int) -> Graph:
    """One dense layer of int8 values, as far as the adapter looks at it."""
    quantization = Quantization((0.1,), (0,), 0)

    def tensor(index: int, name: str, shape: tuple[int, ...], data: bytes | None = None) -> Tensor:
        return Tensor(index, name, shape, "int8", quantization, data)

    tensors = (
        tensor(0, "in", (1, count)),
        tensor(1, "weights", (count, count), b""),
        tensor(2, "out", (1, count)),
    )
    operator = Operator(0, "FULLY_CONNECTED", 1, (0, 1, -1), (2,), {})
    return Graph(tensors, (operator,), (0,), (2,))


@pytest.fixture
def graph_of() -> Callable[[int], Graph]:
    """Return a function that gives the graph of a dense layer of so many values."""
    return dense_graph


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that builds and runs a model, of 16 values unless given, on a board."""

    def run(board: Board, graph: Graph | None = None) -> tuple[FirmwareImage, RunRecord]:
        graph = graph or dense_graph(16)
        samples = [sample.ljust(graph.tensors[0].bytes, b"\1") for sample in SAMPLES]
        with tempfile.TemporaryDirectory() as directory:
            tflite = b"\x1c\0\0\0TFL3" + bytes(64)
            # What the adapter looks at of a checked case.
            converted = SimpleNamespace(read=lambda: tflite)
            model = SimpleNamespace(sequence=1)
            case: Any = SimpleNamespace(board=board, graph=graph, converted=converted, model=model)
            emitted = TFLM.emit(case, Path(directory))
            image = firmware.build(emitted, board, samples, Cache(), where="net-int8-m4")
        device = open_device(board, work_dir=tmp_path, timeout=60)
        try:
            device.flash(image)
            return image, device.run()
        finally:
            device.close()

    return run


def test_outputs_counts_and_the_arena_come_from_the_interpreter(
    library: Callable[..., Board], run: Run
) -> None:
    image, record = run(library())
    assert list(record.outputs) == SAMPLES
    assert record.arena_bytes == 1234
    (dense,) = record.op_counters
    assert record.counter is not None
    assert 64 < dense < record.counter
    assert record.counter_unit == "instructions"
    assert image.flash.kernels > 0
    assert image.flash.weights == 72


def test_a_library_built_for_release_is_measured_and_refuses_without_words(
    library: Callable[..., Board], run: Run
) -> None:
    """It has no profiler, and no names of operators."""
    release = library("-DTF_LITE_STRIP_ERROR_STRINGS", defines=["TF_LITE_STRIP_ERROR_STRINGS"])
    _, record = run(release)
    assert list(record.outputs) == SAMPLES
    assert record.counter is not None
    assert 64 < record.op_counters[0] < record.counter
    refusing = library(
        "-DTF_LITE_STRIP_ERROR_STRINGS",
        "-DSTAND_IN_REFUSES=x",
        defines=["TF_LITE_STRIP_ERROR_STRINGS"],
    )
    with pytest.raises(DeviceHaltedError, match="ended in AllocateTensors: without a word"):
        run(refusing)


def test_inputs_larger_than_the_stack_are_no_trouble(
    library: Callable[..., Board], run: Run, graph_of: Callable[[int], Graph]
) -> None:
    _, record = run(library("-DSTAND_IN_BYTES=20000"), graph_of(20_000))
    assert [len(output) for output in record.outputs] == [20_000, 20_000]
    assert record.outputs[0][:16] == SAMPLES[0]


def test_variables_get_a_place(
    library: Callable[..., Board], run: Run, graph_of: Callable[[int], Graph]
) -> None:
    graph = graph_of(16)
    handle = Operator(1, "VAR_HANDLE", 1, (), (), {})
    (dense,) = graph.operators
    with_variables = dataclasses.replace(graph, operators=(dense, handle))
    _, record = run(library(), with_variables)
    assert list(record.outputs) == SAMPLES
    assert len(record.op_counters) == 2


def test_a_refusal_comes_with_the_librarys_own_words(
    library: Callable[..., Board], run: Run
) -> None:
    refuses = '-DSTAND_IN_REFUSES="cmsis_nn/fully_connected.cc:116 !is_per_channel"'
    board = library(refuses, "-DCMSIS_NN", defines=["CMSIS_NN"])
    with pytest.raises(DeviceHaltedError) as caught:
        run(board)
    text = str(caught.value)
    assert caught.value.kind == "AllocateTensors"
    assert "fully_connected.cc:116 !is_per_channel was not true." in text
    assert "Node int8 (number 0) failed to prepare with status 1" in text
    assert "convert with dense_per_channel = false" in text


def test_a_refusal_for_another_reason_gives_no_advice_about_dense_layers(
    library: Callable[..., Board], run: Run
) -> None:
    with pytest.raises(DeviceHaltedError, match="ended in AllocateTensors: input->type") as caught:
        run(library('-DSTAND_IN_REFUSES="input->type == kTfLiteInt8"'))
    assert "dense_per_channel" not in str(caught.value)


def test_without_a_library_the_board_says_what_to_provide(
    library: Callable[..., Board], run: Run
) -> None:
    board = dataclasses.replace(library(), tflm=None)
    with pytest.raises(ToolchainNotFoundError, match=r"tflm\.library = PATH.*docs/tflm\.md"):
        run(board)


def test_a_failed_assertion_ends_the_run_at_once(library: Callable[..., Board], run: Run) -> None:
    with pytest.raises(DeviceHaltedError, match=r"assertion .* failed: stand_in\.cc:123") as caught:
        run(library("-DSTAND_IN_ASSERTS"))
    assert caught.value.kind == "assertion"
    assert "HALTED" not in str(caught.value)


# --- the library before anything is linked ---


STRIPPED = "TF_LITE_STRIP_ERROR_STRINGS"


@pytest.mark.parametrize(
    ("macros", "defines", "words"),
    [
        (["-UTF_LITE_STATIC_MEMORY"], [], "was built without TF_LITE_STATIC_MEMORY.*remove it"),
        ([f"-D{STRIPPED}"], [], rf"was built with {STRIPPED} .*add it to tflm\.defines"),
        ([], ["CMSIS_NN"], r"was built without CMSIS_NN .*remove it from tflm\.defines"),
        (["-mcpu=cortex-m33"], [], r"built for armv8-m\.main, which a cortex-m4 does not run"),
        (["-mfloat-abi=soft"], [], "takes? floats in integer registers, the board's in the"),
    ],
)
def test_a_library_built_otherwise_is_refused_with_what_to_change(
    library: Callable[..., Board], run: Run, macros: list[str], defines: list[str], words: str
) -> None:
    with pytest.raises(ToolchainNotFoundError, match=rf"m4: \S+microlite\.a: .*{words}"):
        run(library(*macros, defines=defines))


def test_a_define_that_the_library_was_built_with_is_asked_for(
    library: Callable[..., Board], run: Run
) -> None:
    board = library()
    without = dataclasses.replace(require(board), defines=())
    with pytest.raises(ToolchainNotFoundError, match=r"with TF_LITE_STATIC_MEMORY.*add it"):
        run(dataclasses.replace(board, tflm=without))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[: len(data) // 2], "not complete: a file in it ends after the library"),
        (lambda data: b"!<thin>\n" + data[8:], "a thin archive"),
        (lambda data: b"no archive", "no static library"),
        (lambda data: data[:8], "has no index of symbols"),
        (lambda data: data.replace(b"\x7fELF", b"ELF\x7f"), "holds no object file"),
        (lambda data: data.replace(b"MicroInterpreter", b"MicroXnterpreter"), "no MicroInterprete"),
    ],
)
def test_what_is_no_whole_library_is_told(
    library: Callable[..., Board], run: Run, damage: Callable[[bytes], bytes], words: str
) -> None:
    board = library()
    require(board).library.write_bytes(damage(require(board).library.read_bytes()))
    with pytest.raises(ToolchainNotFoundError, match=words):
        run(board)


def test_a_library_of_another_machine_is_told(library: Callable[..., Board], run: Run) -> None:
    board = library()
    data = bytearray(require(board).library.read_bytes())
    start = data.index(b"\x7fELF")
    data[start + 18] = 0xAD  # e_machine: Renesas RX
    require(board).library.write_bytes(data)
    with pytest.raises(ToolchainNotFoundError, match="built for RX, not for Arm"):
        run(board)


def test_the_doctor_looks_at_library_headers_and_compiler(library: Callable[..., Board]) -> None:
    board = library()
    found = TFLM.found_for(board)
    assert re.search(r"microlite\.a, compiled by GCC: .*\(the board's is arm-none-eabi-gcc", found)
    assert "headers with 4 operators" in found
    with pytest.raises(ToolchainNotFoundError, match="no library of it"):
        TFLM.found_for(dataclasses.replace(board, tflm=None))


def test_a_directory_of_kernels_means_nothing_to_such_a_board(
    library: Callable[..., Board], tmp_path: Path
) -> None:
    stages: Any = SimpleNamespace()
    side = WorkingTree("B", stages, kernels=tmp_path)
    with pytest.raises(ConfigurationError, match="takes its kernels from the board's library"):
        side.board(library())
