"""The emulated RX65N: results, exact counts, and every way a firmware can fail."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Callable

import pytest

from pytest_tinyquant.boards.console import SerialConsole
from pytest_tinyquant.boards.debugger import RX_GDB_CORE
from pytest_tinyquant.boards.debugger import GdbDebugger
from pytest_tinyquant.boards.qemu import EmulatorDiedError
from pytest_tinyquant.boards.qemu import Qemu
from pytest_tinyquant.boards.rx import EmulatedRx
from pytest_tinyquant.boards.rx import start_qemu
from pytest_tinyquant.elf import Elf
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import DeviceTimeoutError
from pytest_tinyquant.errors import InvalidOutputError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware import FirmwareImage
from pytest_tinyquant.toolchain import find_toolchain


def can_run() -> bool:
    try:
        find_toolchain("rx")
    except ToolchainNotFoundError:
        return False
    return shutil.which("qemu-system-rx") is not None


pytestmark = pytest.mark.skipif(
    not can_run(), reason="needs `tinyquant toolchain rx-elf` and qemu-system-rx"
)
ImageOf = Callable[[str], FirmwareImage]


def expected_output(first: int, number: int) -> bytes:
    """What the scenario model makes of sample ``number`` whose first byte is ``first``."""
    sample = [first, *range(0xA0 + number, 0xAF + number)]
    return bytes((sample[i % 16] + i) % 256 for i in range(100))


def failure(device: EmulatedRx, image: FirmwareImage) -> TinyQuantError:
    device.flash(image)
    with pytest.raises(TinyQuantError) as caught:
        device.run()
    return caught.value


def test_runs_an_image(device: EmulatedRx, rx_image: FirmwareImage) -> None:
    device.flash(rx_image)
    record = device.run()
    assert record.outputs == tuple(expected_output(0, number) for number in range(3))
    assert (record.counter_unit, record.counter_class) == ("instructions", "exact")
    assert record.counter == sum(record.op_counters) + record.walk_counter
    assert record.op_counters[0] == record.op_counters[2] > record.op_counters[1] > 0
    assert 0 < record.walk_counter < 100
    assert record.stack_bytes is not None
    assert 32 < record.stack_bytes < 1024
    assert record.log == ""


def test_counts_are_identical_in_every_run(device: EmulatedRx, rx_image: FirmwareImage) -> None:
    device.flash(rx_image)
    first = device.run()
    assert all(device.run() == first for _ in range(3))
    device.flash(rx_image)
    assert device.run() == first


def test_the_counter_agrees_with_single_steps(device: EmulatedRx, rx_image: FirmwareImage) -> None:
    """Two ways of counting: the firmware's timers, and one step of the debugger after another."""
    device.flash(rx_image)
    record = device.run()
    elf = Elf(rx_image.elf)
    invoke = elf.symbol("tq_invoke")
    assert invoke is not None
    qemu = start_qemu("r5f562n8", rx_image.elf)
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


def test_keeps_the_devices_log(device: EmulatedRx, image_of: ImageOf) -> None:
    device.flash(image_of("log line"))
    assert device.run().log == "kernel says hello"


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [
        ("undefined instruction", "undefined instruction exception"),
        ("privileged instruction", "privileged instruction exception"),
        ("interrupt", "unexpected interrupt"),
        ("breakpoint instruction", "unconditional trap (BRK)"),
    ],
)
def test_diagnoses_a_fault(device: EmulatedRx, image_of: ImageOf, scenario: str, kind: str) -> None:
    error = failure(device, image_of(scenario))
    assert isinstance(error, DeviceHaltedError)
    assert (error.kind, error.symbol) == (kind, "scenario_act")
    assert f"{kind} at 0x{error.pc:08x} in scenario_act (tq_model.c:" in str(error)
    assert "last operator started: 1, scenario_act" in str(error)
    assert re.search(r"\n  pc=[0-9a-f]{8} sp=[0-9a-f]{8} psw=", str(error))


def test_diagnoses_a_jump_to_nowhere(device: EmulatedRx, image_of: ImageOf) -> None:
    error = failure(device, image_of("jump to nowhere"))
    assert isinstance(error, DeviceHaltedError)
    assert (error.kind, error.pc) == ("unconditional trap (BRK)", 0)
    assert "a jump went to where no code is" in str(error)


def test_diagnoses_a_stack_overflow(device: EmulatedRx, image_of: ImageOf) -> None:
    error = failure(device, image_of("stack overflow"))
    assert isinstance(error, DeviceHaltedError)
    assert (error.kind, error.symbol) == ("stack overflow", "scenario_recurse")
    assert "last operator started: 1, scenario_act" in str(error)


def test_diagnoses_a_fault_that_the_console_does_not_show(
    device: EmulatedRx, image_of: ImageOf
) -> None:
    error = failure(device, image_of("silent fault"))
    assert isinstance(error, DeviceHaltedError)
    assert (error.kind, error.symbol) == ("undefined instruction exception", "scenario_act")
    assert "last operator started: 1, scenario_act" in str(error)


def test_says_where_a_firmware_hangs(device: EmulatedRx, image_of: ImageOf) -> None:
    error = failure(device, image_of("hang"))
    assert isinstance(error, DeviceTimeoutError)
    assert "no output for 0.5 s; the core runs at" in str(error)
    assert "scenario_spin (" in str(error)
    assert "last operator started: 1, scenario_act" in str(error)


def test_says_that_a_firmware_ended_early(device: EmulatedRx, image_of: ImageOf) -> None:
    error = failure(device, image_of("early end"))
    assert isinstance(error, DeviceHaltedError)
    assert (error.kind, error.symbol) == ("exited", "tq_finished")


def test_refuses_output_beside_damaged_memory(device: EmulatedRx, image_of: ImageOf) -> None:
    error = failure(device, image_of("overrun"))
    assert isinstance(error, InvalidOutputError)
    assert "guard tq_guard_high beside the arena was overwritten" in str(error)


def test_refuses_a_counter_that_stands_still(device: EmulatedRx, image_of: ImageOf) -> None:
    error = failure(device, image_of("stopped counter"))
    assert isinstance(error, InvalidOutputError)
    assert "the instructions counter stood still during sample" in str(error)


def test_names_a_garbled_line(device: EmulatedRx, image_of: ImageOf) -> None:
    error = failure(device, image_of("garbled line"))
    assert isinstance(error, ConsoleError)
    assert "line 0005 is garbled" in str(error)
    assert "this was the second run; the first: line 0005 is garbled" in str(error)


def test_names_a_restart(device: EmulatedRx, image_of: ImageOf) -> None:
    error = failure(device, image_of("restart"))
    assert isinstance(error, DeviceHaltedError)
    assert error.kind == "reset"
    assert "the device restarted after 4 lines, and again when it was run once more" in str(error)


def test_an_emulator_that_is_killed_is_trouble_with_the_bench(
    device: EmulatedRx, image_of: ImageOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = SerialConsole.read

    def read_then_kill(console: SerialConsole, timeout: float) -> bytes:
        data = read(console, timeout)
        if data:
            os.kill(device.emulator_pid, signal.SIGKILL)
        return data

    monkeypatch.setattr(SerialConsole, "read", read_then_kill)
    error = failure(device, image_of("hang"))
    assert isinstance(error, EmulatorDiedError)
    assert "qemu-system-rx was ended by SIGKILL" in str(error)


def test_an_emulator_that_compares_floats_wrongly_is_refused(
    rx_image: FirmwareImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def several_instructions_at_once(machine: str, elf: object) -> Qemu:
        return start_qemu(machine, rx_image.elf, single_step=())

    monkeypatch.setattr("pytest_tinyquant.boards.rx.start_qemu", several_instructions_at_once)
    device = EmulatedRx("rx65n", "r5f562n8", timeout=20, idle_timeout=0.5)
    try:
        error = failure(device, rx_image)
    finally:
        device.close()
    assert isinstance(error, BenchError)
    assert not isinstance(error, DeviceHaltedError)
    assert "comparing floats gives wrong results (QEMU needs -singlestep)" in str(error)


def test_memory_is_that_of_the_board(rx_image: FirmwareImage) -> None:
    elf = Elf(rx_image.elf)
    for section in elf.sections:
        if section.loaded and section.name not in (".tq_samples", ".data"):
            assert 0xFFE00000 <= section.address < 1 << 32
    arena = elf.symbol("tq_arena")
    assert arena is not None
    assert 0x00800000 <= arena.address < 0x00860000
    assert rx_image.flash.total < 64 * 1024
    assert rx_image.ram.stack_reserved == 8192
