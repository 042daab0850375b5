"""Vela itself, on models of a few operators."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import time
from pathlib import Path
from typing import Any
from typing import NoReturn

import pytest
from model_builder import ModelBuilder
from model_builder import small_cnn

from pytest_tinyquant.boards.npu.compiled import read_compiled
from pytest_tinyquant.boards.npu.estimate import NpuEstimate
from pytest_tinyquant.boards.npu.vela import Vela
from pytest_tinyquant.boards.npu.vela import settings
from pytest_tinyquant.boards.npu.vela import version
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import CompiledModelError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ConversionError
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.project.npu import Npu


needs_vela = pytest.mark.skipif(
    importlib.util.find_spec("ethosu") is None,
    reason="Vela is not installed: pip install 'pytest-tinyquant[ethos-u]'",
)

U55 = Npu("ethos-u55-128", "Ethos_U55_High_End_Embedded", "Shared_Sram")


def compiled(
    model: bytes, directory: Path, npu: Npu = U55, *, timeout: float = 120.0
) -> NpuEstimate:
    file = directory / "net.tflite"
    file.write_bytes(model)
    work = directory / f"work-{time.monotonic_ns()}"
    work.mkdir()
    return Vela("npu", npu, timeout).estimate(file, work, where="net-npu")


def float_dense() -> bytes:
    b = ModelBuilder()
    source, weights, out = b.tensor((1, 4)), b.tensor((2, 4), data=[0.5] * 8), b.tensor((1, 2))
    b.operator("FULLY_CONNECTED", [source, weights, -1], [out])
    return b.build([source], [out])


@needs_vela
def test_an_integer_model_has_cycles_memories_and_layers(tmp_path: Path) -> None:
    found = compiled(small_cnn("int8"), tmp_path)
    assert found.cycles == pytest.approx(sum(layer.cycles for layer in found.layers), rel=0.2)
    assert found.sram_bytes > 0
    assert found.moved["sram"] > 0
    assert found.constants is not None
    assert found.constants.command_stream > 0
    assert found.constants.weights > 0
    assert found.on_cpu == ()


@needs_vela
def test_the_same_model_gives_the_same_estimate_three_times(tmp_path: Path) -> None:
    model = small_cnn("int8")
    assert compiled(model, tmp_path) == compiled(model, tmp_path) == compiled(model, tmp_path)


@needs_vela
def test_a_float_model_is_left_to_the_cpu_with_vela_s_own_reason(tmp_path: Path) -> None:
    found = compiled(float_dense(), tmp_path)
    assert not found.runs_on_npu
    (refused,) = found.refused
    assert refused.op == "FULLY_CONNECTED"
    assert "unsupported DataType Float32" in refused.text
    assert "\n" not in refused.text


@needs_vela
def test_a_compiled_file_is_recognised_by_the_operator_s_name(tmp_path: Path) -> None:
    compiled(small_cnn("int8"), tmp_path)
    (file,) = tmp_path.glob("work-*/out/*_vela.tflite")
    with pytest.raises(CompiledModelError, match=r"net: operator 0 is ethos-u: Vela compiled"):
        read_graph(file.read_bytes(), where="net")


@needs_vela
def test_every_built_in_ethos_u_is_one_that_vela_knows(tmp_path: Path) -> None:
    boards = [board for board in load_boards(()).values() if board.kind == "ethos-u"]
    assert len(boards) == 11
    for board in boards:
        assert board.on_request
        assert board.npu is not None
        assert board.npu.accelerator == board.name
    # One of each family; the others differ in the number of multipliers alone.
    for name in ("ethos-u55-32", "ethos-u65-512", "ethos-u85-2048"):
        npu = next(board.npu for board in boards if board.name == name)
        assert npu is not None
        assert compiled(small_cnn("int8"), tmp_path, npu).cycles > 0


@needs_vela
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"system_config": "Ethos_U99"}, "Section System_Config.Ethos_U99 not found"),
        ({"memory_mode": "Dedicated_Sram"}, "Invalid configuration of arena_mem_area"),
    ],
)
def test_an_unknown_system_or_memory_mode_names_those_there_are(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        compiled(small_cnn("int8"), tmp_path, dataclasses.replace(U55, **change))
    assert "Ethos_U55_Deep_Embedded" in str(caught.value)
    assert "Sram_Only" in str(caught.value)


@needs_vela
def test_a_damaged_file_is_vela_s_to_refuse(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="Vela cannot compile this model"):
        compiled(small_cnn("int8")[:600], tmp_path)


@needs_vela
def test_a_compilation_that_does_not_end_is_the_machine_s_fault(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"did not compile the model in 0.01 s"):
        compiled(small_cnn("int8"), tmp_path, timeout=0.01)


def test_without_vela_the_error_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> NoReturn:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    with pytest.raises(ToolchainNotFoundError, match=r"pytest-tinyquant\[ethos-u\]"):
        version()


def test_a_users_configuration_is_named_by_its_content(tmp_path: Path) -> None:
    config = tmp_path / "mine.ini"
    config.write_text("[System_Config.Mine]\n")
    first = settings(dataclasses.replace(U55, config=config))
    config.write_text("[System_Config.Mine]\ncore_clock=1\n")
    assert settings(dataclasses.replace(U55, config=config)) != first
    assert first[3].startswith("mine.ini:")


def test_a_users_configuration_that_is_not_there_is_named(tmp_path: Path) -> None:
    npu = dataclasses.replace(U55, config=tmp_path / "absent.ini")
    with pytest.raises(ConfigurationError, match=r"npu: npu.config: .*absent.ini does not exist"):
        Vela("npu", npu, 1.0)._compile(tmp_path / "net.tflite", tmp_path / "out", "net-npu")


@pytest.mark.parametrize("model", [b"", small_cnn("int8")])
def test_what_vela_did_not_compile_has_no_constants(model: bytes) -> None:
    with pytest.raises(ModelError):
        read_compiled(model, where="net")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('kind = "ethos-u"', "needs a table 'npu'"),
        ('kind = "ethos-u"\nnpu = {accelerator = "ethos-u55-512"}', "ethos-u55-256"),
        ('kind = "ethos-u"\nnpu = {accelerator = "ethos-u55-128"}', "system_config"),
        ('base = "ethos-u55-128"\nnpu = {macs = 5}', "macs"),
    ],
)
def test_a_table_that_does_not_say_which_npu_is_refused(
    tmp_path: Path, table: str, words: str
) -> None:
    file = tmp_path / "boards.toml"
    file.write_text(f'[mine]\n{table}\nruntime = "ethos-u"\nmetrics = ["error"]\n')
    with pytest.raises(ConfigurationError, match=words):
        load_boards([file])
