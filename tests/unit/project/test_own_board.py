"""A board of the user's own: what ``core`` stands for, and one clear error for each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_tinyquant.boards.emulator import qemu
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.board_types import aim
from pytest_tinyquant.project.board_types import load_boards


MEMORIES = """
flash = {start = 0x0800_0000, bytes = 524_288}
ram = {start = 0x2000_0000, bytes = 131_072}
"""


def load(directory: Path, text: str) -> Board:
    file = directory / "boards.toml"
    file.write_text(f"[mine]\n{text}")
    return load_boards([file])["mine"]


def test_a_core_stands_for_everything_that_it_implies(tmp_path: Path) -> None:
    board = load(tmp_path, f'core = "cortex-m33"\n{MEMORIES}')
    assert (board.kind, board.kernels, board.machine) == (
        "cortex-m33", "cortex_m_dsp", "mps2-an505",
    )  # fmt: skip
    assert (board.console, board.chip, board.runtime) == (
        "debugger", "generic-cortex-m", "tinyquant",
    )  # fmt: skip
    assert board.metrics == ("error", "latency", "flash", "ram")
    assert (board.flash_start, board.ram_bytes) == (0x08000000, 131_072)
    assert board.firmware == "mps2-an505"
    assert aim(board, "hardware", attached=()).firmware == "generic-cortex-m"


def test_memories_come_from_pyocds_map_of_the_chip(tmp_path: Path) -> None:
    board = load(tmp_path, 'core = "cortex-m7"\npyocd_target = "stm32h743xx"\n')
    # Two banks of flash in a row are one memory; of several RAMs the largest counts.
    assert (board.flash_start, board.flash_bytes) == (0x08000000, 2 << 20)
    assert (board.ram_start, board.ram_bytes) == (0x30000000, 0x48000)


def test_a_key_of_the_table_wins_over_what_the_core_implies(tmp_path: Path) -> None:
    board = load(tmp_path, f'core = "cortex-m4f"\nkernels = "reference"\n{MEMORIES}')
    assert board.kernels == "reference"


def test_a_users_own_directories_and_files_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "chip").mkdir()
    (tmp_path / "chip" / "board.ld").touch()
    (tmp_path / "wdog.c").touch()
    board = load(tmp_path, f'core = "cortex-m4f"\nchip = "./chip"\nsetup = "./wdog.c"\n{MEMORIES}')
    assert board.chip == str(tmp_path / "chip")
    assert board.setup == str(tmp_path / "wdog.c")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f'core = "cortex-m34"\n{MEMORIES}', r"core 'cortex-m34' is not known \(closest"),
        ('core = "cortex-m3"\n', "where are its memories"),
        ('core = "cortex-m3"\nflash = {start = 0, bytes = 1024}\n', "or ram = {start"),
        (
            'core = "cortex-m3"\nflash = {start = 0, bytes = 1024}\n'
            "ram = {start = 512, bytes = 1024}\n",
            "overlap",
        ),
        (
            'core = "cortex-m3"\nflash = {start = 5, bytes = 1024}\n',
            "is no memory of a Cortex-M",
        ),
        (
            f'core = "cortex-m4"\ncflags = ["-mfpu=fpv4-sp-d16"]\n{MEMORIES}',
            "asks for an FPU, which a cortex-m4 does not have",
        ),
        (
            'core = "cortex-m7"\npyocd_target = "stm32h743x"\n',
            "no chip 'stm32h743x' built in \\(closest: 'stm32h743xx'",
        ),
        (f'core = "cortex-m3"\nkind = "cortex-m3"\n{MEMORIES}', "both 'core' and 'kind'"),
        (f'core = "cortex-m3"\nconsole = "rtt"\n{MEMORIES}', "console 'rtt' is not known"),
        (f'core = "cortex-m3"\nconsole = "uart"\n{MEMORIES}', "knows the chip's UART"),
        (f'core = "cortex-m3"\nchip = "./none"\n{MEMORIES}', "linker script board.ld"),
        (f'core = "cortex-m3"\nsetup = "./none.c"\n{MEMORIES}', "none.c is not there"),
        ('base = "rp2040"\nflash = {start = 0, bytes = 1024}\n', "for boards with 'core'"),
    ],
)
def test_a_wrong_table_is_one_clear_error(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        load(tmp_path, text)
    assert "boards.toml: [mine" in str(caught.value)


def test_a_machine_that_the_installed_emulator_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu, "machines_of", lambda program: ("mps2-an385",))
    monkeypatch.setattr(qemu, "find_qemu", lambda program: "/bin/qemu")
    with pytest.raises(ToolchainNotFoundError, match=r"no machine 'mps3-an547'; install QEMU 7\.2"):
        qemu.check_machine("qemu-system-arm", "mps3-an547", "mine")
