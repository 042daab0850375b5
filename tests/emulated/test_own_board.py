"""A board in ten lines of TOML, without C: emulated, and attached behind a debug probe."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from pytest_tinyquant.boards.bench.hardware import PyocdBoard
from pytest_tinyquant.boards.debug import pyocd_names
from pytest_tinyquant.boards.emulator.cortex_m import MACHINES
from pytest_tinyquant.boards.emulator.qemu import Qemu
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import BoardNotFoundError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import DeviceTimeoutError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.firmware.image import FirmwareImage
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.board_types import aim
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.project.project import load_project
from pytest_tinyquant.project.settings import Settings
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.stages.pipeline import Stages


if TYPE_CHECKING:
    from tests.conftest import EmulatedBench

REPOSITORY = Path(__file__).parents[2]
GENERIC = REPOSITORY / "firmware" / "boards" / "generic_cortex_m"
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"

#: Core, emulated machine, start of what stands for the flash, of the RAM.
CORES = {
    "cortex-m0plus": ("mps2-an385", 0x0, 0x20000000),
    "cortex-m3": ("mps2-an385", 0x0, 0x20000000),
    "cortex-m4": ("mps2-an386", 0x0, 0x20000000),
    "cortex-m4f": ("mps2-an386", 0x0, 0x20000000),
    "cortex-m7": ("mps2-an500", 0x0, 0x20000000),
    "cortex-m33": ("mps2-an505", 0x10000000, 0x38000000),
    "cortex-m55": ("mps3-an547", 0x11000000, 0x31000000),
}
QUICK = ("cortex-m0plus", "cortex-m33")

TABLE = """
[mine]
core = "{core}"
pyocd_target = "{target}"
flash = {{start = {flash:#x}, bytes = 1_048_576}}
ram = {{start = {ram:#x}, bytes = 262_144}}
clock_hz = 25_000_000
"""


def own_board(core: str, directory: Path) -> Board:
    machine, flash, ram = CORES[core]
    file = directory / "boards.toml"
    file.write_text(TABLE.format(core=core, target=MACHINES[machine], flash=flash, ram=ram))
    return load_boards([file])["mine"]


@pytest.fixture(scope="session", params=CORES if NIGHTLY else QUICK)
def attached_type(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Board:
    """The board of ten lines, as a board that can be touched."""
    board = own_board(request.param, tmp_path_factory.mktemp("own"))
    return aim(board, "hardware", attached=())


@pytest.fixture(scope="session")
def attached_image(
    attached_type: Board, build_scenario: Callable[[Board], FirmwareImage]
) -> FirmwareImage:
    return build_scenario(attached_type)


@pytest.fixture
def attached(
    attached_type: Board, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., PyocdBoard]]:
    """Return a function that opens the board behind its probe."""
    machine = Qemu("qemu-system-arm", CORES[attached_type.kind][0])
    monkeypatch.setenv(pyocd_names.LISTED_VARIABLE, f"QEMU1=127.0.0.1:{machine.gdb_port}")
    physical = PhysicalBoard("desk", attached_type.name, "QEMU1", "usb:QEMU1")
    opened = []

    def attach(board: Board = attached_type) -> PyocdBoard:
        opened.append(PyocdBoard(board, physical, timeout=20, idle_timeout=0.5))
        return opened[-1]

    yield attach
    for device in opened:
        device.close()
    machine.close()


def test_the_attached_board_runs_again_and_again(
    attached: Callable[..., PyocdBoard], attached_image: FirmwareImage
) -> None:
    device = attached()
    device.flash(attached_image)
    first = device.run()
    assert (first.counter_unit, len(first.outputs), len(first.repeats)) == ("cycles", 3, 10)
    assert first.clock is None
    again = device.run()
    assert (again.outputs, again.stack_bytes) == (first.outputs, first.stack_bytes)


@pytest.mark.parametrize(
    ("way", "error", "words"),
    [
        ("bad pointer", DeviceHaltedError, "0x60000000"),
        ("undefined instruction", DeviceHaltedError, "in scenario_act"),
        ("endless loop", DeviceTimeoutError, "scenario_spin"),
        ("early end", DeviceHaltedError, "ended early"),
        ("stack overflow", DeviceHaltedError, "overflowed"),
        ("reset loop", DeviceHaltedError, "again and again"),
        ("overrun", TinyQuantError, "tq_guard_high"),
    ],
)
def test_the_attached_board_tells_why_it_halts(
    attached_type: Board,
    attached: Callable[..., PyocdBoard],
    attached_image: FirmwareImage,
    scenario_bytes: Callable[..., bytes],
    tmp_path: Path,
    way: str,
    error: Any,
    words: str,
) -> None:
    elf = tmp_path / "way.elf"
    content = attached_image.elf.read_bytes()
    assert content.count(scenario_bytes(1)) == 1
    elf.write_bytes(content.replace(scenario_bytes(1), scenario_bytes(1, way)))
    device = attached()
    device.flash(dataclasses.replace(attached_image, elf=elf))
    if (way, attached_type.kind) == ("reset loop", "cortex-m55"):
        # This machine resets to address 0, where it has other memory than the board's flash.
        error, words = DeviceTimeoutError, "its reset address is not this image"
    with pytest.raises(error, match=words):
        device.run()


def test_a_core_other_than_the_tables_is_told(
    attached: Callable[..., PyocdBoard], attached_type: Board, attached_image: FirmwareImage
) -> None:
    other = "cortex-m7" if attached_type.kind != "cortex-m7" else "cortex-m33"
    device = attached(dataclasses.replace(attached_type, kind=other))
    with pytest.raises(BoardNotFoundError, match=f"but boards.toml says {other}"):
        device.flash(attached_image)


def test_a_console_is_silent_because_the_probe_lost_the_target(
    attached: Callable[..., PyocdBoard],
    attached_image: FirmwareImage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    device = attached()
    device.flash(attached_image)
    device._debugger.reset(halt=True)
    device.begin(attached_image)
    monkeypatch.setattr(device._debugger, "state", lambda: "gone")
    with pytest.raises(BenchError, match="the probe lost the target"):
        device._console.read(0.1)


def test_a_users_own_set_up_runs_first(
    attached: Callable[..., PyocdBoard],
    attached_type: Board,
    build_scenario: Callable[[Board], FirmwareImage],
    tmp_path: Path,
) -> None:
    setup = tmp_path / "setup.c"
    setup.write_text("void tq_setup(void);\nvoid tq_setup(void) { for (;;) { } }\n")
    board = dataclasses.replace(attached_type, setup=str(setup))
    device = attached(board)
    device.flash(build_scenario(board))
    with pytest.raises(DeviceTimeoutError, match=r"in tq_setup \(setup\.c:2\)"):
        device.run()


def test_a_users_own_chip_directory_is_built(
    attached: Callable[..., PyocdBoard],
    attached_type: Board,
    attached_image: FirmwareImage,
    build_scenario: Callable[[Board], FirmwareImage],
    tmp_path: Path,
) -> None:
    chip = Path(shutil.copytree(GENERIC, tmp_path / "chip"))
    config = chip / "tq_board_config.h"
    config.write_text(config.read_text().replace("REPEATS 10", "REPEATS 3"))
    board = dataclasses.replace(attached_type, chip=str(chip))
    image = build_scenario(board)
    assert image.image_id != attached_image.image_id
    device = attached(board)
    device.flash(image)
    assert len(device.run().repeats) == 3


@pytest.mark.parametrize("core", CORES if NIGHTLY else ("cortex-m4f",))
def test_counts_are_those_of_a_board_with_a_uart(tmp_path: Path, core: str) -> None:
    settings = Settings(
        root=tmp_path, models_dir=REPOSITORY / "models", baselines_dir=tmp_path / "baselines"
    )
    stages = Stages(load_project(settings, tmp_path / "work"))
    board = own_board(core, tmp_path)
    assert board.console == "debugger"
    model, scheme = stages.project.models["fc_2"], SCHEMES["int8-only"]
    by_debugger = stages.measure(Case(model, scheme, board))
    by_uart = stages.measure(Case(model, scheme, dataclasses.replace(board, console="uart")))
    assert by_debugger.output_sha256 == by_uart.output_sha256
    assert by_debugger.metrics["latency"] == by_uart.metrics["latency"]
    assert by_debugger.ops == by_uart.ops


def test_an_attached_board_counts_the_same_by_uart_and_by_debugger(
    emulated_bench: Callable[[int], EmulatedBench],
    physical_type: Board,
    build_scenario: Callable[[Board], FirmwareImage],
) -> None:
    """One firmware for one board behind a probe: its console does not change what it measures."""
    (physical,) = emulated_bench(1).physical
    records = {}
    for console in ("uart", "debugger"):
        board = dataclasses.replace(physical_type, console=console)
        device = PyocdBoard(board, physical, timeout=20, idle_timeout=0.5)
        try:
            device.flash(build_scenario(board))
            records[console] = device.run()
        finally:
            device.close()
    uart, debugger = records["uart"], records["debugger"]
    assert uart.counter is not None and uart.counter > 0
    assert (debugger.counter, debugger.counter_unit) == (uart.counter, uart.counter_unit)
    assert (debugger.op_counters, debugger.walk_counter) == (uart.op_counters, uart.walk_counter)
    assert debugger.repeats == uart.repeats
    assert debugger.outputs == uart.outputs
