"""What a run is repeated after, and what becomes of it when trouble comes again."""

from __future__ import annotations

import pytest

from pytest_tinyquant.boards.console.console import PortClosedError
from pytest_tinyquant.boards.console.protocol import RestartError
from pytest_tinyquant.boards.console.protocol import TransferError
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.boards.retry import run_twice_at_most
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import BoardBusyError
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import DeviceTimeoutError
from pytest_tinyquant.errors import FlashError
from pytest_tinyquant.errors import InvalidOutputError
from pytest_tinyquant.errors import TinyQuantError


RECORD = RunRecord(
    outputs=(b"\x01",),
    counter=100,
    counter_unit="instructions",
    counter_class="exact",
    op_counters=(90,),
    walk_counter=10,
    stack_bytes=64,
    arena_bytes=None,
    log="hello",
)
GARBLED = TransferError("m4 running a.elf: line 0003 is garbled\n  line: '#0003'")
UNPLUGGED = PortClosedError("serial port /dev/ttyACM0 went away")


class Device:
    """Ends each run as it was told to."""

    def __init__(self, *ends: RunRecord | TinyQuantError) -> None:
        self.ends = list(ends)
        self.prepared_after: list[ConsoleError] = []

    def run(self) -> RunRecord:
        end = self.ends.pop(0)
        if isinstance(end, TinyQuantError):
            raise end
        return end

    def result(self) -> RunRecord | TinyQuantError:
        try:
            return run_twice_at_most(self.run, self.prepared_after.append, where="m4 running a.elf")
        except TinyQuantError as error:
            return error


def restart(lines: int) -> RestartError:
    return RestartError(f"m4 running a.elf: restarted after {lines} lines", lines=lines)


def test_a_run_without_trouble_is_the_only_one() -> None:
    device = Device(RECORD, RECORD)
    assert device.result() is RECORD
    assert len(device.ends) == 1


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        (GARBLED, "line 0003 is garbled"),
        (restart(4), "restarted after 4 lines"),
        (UNPLUGGED, "serial port /dev/ttyACM0 went away"),
    ],
)
def test_trouble_on_the_way_is_worth_another_run(trouble: ConsoleError, cause: str) -> None:
    device = Device(trouble, RECORD)
    record = device.result()
    assert isinstance(record, RunRecord)
    assert (record.outputs, record.counter) == (RECORD.outputs, RECORD.counter)
    assert record.retries == (cause,)
    assert record.log == f"tinyquant: run again after: {cause}\nhello"
    assert device.prepared_after == [trouble]


@pytest.mark.parametrize(
    "error",
    [
        DeviceHaltedError("HardFault"),
        DeviceTimeoutError("hangs"),
        FlashError("another image answers"),
        InvalidOutputError("the guard beside the arena was overwritten"),
        BoardBusyError("held by minicom"),
        ConsoleError("the baud rate is not the firmware's"),
        BenchError("something else"),
    ],
)
def test_a_result_is_not_asked_for_twice(error: TinyQuantError) -> None:
    device = Device(error, RECORD)
    assert device.result() is error
    assert len(device.ends) == 1
    assert error.retries == ()


@pytest.mark.parametrize("second", [GARBLED, UNPLUGGED, restart(9)])
def test_trouble_in_both_runs_is_an_error_that_tells_both(second: ConsoleError) -> None:
    device = Device(restart(4), second, RECORD)
    error = device.result()
    assert type(error) is ConsoleError
    assert str(error).startswith(
        f"m4 running a.elf: {str(second).removeprefix('m4 running a.elf: ')}"
    )
    assert "this was the second run; the first: restarted after 4 lines" in str(error)
    assert "check the power supply" in str(error)
    assert error.retries == ("restarted after 4 lines",)
    assert len(device.ends) == 1


def test_a_restart_at_the_same_place_is_the_firmwares_doing() -> None:
    error = Device(restart(4), restart(4)).result()
    assert isinstance(error, DeviceHaltedError)
    assert error.kind == "reset"
    assert error.retries == ("restarted after 4 lines",)


def test_a_fault_in_the_second_run_is_that_fault() -> None:
    fault = DeviceHaltedError("HardFault", kind="HardFault")
    error = Device(GARBLED, fault).result()
    assert error is fault
    assert error.retries == ("line 0003 is garbled",)
