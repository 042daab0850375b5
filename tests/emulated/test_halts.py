"""What the user reads when a device does not finish: every way to fail, on both boards, literally.

Each text stands in ``golden/<board>/<way to fail>.txt``, the class of the error in front. After a
change of the texts, write the files anew with

    TINYQUANT_RECORD_GOLDEN=1 pytest tests/emulated/test_halts.py

and read the difference: recording skips every test, so that it proves nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pytest_tinyquant.boards.console.console import SerialConsole
from pytest_tinyquant.boards.emulator.emulated import EmulatedBoard
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.errors import located
from pytest_tinyquant.firmware.image import FirmwareImage
from pytest_tinyquant.measure.error import measure_error
from pytest_tinyquant.models.graph import Tensor


ImageOf = Callable[[str], FirmwareImage]

GOLDEN = Path(__file__).with_name("golden")
READ = SerialConsole.read
RECORD = os.environ.get("TINYQUANT_RECORD_GOLDEN") == "1"

ON_BOTH_BOARDS = (
    "null write",
    "bad pointer",
    "null call",
    "undefined instruction",
    "privileged instruction",
    "breakpoint instruction",
    "stack overflow",
    "endless loop",
    "early end",
    "reset loop",
    "overrun",
    "stopped counter",
    "garbled line",
    "silent fault",
)
ON_ONE_BOARD = {
    "nucleo-l4r5zi": (
        "division by zero",
        "unaligned access",
        "jump to data",
        "no memory protection",
        "lockup",
    ),
    "rx65n": ("unexpected interrupt",),
}
EVERY_WAY = [
    (board, scenario) for board in ON_ONE_BOARD for scenario in ON_BOTH_BOARDS + ON_ONE_BOARD[board]
]

#: A board for every other core: the quick run takes the faults that only Armv8-M has.
QUICK_ON_ARMV8M = ("bad pointer", "non-secure call", "stack overflow", "lockup")
OTHER_CORES = ("rp2040", "nucleo-f746zg", "nrf5340-dk", "corstone-300")
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
IMPOSSIBLE = {
    # __aeabi_uidiv returns 0; there is no FAULTMASK; there are no security states.
    "rp2040": ("division by zero", "lockup", "non-secure call"),
    # The emulated machine has memory where the pointer leads.
    "nucleo-f746zg": ("no memory protection", "non-secure call"),
    "corstone-300": ("no memory protection",),
}
OTHER_WAYS = [
    (board, way)
    for board in (OTHER_CORES if NIGHTLY else ("nrf5340-dk",))
    for way in (
        (*ON_BOTH_BOARDS, *ON_ONE_BOARD["nucleo-l4r5zi"], "non-secure call")
        if NIGHTLY
        else QUICK_ON_ARMV8M
    )
    if way not in IMPOSSIBLE.get(board, ())
]


def normalised(text: str) -> str:
    """Take out what another compiler may rightly change: addresses of code, registers, lines."""
    text = re.sub(r"0x[0-9a-f]{8}(?=\)? in \w+ \()", "0x........", text)
    text = re.sub(r"\b(pc|lr|sp|xpsr|r\d+)=[0-9a-f]{8}", r"\1=........", text)
    text = re.sub(r"\b(psw=[0-9a-f]{7})[0-9a-f]", r"\1.", text)  # the flags of the last result
    text = re.sub(r"\b1fff[0-9a-f]{4}\b|\b0x1fff[0-9a-f]{4}", "1fff....", text)  # below the stack
    return re.sub(r"\b(\w+\.[chS]):\d+", r"\1:..", text)


def compare(board: str, way: str, error: TinyQuantError) -> None:
    """Compare an error with its golden text, or record it."""
    golden = GOLDEN / board / f"{way.replace(' ', '_')}.txt"
    text = f"{type(error).__name__}: {normalised(str(error))}\n"
    if RECORD:
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text)
        pytest.skip(f"recorded {golden.name}")
    assert text == golden.read_text()


def failure(device: EmulatedBoard, image: FirmwareImage) -> TinyQuantError:
    device.flash(image)
    with pytest.raises(TinyQuantError) as caught:
        device.run()
    return caught.value


@pytest.mark.parametrize(("board_name", "way"), EVERY_WAY, indirect=["board_name"], scope="session")
def test_a_firmware_that_goes_wrong(
    board_name: str, way: str, device: EmulatedBoard, image_of: ImageOf
) -> None:
    compare(board_name, way, failure(device, image_of(way)))


@pytest.mark.parametrize(
    ("board_name", "way"), OTHER_WAYS, indirect=["board_name"], scope="session"
)
def test_a_firmware_that_goes_wrong_on_another_core(
    board_name: str, way: str, device: EmulatedBoard, image_of: ImageOf
) -> None:
    compare(board_name, way, failure(device, image_of(way)))


def test_no_output(board_name: str, device: EmulatedBoard, silent_image: FirmwareImage) -> None:
    compare(board_name, "no output", failure(device, silent_image))


def test_an_output_that_is_no_number(
    board_name: str, device: EmulatedBoard, image_of: ImageOf
) -> None:
    device.flash(image_of("nan output"))
    outputs = device.run().outputs
    tensor = Tensor(0, "output", (1, 25), "float32", None, None)
    expected = np.arange(100, dtype=np.float32).reshape(4, 25)
    with pytest.raises(TinyQuantError) as caught, located(f"model-basic-{board_name}"):
        measure_error([*outputs, outputs[0]], [expected], [tensor])
    compare(board_name, "nan output", caught.value)


def whole_lines(console: SerialConsole, timeout: float) -> bytes:
    """Read until a line ends, or nothing comes: a core that was halted leaves half a line."""
    data = READ(console, timeout)
    while data and not data.endswith(b"\n") and (more := READ(console, max(timeout, 0.1))):
        data += more
    return data


def test_a_line_that_is_lost(
    board_name: str,
    device: EmulatedBoard,
    well_behaved_image: FirmwareImage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lossy(console: SerialConsole, timeout: float) -> bytes:
        lines = whole_lines(console, timeout).splitlines(keepends=True)
        return b"".join(line for line in lines if not line.startswith(b"#0004"))

    monkeypatch.setattr(SerialConsole, "read", lossy)
    compare(board_name, "lost line", failure(device, well_behaved_image))


def test_a_console_that_falls_silent(
    board_name: str,
    device: EmulatedBoard,
    well_behaved_image: FirmwareImage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def pulled_out(console: SerialConsole, timeout: float) -> bytes:
        heard = b""
        while data := whole_lines(console, timeout):
            heard += data.partition(b"#0004")[0] if b"#0004" not in heard else b""
            if b"#0004" in data:
                break
        while READ(console, 0.1):
            pass
        return heard

    monkeypatch.setattr(SerialConsole, "read", pulled_out)
    compare(board_name, "console falls silent", failure(device, well_behaved_image))


def test_a_time_limit(
    board_name: str, open_board: Callable[..., EmulatedBoard], image_of: ImageOf
) -> None:
    device = open_board(timeout=0.4)
    compare(board_name, "time limit", failure(device, image_of("endless loop")))


@pytest.mark.parametrize("scenario", ["undefined instruction", "stack overflow"])
def test_a_halt_carries_what_a_program_can_read(
    device: EmulatedBoard, image_of: ImageOf, scenario: str
) -> None:
    error = failure(device, image_of(scenario))
    assert isinstance(error, DeviceHaltedError)
    assert error.kind in str(error)
    assert error.pc == (None if "unknown address" in str(error) else error.registers["pc"])
    assert error.symbol in str(error)
    assert error.registers["sp"] > 0


def test_runs_again_after_a_halt(
    device: EmulatedBoard, image_of: ImageOf, well_behaved_image: FirmwareImage
) -> None:
    device.flash(well_behaved_image)
    expected = device.run()
    assert not isinstance(failure(device, image_of("undefined instruction")), BenchError)
    device.flash(well_behaved_image)
    assert device.run() == expected
