"""What is particular to the emulated RX65N: its counter, its self-test and its memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_tinyquant.boards.console import SerialConsole
from pytest_tinyquant.boards.debugger import RX_GDB_CORE
from pytest_tinyquant.boards.debugger import GdbDebugger
from pytest_tinyquant.boards.qemu import Qemu
from pytest_tinyquant.boards.rx import EmulatedRx
from pytest_tinyquant.boards.rx import start_qemu
from pytest_tinyquant.boards.rx_memory import AddressSpace
from pytest_tinyquant.boards.segments import loadable_segments
from pytest_tinyquant.elf import Elf
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.firmware import FirmwareImage


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
    record = device.run()
    elf = Elf(well_behaved_image.elf)
    invoke = elf.symbol("tq_invoke")
    assert invoke is not None
    qemu = start_qemu("r5f562n8", well_behaved_image.elf)
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
        steps = 1  # the call
        while debugger.register("usp") <= stack:
            debugger.step()
            steps += 1
        assert steps == record.counter
        debugger.close()
    finally:
        console.close()
        qemu.close()


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


def test_an_emulator_that_compares_floats_wrongly_is_refused(
    well_behaved_image: FirmwareImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def several_instructions_at_once(machine: str, elf: Path, *, space: AddressSpace) -> Qemu:
        return start_qemu(machine, elf, single_step=(), space=space)

    monkeypatch.setattr("pytest_tinyquant.boards.rx.start_qemu", several_instructions_at_once)
    device = EmulatedRx("rx65n", "r5f562n8", timeout=20, idle_timeout=0.5)
    try:
        error = failure(device, well_behaved_image)
    finally:
        device.close()
    assert isinstance(error, BenchError)
    assert not isinstance(error, DeviceHaltedError)
    assert "comparing floats gives wrong results (QEMU needs -singlestep)" in str(error)


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
