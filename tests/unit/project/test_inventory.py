"""Boards: built in, changed and added by boards.toml files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.project.board_types import aim
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.project.target import TargetChoice


@pytest.fixture
def boards_file(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str, name: str = "boards.toml") -> Path:
        file = tmp_path / name
        file.write_text(text)
        return file

    return write


def test_built_in_boards() -> None:
    boards = load_boards([])
    host, nucleo = boards["host"], boards["nucleo-l4r5zi"]
    usual = [name for name, board in boards.items() if not board.on_request]
    assert usual == ["host", "nucleo-l4r5zi", "rx65n"]
    assert (host.kind, host.runtime, host.target) == ("host", "tflm", "host")
    assert host.metrics == ("error", "ram")
    assert (nucleo.kind, nucleo.runtime, nucleo.target) == ("cortex-m4f", "tinyquant", "emulator")
    assert nucleo.metrics == ("error", "latency", "flash", "ram")
    assert (nucleo.flash_bytes, nucleo.ram_bytes) == (2 * 1024 * 1024, 640 * 1024)
    assert nucleo.reached_by == "emulated (QEMU mps2-an386)"


def test_a_file_changes_single_keys_and_later_files_win(boards_file: Callable[..., Path]) -> None:
    project = boards_file("[nucleo-l4r5zi]\nram_bytes = 1024\ncflags = ['-O2']\n")
    bench = boards_file("[nucleo-l4r5zi]\nram_bytes = 2048\n", "bench.toml")
    board = load_boards([project, bench])["nucleo-l4r5zi"]
    assert board.ram_bytes == 2048
    assert board.cflags == ("-O2",)
    assert board.flash_bytes == 2 * 1024 * 1024


def test_a_file_adds_boards_from_scratch_or_from_a_base(boards_file: Callable[..., Path]) -> None:
    boards = load_boards(
        [
            boards_file(
                """
                [small]
                base = "nucleo-l4r5zi"
                ram_bytes = 65536
                [other]
                kind = "cortex-m4"
                runtime = "tinyquant"
                metrics = ["latency"]
                flash_bytes = 1000
                ram_bytes = 1000
                """
            )
        ]
    )
    assert (boards["small"].machine, boards["small"].ram_bytes) == ("mps2-an386", 65536)
    assert (boards["other"].machine, boards["other"].target) == ("", "hardware")


def test_kernels_are_a_name_or_a_path_from_the_file(
    boards_file: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "kernels").mkdir()
    file = boards_file("[nucleo-l4r5zi]\nkernels = './kernels'\n")
    assert load_boards([file])["nucleo-l4r5zi"].kernels == str(tmp_path / "kernels")
    file = boards_file("[nucleo-l4r5zi]\nkernels = 'cortex_m_dsp'\n")
    assert load_boards([file])["nucleo-l4r5zi"].kernels == "cortex_m_dsp"


@pytest.mark.parametrize(
    ("text", "kernel_set"),
    [
        ("[nucleo-l4r5zi]\nkernels = './kernels'\n", "cortex_m_dsp"),
        ("[rx65n]\nkernels = './kernels'\n", "reference"),
        ("[nucleo-l4r5zi]\nkernels = './kernels'\nkernel_set = 'reference'\n", "reference"),
        (
            "[mine]\nbase = 'nucleo-l4r5zi'\nkernels = './kernels'\n"
            "[other]\nbase = 'mine'\nkernels = './kernels'\n",
            "cortex_m_dsp",
        ),
        ("[nucleo-l4r5zi]\nkernels = 'reference'\n", ""),
    ],
    ids=["nucleo", "rx65n", "named", "on another's", "no directory"],
)
def test_beside_a_directory_of_kernels_is_the_set_that_the_board_had(
    boards_file: Callable[..., Path], tmp_path: Path, text: str, kernel_set: str
) -> None:
    (tmp_path / "kernels").mkdir()
    name = re.findall(r"^\[(.*)\]", text, re.MULTILINE)[-1]
    assert load_boards([boards_file(text)])[name].kernel_set == kernel_set


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[host]\nmetric = []", r"\[host\]: unknown key 'metric' \(closest: 'metrics'\)"),
        ("[host]\nmetrics = ['speed']", "metrics 'speed' is not known"),
        ("[host]\nmetrics = []", "must name at least one metric"),
        ("[host]\nkind = 'cortex-m5'", r"kind 'cortex-m5' is not known \(closest: 'cortex-m55'\)"),
        ("[mine]\nruntime = 'tflm'", "key 'kind' is missing"),
        ("[mine]\nbase = 'nucleo'", r"base 'nucleo' is not known \(closest: 'nucleo-l4r5zi'\)"),
        ("[mine]\nkind='cortex-m4'\nruntime='tinyquant'\nmetrics=['ram']", "needs flash_bytes"),
        ("[host]\nkernels = './no'", "no is not a directory"),
        ("[host]\nkernel_set = 'reference'", "'kernel_set' is the set beside a directory of kern"),
        (
            "[rx65n]\nkernels = './'\nkernel_set = 'dsp'",
            r"kernel_set 'dsp' is not known \(closest: 'rx_dsp'\)",
        ),
        ("host = 1", "key 'host' must be a table"),
        ("[host", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_one_clear_error(
    boards_file: Callable[..., Path], text: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load_boards([boards_file(text)])


@pytest.mark.parametrize(
    ("choice", "attached", "target"),
    [
        ("auto", (), "emulator"),
        ("auto", ("nucleo-l4r5zi",), "hardware"),
        ("auto", ("rx65n",), "emulator"),
        ("emulator", ("nucleo-l4r5zi",), "emulator"),
        ("hardware", (), "hardware"),
    ],
)
def test_auto_takes_an_attached_board_else_the_emulator(
    choice: TargetChoice, attached: tuple[str], target: str
) -> None:
    boards = load_boards([])
    assert aim(boards["nucleo-l4r5zi"], choice, attached=attached).target == target
    assert aim(boards["host"], choice, attached=attached).target == "host"


def test_real_boards_have_firmware_of_their_own(boards_file: Callable[..., Path]) -> None:
    file = boards_file("[nucleo-l4r5zi]\nchip = 'stm32l4r5zi'\n")
    board = load_boards([file])["nucleo-l4r5zi"]
    assert aim(board, "emulator", attached=()).firmware == "mps2-an386"
    assert aim(board, "hardware", attached=()).firmware == "stm32l4r5zi"


def test_rows_of_the_bench_are_no_board_types(boards_file: Callable[..., Path]) -> None:
    assert "bench" not in load_boards([boards_file("[[bench]]\nname = 'mine'\n")])
