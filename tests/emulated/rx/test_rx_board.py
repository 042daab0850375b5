"""What is particular to the emulated RX65N: its counter, its self-test and its memory."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.boards.console.console import SerialConsole
from pytest_tinyquant.boards.debug.gdb_core import RX_GDB_CORE
from pytest_tinyquant.boards.debug.gdb_debugger import GdbDebugger
from pytest_tinyquant.boards.debug.segments import loadable_segments
from pytest_tinyquant.boards.emulator.rx import EmulatedRx
from pytest_tinyquant.boards.emulator.rx import start_qemu
from pytest_tinyquant.boards.emulator.rx_memory import AddressSpace
from pytest_tinyquant.cli.current_project import current_project
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import DoesNotFitError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.firmware.elf import Elf
from pytest_tinyquant.firmware.image import FirmwareImage
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.stages.pipeline import Stages


pytestmark = pytest.mark.parametrize("board_name", ["rx65n"], indirect=True, scope="session")


def failure(device: EmulatedRx, image: FirmwareImage) -> TinyQuantError:
    device.flash(image)
    with pytest.raises(TinyQuantError) as caught:
        device.run()
    return caught.value


def test_the_counter_agrees_with_single_steps(
    device: EmulatedRx, well_behaved_image: FirmwareImage
) -> None:
    """Two ways of counting: the firmware's timers, and one step of the debugger after another."""
    device.flash(well_behaved_image)
    counter = device.run().counter
    assert counter is not None
    assert returned(well_behaved_image.elf, counter) == (False, True)


def test_the_counter_agrees_with_single_steps_through_a_whole_model(
    device: EmulatedRx, emulated_board: Board, tmp_path: Path
) -> None:
    """Longer than a period: the counter's interrupt comes in its midst, and is not counted."""
    stages = Stages(current_project("fc_5", work_dir=tmp_path))
    case = Case(stages.project.models["fc_5"], SCHEMES["int8-only"], emulated_board)
    image = stages.prepare(case).image
    assert isinstance(image, FirmwareImage)
    device.flash(image)
    counter = device.run().counter
    assert counter is not None
    assert counter > COUNTER_PERIOD
    assert returned(image.elf, counter) == (False, True)


COUNTER_PERIOD = 20_000  # firmware/boards/r5f562n8/counter.c


def returned(elf: Path, instructions: int) -> tuple[bool, bool]:
    """Tell whether the first invoke of an image, single-stepped, has returned to its caller.

    Before the last of so many instructions and after it; the call is the first of them.
    """
    invoke = Elf(elf).symbol("tq_invoke")
    assert invoke is not None
    qemu = start_qemu("r5f562n8", elf)
    try:
        debugger = GdbDebugger("127.0.0.1", qemu.gdb_port, core=RX_GDB_CORE)
        console = SerialConsole(qemu.console_url)
        debugger.reset(halt=True)
        debugger.breakpoint(invoke.address)
        debugger.resume()
        while debugger.state() == "running":
            console.read(0.01)
        debugger.breakpoint(invoke.address, enabled=False)
        stack = debugger.register("usp")
        for _ in range(instructions - 2):
            debugger.step()
        before = debugger.register("usp") > stack
        debugger.step()
        after = debugger.register("usp") > stack
        debugger.close()
    finally:
        console.close()
        qemu.close()
    return before, after


def test_a_reset_in_the_middle_of_a_measurement_leaves_no_trace(
    device: EmulatedRx, well_behaved_image: FirmwareImage
) -> None:
    """QEMU's reset lets the counter's timer run on."""
    device.flash(well_behaved_image)
    expected = device.run()
    act = Elf(well_behaved_image.elf).symbol("scenario_act")
    assert act is not None
    device._debugger.reset(halt=True)
    device._debugger.breakpoint(act.address)
    device._debugger.resume()
    while device._debugger.state() == "running":
        device._console.read(0.01)
    device._debugger.breakpoint(act.address, enabled=False)
    assert device.run() == expected


EMULATORS: dict[str, tuple[dict[str, Any], str]] = {
    "several instructions at once": (
        {"single_step": ()},
        "comparing floats gives wrong results (QEMU needs -singlestep)",
    ),
    "another time per instruction": ({"icount_shift": 3}, "the counter is not exact"),
}


@pytest.mark.parametrize("emulator", EMULATORS)
def test_an_emulator_that_gets_it_wrong_is_refused(
    emulator: str, well_behaved_image: FirmwareImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, complaint = EMULATORS[emulator]
    monkeypatch.setattr(
        "pytest_tinyquant.boards.emulator.rx.start_qemu", functools.partial(start_qemu, **options)
    )
    assert complaint in refusal(well_behaved_image)


WITHOUT = {
    "vectors where QEMU 7.2 looks for them": (
        b"\x75\x43\x40",  # mov.l #0x40, r3: the end of the copy
        b"\x75\x43\x10",
        "an exception does not reach its vector",
    ),
    "flushing of denormals": (
        b"\xfd\x7b\x03\x00\x01",  # mvtc #0x100, fpsw
        b"\xfd\x7b\x03\x00\x00",
        "denormal numbers are not flushed to zero",
    ),
}


@pytest.mark.parametrize("without", WITHOUT)
def test_a_start_up_without_a_remedy_is_refused(
    without: str, well_behaved_image: FirmwareImage, tmp_path: Path
) -> None:
    code, instead, complaint = WITHOUT[without]
    content = well_behaved_image.elf.read_bytes()
    assert content.count(code) == 1
    elf = tmp_path / "wrong.elf"
    elf.write_bytes(content.replace(code, instead))
    assert complaint in refusal(dataclasses.replace(well_behaved_image, elf=elf))


def refusal(image: FirmwareImage) -> str:
    """Return what the bench says of a board that fails the test of itself."""
    device = EmulatedRx("rx65n", "r5f562n8", timeout=20, idle_timeout=0.5)
    try:
        error = failure(device, image)
    finally:
        device.close()
    assert isinstance(error, BenchError)
    assert not isinstance(error, DeviceHaltedError)
    assert "the board failed the test of itself" in str(error)
    return str(error)


KB = 1024


@pytest.mark.parametrize(
    ("region", "sizes", "available"),
    [
        ("FLASH", {"flash_bytes": 4 * KB}, 4 * KB),
        ("EXPANSION_RAM", {"ram_bytes": 264 * KB + 64}, 8 * KB + 64),  # the stack takes 8 KB
    ],
)
def test_an_image_that_does_not_fit_names_the_memory_and_the_bytes(
    region: str,
    sizes: dict[str, int],
    available: int,
    emulated_board: Board,
    build_scenario: Callable[[Board], FirmwareImage],
) -> None:
    with pytest.raises(DoesNotFitError, match=region) as caught:
        build_scenario(dataclasses.replace(emulated_board, **sizes))  # type: ignore[arg-type]
    error = caught.value
    assert (error.region, error.available) == (region, available)
    assert f"the board has {available:,} ({error.needed - available:,} too many)" in str(error)


def test_memory_is_that_of_the_board(well_behaved_image: FirmwareImage) -> None:
    elf = Elf(well_behaved_image.elf)
    for section in elf.sections:
        if section.loaded and section.name not in (".tq_samples", ".data"):
            assert 0xFFE00000 <= section.address < 1 << 32
    arena = elf.symbol("tq_arena")
    assert arena is not None
    assert 0x00800000 <= arena.address < 0x00860000
    assert well_behaved_image.flash.total < 64 * 1024
    assert well_behaved_image.ram.stack_reserved == 8192


@pytest.mark.parametrize("place", [0x40000, 0x7FFFFF, 0x860000, 0xFFDFFFFF, 0xFFE00000])
def test_a_write_beside_the_memory_is_found(well_behaved_image: FirmwareImage, place: int) -> None:
    """Right behind and before each memory, and to the flash; played by the host."""
    image = loadable_segments(well_behaved_image.elf)
    space = AddressSpace()
    for address, data in image:
        os.pwrite(space.fd, data, address)
    os.pwrite(space.fd, b"\1" * 0x40000, 0)
    os.pwrite(space.fd, b"\1" * 0x60000, 0x800000)
    assert list(space.stray_writes(image)) == []
    os.pwrite(space.fd, b"\xa5", place)
    assert [(address, data[:1]) for address, data in space.stray_writes(image)] == [
        (place, b"\xa5")
    ]
    space.close()
