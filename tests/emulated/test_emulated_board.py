"""The emulated boards: results, exact counts, and what is left of an emulator."""

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

from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.emulator.emulated import EmulatedBoard
from pytest_tinyquant.boards.emulator.qemu import EmulatorDiedError
from pytest_tinyquant.boards.emulator.qemu import Qemu
from pytest_tinyquant.errors import FlashError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware.elf import Elf
from pytest_tinyquant.firmware.image import FirmwareImage


ImageOf = Callable[[str], FirmwareImage]


def expected_output(first: int, number: int) -> bytes:
    """What the scenario model makes of sample ``number`` whose first byte is ``first``."""
    sample = [first, *range(0xA0 + number, 0xAF + number)]
    return bytes((sample[i % 16] + i) % 256 for i in range(100))


def failure(device: EmulatedBoard, image: FirmwareImage) -> TinyQuantError:
    device.flash(image)
    with pytest.raises(TinyQuantError) as caught:
        device.run()
    return caught.value


def test_runs_an_image(device: EmulatedBoard, well_behaved_image: FirmwareImage) -> None:
    device.flash(well_behaved_image)
    record = device.run()
    assert record.outputs == tuple(expected_output(0, number) for number in range(3))
    assert (record.counter_unit, record.counter_class) == ("instructions", "exact")
    assert record.counter is not None
    assert record.counter == sum(record.op_counters) + record.walk_counter
    assert record.op_counters[2] > record.op_counters[0] > record.op_counters[1] > 0
    assert 0 < record.walk_counter < 100
    assert record.stack_bytes is not None
    assert 32 < record.stack_bytes < 1024
    assert record.log == ""


def test_counts_are_identical_in_every_run(
    device: EmulatedBoard, well_behaved_image: FirmwareImage
) -> None:
    device.flash(well_behaved_image)
    first = device.run()
    assert all(device.run() == first for _ in range(3))
    device.flash(well_behaved_image)
    assert device.run() == first


def test_counts_do_not_depend_on_the_load(
    device: EmulatedBoard, well_behaved_image: FirmwareImage
) -> None:
    device.flash(well_behaved_image)
    alone = device.run()
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            assert all(device.run() == alone for _ in range(3))
        finally:
            busy.kill()


def test_keeps_the_devices_log(device: EmulatedBoard, image_of: ImageOf) -> None:
    device.flash(image_of("log line"))
    assert device.run().log == "kernel says hello"


def test_two_devices_run_at_once(
    open_board: Callable[..., EmulatedBoard], well_behaved_image: FirmwareImage, image_of: ImageOf
) -> None:
    device, other = open_board(), open_board()
    device.flash(well_behaved_image)
    other.flash(image_of("log line"))
    assert device._qemu.pid != other._qemu.pid
    assert device.run().outputs[1] == expected_output(0, 1)
    assert other.run().outputs[1] == expected_output(17, 1)
    assert device.run().log == ""


@pytest.mark.parametrize("board_name", ["nucleo-l4r5zi"], indirect=True, scope="session")
def test_runs_again_after_a_lockup(
    device: EmulatedBoard, image_of: ImageOf, well_behaved_image: FirmwareImage
) -> None:
    failure(device, image_of("lockup"))
    device.flash(well_behaved_image)
    assert device.run().outputs[1] == expected_output(0, 1)


def test_names_a_stale_image(device: EmulatedBoard, well_behaved_image: FirmwareImage) -> None:
    error = failure(device, dataclasses.replace(well_behaved_image, image_id="f" * 16))
    assert isinstance(error, FlashError)
    assert f"{'f' * 16} was flashed" in str(error)
    assert well_behaved_image.image_id in str(error)


def test_runs_nothing_before_it_is_flashed(device: EmulatedBoard, tmp_path: Path) -> None:
    with pytest.raises(FlashError, match="no image was flashed"):
        device.run()
    with pytest.raises(FlashError, match=r"runs firmware, not .*model\.tflite"):
        device.flash(HostImage(tmp_path / "model.tflite", []))


def test_ends_the_emulator_when_closed(
    device: EmulatedBoard, well_behaved_image: FirmwareImage
) -> None:
    device.flash(well_behaved_image)
    pid = device._qemu.pid
    device.close()
    device.close()
    assert not Path(f"/proc/{pid}").exists()


def test_the_emulator_does_not_outlive_a_killed_parent() -> None:
    source = (
        "import os, signal\n"
        "from pytest_tinyquant.boards.debug.gdb_remote import GdbRemote\n"
        "from pytest_tinyquant.boards.emulator.qemu import Qemu\n"
        "qemu = Qemu('qemu-system-arm', 'mps2-an386')\n"
        "GdbRemote.connect('127.0.0.1', qemu.gdb_port)\n"
        "print(qemu.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", source]
    child = subprocess.run(command, capture_output=True, timeout=60, check=False)
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
