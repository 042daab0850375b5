"""The emulated board: results, exact counts, and every way a firmware can fail."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_tinyquant.boards.console import SerialConsole
from pytest_tinyquant.boards.cortex_m import EmulatedCortexM
from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.qemu import EmulatorDiedError
from pytest_tinyquant.boards.qemu import Qemu
from pytest_tinyquant.elf import Elf
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import DeviceTimeoutError
from pytest_tinyquant.errors import FlashError
from pytest_tinyquant.errors import InvalidOutputError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware import FirmwareImage


ImageOf = Callable[[str], FirmwareImage]


def expected_output(first: int, number: int) -> bytes:
    """What the scenario model makes of sample ``number`` whose first byte is ``first``."""
    sample = [first, *range(0xA0 + number, 0xAF + number)]
    return bytes((sample[i % 16] + i) % 256 for i in range(100))


def failure(device: EmulatedCortexM, image: FirmwareImage) -> TinyQuantError:
    device.flash(image)
    with pytest.raises(TinyQuantError) as caught:
        device.run()
    return caught.value


def test_runs_an_image(device: EmulatedCortexM, well_behaved_image: FirmwareImage) -> None:
    device.flash(well_behaved_image)
    record = device.run()
    assert record.outputs == tuple(expected_output(0, number) for number in range(3))
    assert (record.counter_unit, record.counter_class) == ("instructions", "exact")
    assert record.counter is not None
    assert record.counter == sum(record.op_counters) + record.walk_counter
    assert record.op_counters[0] == record.op_counters[2] > record.op_counters[1] > 0
    assert 0 < record.walk_counter < 100
    assert record.stack_bytes is not None
    assert 64 < record.stack_bytes < 1024
    assert record.log == ""


def test_counts_are_identical_in_every_run(
    device: EmulatedCortexM, well_behaved_image: FirmwareImage
) -> None:
    device.flash(well_behaved_image)
    first = device.run()
    assert all(device.run() == first for _ in range(3))
    device.flash(well_behaved_image)
    assert device.run() == first


def test_counts_do_not_depend_on_the_load(
    device: EmulatedCortexM, well_behaved_image: FirmwareImage
) -> None:
    device.flash(well_behaved_image)
    alone = device.run()
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            assert all(device.run() == alone for _ in range(3))
        finally:
            busy.kill()


def test_keeps_the_devices_log(device: EmulatedCortexM, image_of: ImageOf) -> None:
    device.flash(image_of("log line"))
    assert device.run().log == "kernel says hello"


def test_two_devices_run_at_once(
    device: EmulatedCortexM, well_behaved_image: FirmwareImage, image_of: ImageOf
) -> None:
    other = EmulatedCortexM("other", "mps2-an386", timeout=20)
    try:
        device.flash(well_behaved_image)
        other.flash(image_of("log line"))
        assert device.emulator_pid != other.emulator_pid
        assert device.run().outputs[1] == expected_output(0, 1)
        assert other.run().outputs[1] == expected_output(17, 1)
        assert device.run().log == ""
    finally:
        other.close()


@pytest.mark.parametrize(
    ("scenario", "kind", "bits", "address"),
    [
        ("null write", "MemManage", ["DACCVIOL", "MMARVALID"], "0x00000000 (MMFAR)"),
        ("undefined instruction", "UsageFault", ["UNDEFINSTR"], ""),
        ("division by zero", "UsageFault", ["DIVBYZERO"], ""),
        ("unaligned access", "UsageFault", ["UNALIGNED"], ""),
        ("no memory", "BusFault", ["PRECISERR", "BFARVALID"], "0x60000000 (BFAR)"),
        ("breakpoint instruction", "HardFault", ["FORCED"], ""),
    ],
)
def test_diagnoses_a_fault(
    device: EmulatedCortexM,
    image_of: ImageOf,
    scenario: str,
    kind: str,
    bits: list[str],
    address: str,
) -> None:
    error = failure(device, image_of(scenario))
    assert isinstance(error, DeviceHaltedError)
    assert (error.kind, error.symbol) == (kind, "scenario_act")
    assert error.pc == error.registers["pc"]
    assert f"{kind} ({', '.join(bits)}) at " in str(error)
    assert " in scenario_act (tq_model.c:" in str(error)
    assert "last operator started: 1, scenario_act" in str(error)
    assert "called from tq_invoke" in str(error)
    assert address in str(error)


def test_diagnoses_a_jump_into_data(device: EmulatedCortexM, image_of: ImageOf) -> None:
    error = failure(device, image_of("jump to data"))
    assert isinstance(error, DeviceHaltedError)
    assert (error.kind, error.pc) == ("MemManage", 0x20002000)
    assert "IACCVIOL" in str(error)


def test_diagnoses_a_stack_overflow(device: EmulatedCortexM, image_of: ImageOf) -> None:
    error = failure(device, image_of("stack overflow"))
    assert isinstance(error, DeviceHaltedError)
    assert (error.kind, error.pc) == ("MemManage", None)
    assert "MSTKERR" in str(error)
    assert "it overflowed" in str(error)


def test_diagnoses_a_fault_that_the_console_does_not_show(
    device: EmulatedCortexM, image_of: ImageOf
) -> None:
    error = failure(device, image_of("silent fault"))
    assert isinstance(error, DeviceHaltedError)
    assert (error.kind, error.symbol) == ("UsageFault", "scenario_act")
    assert "last operator started: 1, scenario_act" in str(error)


def test_diagnoses_a_lockup(device: EmulatedCortexM, image_of: ImageOf) -> None:
    error = failure(device, image_of("lockup"))
    assert isinstance(error, DeviceHaltedError)
    assert (error.kind, error.symbol) == ("lockup", "scenario_act")
    assert error.registers["pc"] == error.pc
    assert "faulted while it handled a fault" in str(error)


def test_runs_again_after_a_lockup(
    device: EmulatedCortexM, image_of: ImageOf, well_behaved_image: FirmwareImage
) -> None:
    failure(device, image_of("lockup"))
    device.flash(well_behaved_image)
    assert device.run().outputs[1] == expected_output(0, 1)


def test_says_where_a_firmware_hangs(device: EmulatedCortexM, image_of: ImageOf) -> None:
    error = failure(device, image_of("hang"))
    assert isinstance(error, DeviceTimeoutError)
    assert "no output for 0.5 s; the core runs at" in str(error)
    assert "seen in: scenario_spin (5 of 5)" in str(error)
    assert "last operator started: 1, scenario_act" in str(error)
    assert "4 lines of results came before" in str(error)


def test_says_that_the_time_is_over(image_of: ImageOf) -> None:
    device = EmulatedCortexM("slow", "mps2-an386", timeout=0.4)
    try:
        assert "not finished after 0.4 s" in str(failure(device, image_of("hang")))
    finally:
        device.close()


def test_says_that_a_firmware_ended_early(device: EmulatedCortexM, image_of: ImageOf) -> None:
    error = failure(device, image_of("early end"))
    assert isinstance(error, DeviceHaltedError)
    assert (error.kind, error.symbol) == ("exited", "tq_finished")
    assert "ended early, after 4 lines" in str(error)


def test_says_that_the_console_is_silent(
    device: EmulatedCortexM,
    well_behaved_image: FirmwareImage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = SerialConsole.read

    def deaf(console: SerialConsole, timeout: float) -> bytes:
        while read(console, timeout):
            pass
        return b""

    monkeypatch.setattr(SerialConsole, "read", deaf)
    error = failure(device, well_behaved_image)
    assert isinstance(error, ConsoleError)
    assert "ran to its end and sent 17 lines, but the console is silent" in str(error)


def test_refuses_output_beside_damaged_memory(device: EmulatedCortexM, image_of: ImageOf) -> None:
    error = failure(device, image_of("overrun"))
    assert isinstance(error, InvalidOutputError)
    assert "guard tq_guard_high beside the arena was overwritten" in str(error)


def test_refuses_a_counter_that_stands_still(device: EmulatedCortexM, image_of: ImageOf) -> None:
    error = failure(device, image_of("stopped counter"))
    assert isinstance(error, InvalidOutputError)
    assert "the instructions counter stood still during sample" in str(error)


def test_names_a_garbled_line(device: EmulatedCortexM, image_of: ImageOf) -> None:
    error = failure(device, image_of("garbled line"))
    assert isinstance(error, ConsoleError)
    assert "line 0005 is garbled" in str(error)
    assert "this was the second run; the first: line 0005 is garbled" in str(error)


def test_names_a_restart(device: EmulatedCortexM, image_of: ImageOf) -> None:
    error = failure(device, image_of("restart"))
    assert isinstance(error, DeviceHaltedError)
    assert error.kind == "reset"
    assert "the device restarted after 4 lines, and again when it was run once more" in str(error)


def test_names_a_stale_image(device: EmulatedCortexM, well_behaved_image: FirmwareImage) -> None:
    error = failure(device, dataclasses.replace(well_behaved_image, image_id="f" * 16))
    assert isinstance(error, FlashError)
    assert f"{'f' * 16} was flashed" in str(error)
    assert well_behaved_image.image_id in str(error)


def test_an_emulator_that_is_killed_is_trouble_with_the_bench(
    device: EmulatedCortexM, image_of: ImageOf, monkeypatch: pytest.MonkeyPatch
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
    assert "qemu-system-arm was ended by SIGKILL" in str(error)
    monkeypatch.undo()
    device.flash(image_of("well"))
    assert device.run().outputs[1] == expected_output(0, 1)


def test_runs_nothing_before_it_is_flashed(device: EmulatedCortexM, tmp_path: Path) -> None:
    with pytest.raises(FlashError, match="no image was flashed"):
        device.run()
    with pytest.raises(FlashError, match=r"runs firmware, not .*model\.tflite"):
        device.flash(HostImage(tmp_path / "model.tflite", []))


def test_ends_the_emulator_when_closed(
    device: EmulatedCortexM, well_behaved_image: FirmwareImage
) -> None:
    device.flash(well_behaved_image)
    pid = device.emulator_pid
    device.close()
    device.close()
    assert not Path(f"/proc/{pid}").exists()


def test_the_emulator_does_not_outlive_a_killed_parent() -> None:
    source = (
        "import os, signal\n"
        "from pytest_tinyquant.boards.gdb_remote import GdbRemote\n"
        "from pytest_tinyquant.boards.qemu import Qemu\n"
        "qemu = Qemu('qemu-system-arm', 'mps2-an386')\n"
        "GdbRemote.connect('127.0.0.1', qemu.gdb_port)\n"
        "print(qemu.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    child = subprocess.run([sys.executable, "-c", source], capture_output=True, check=False)
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    with contextlib.suppress(ProcessLookupError):
        process = os.pidfd_open(int(child.stdout))
        assert select.select([process], [], [], 10)[0]
        os.close(process)


def test_says_how_to_install_qemu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolchainNotFoundError, match="apt-get install qemu-system-arm"):
        Qemu("qemu-system-arm", "mps2-an386")


def test_shows_what_qemu_said() -> None:
    qemu = Qemu("qemu-system-arm", "no-such-machine")
    assert qemu.ended(within=10)
    with pytest.raises(EmulatorDiedError, match=r"board: .*exit code 1\n.*unsupported machine"):
        raise qemu.death("board")
    qemu.close()


def test_the_firmware_keeps_the_names_that_a_diagnosis_needs(
    well_behaved_image: FirmwareImage,
) -> None:
    elf = Elf(well_behaved_image.elf)
    names = ("tq_finished", "tq_fault_record", "tq_last_op", "tq_lines_sent", "tq_model_instance")
    assert all(elf.symbol(name) is not None for name in names)
