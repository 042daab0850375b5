"""Memories that an emulator or a linker script cannot have: one clear error before the build."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pytest_tinyquant.boards.emulator.cortex_m import MACHINES
from pytest_tinyquant.boards.emulator.rx_memory import RAM
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.firmware.cmake import BuildFailedError
from pytest_tinyquant.firmware.cmake import explained
from pytest_tinyquant.firmware.memory import check_memories
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.board_types import aim
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.project.kinds import KINDS


CORES = [name for name in KINDS if KINDS[name].has_pyocd]

TABLE = """
[mine]
core = "{core}"
flash = {{start = 0x0800_0000, bytes = {flash:_}}}
ram = {{start = 0x2000_0000, bytes = {ram:_}}}
"""


def load(directory: Path, text: str) -> Board:
    file = directory / "boards.toml"
    file.write_text(text)
    return load_boards([file])["mine"]


@pytest.mark.parametrize("core", CORES)
def test_flash_or_ram_that_the_emulated_machine_has_no_room_for(core: str, tmp_path: Path) -> None:
    check_memories(load(tmp_path, TABLE.format(core=core, flash=2 << 20, ram=4 << 20)))
    board = load(tmp_path, TABLE.format(core=core, flash=(2 << 20) + 1024, ram=1 << 20))
    with pytest.raises(ConfigurationError) as caught:
        check_memories(board)
    assert str(caught.value) == (
        "mine: its flash has 2,098,176 bytes in boards.toml, the emulated "
        f"{KINDS[core].machine} has 2,097,152 for it. A part of the chip's flash will do: set "
        "flash = {start = 0x08000000, bytes = 2_097_152}, or run on the board itself with "
        "--tq-target hardware"
    )
    # On the chip itself the same table is right.
    check_memories(aim(board, "hardware", attached=()))
    board = load(tmp_path, TABLE.format(core=core, flash=1 << 20, ram=5 << 20))
    with pytest.raises(ConfigurationError, match=r"set ram = \{start = 0x20000000, bytes = 4_194"):
        check_memories(board)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("flash_bytes = 4_194_304", "set flash_bytes = 2_097_152, or run on the board itself"),
        ("ram_bytes = 1_048_576", "set ram_bytes = 655_360, or run on the board itself"),
        ("ram_bytes = 131_072", "nothing is left for the memory region EXPANSION_RAM of a rx"),
    ],
)
def test_the_same_of_an_rx(keys: str, words: str, tmp_path: Path) -> None:
    board = load(tmp_path, f'[mine]\nbase = "rx65n"\n{keys}\n')
    with pytest.raises(ConfigurationError, match=words):
        check_memories(board)


@pytest.mark.parametrize("name", [name for name, b in load_boards([]).items() if b.runs_firmware])
def test_every_board_that_is_built_in_can_be_emulated(name: str) -> None:
    check_memories(load_boards([])[name])


@pytest.mark.parametrize("core", CORES)
def test_the_limits_are_those_of_the_machine(core: str) -> None:
    from pyocd.probe.aggregator import PROBE_CLASSES
    from pyocd.target import TARGET

    assert PROBE_CLASSES, "loading the probes adds the targets"
    regions = TARGET[MACHINES[KINDS[core].machine]].MEMORY_MAP
    found = {region.name: region.length for region in regions if region.name in ("flash", "ram")}
    limits = KINDS[core].emulated_bytes
    assert limits is not None
    assert found == dataclasses.asdict(limits)


def test_the_limits_of_the_rx_are_those_of_its_address_space() -> None:
    limits = KINDS["rx"].emulated_bytes
    assert limits is not None
    assert sum(map(len, RAM)) == limits.ram


@pytest.mark.parametrize("linker", ["/usr/bin/../arm-none-eabi/bin/ld", "/opt/rx-elf-ld.bfd"])
def test_what_a_linker_script_asserts_is_told_in_its_own_words(linker: str) -> None:
    said = (
        f"{linker}: warning: image.elf has a LOAD segment with RWX permissions\n"
        f"{linker}: the STM32L4R5ZI has 640 KB of RAM\n"
        "collect2: error: ld returned 1 exit status\n"
    )
    with pytest.raises(ConfigurationError) as caught, explained("look at its kernels", {}):
        raise BuildFailedError(said, 1)
    assert str(caught.value) == (
        "the firmware cannot be linked: the STM32L4R5ZI has 640 KB of RAM, as its linker script "
        "says. Correct flash_bytes and ram_bytes of the board in boards.toml"
    )


@pytest.mark.parametrize(
    "line",
    [
        "x/ld: model.c:(.text+0x2): undefined reference to `tq_none'",
        "x/ld: cannot find -lm: No such file or directory",
        "x/ld: a.o: in function `f':",
        "x/ld: failed to merge target specific data of file a.o",
        "x/ld: a.o uses VFP register arguments, b.o does not",
    ],
)
def test_no_other_complaint_of_a_linker_is_taken_for_that(line: str) -> None:
    said = f"{line}\ncollect2: error: ld returned 1 exit status\n"
    kernels = pytest.raises(ConfigurationError, match="look at its kernels")
    with kernels, explained("look at its kernels", {}):
        raise BuildFailedError(said, 1)
