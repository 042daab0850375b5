"""The debugger contract: kept on every core, by pyOCD and by QEMU's gdb stub alike."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.boards.console.console import SerialConsole
from pytest_tinyquant.boards.debug.gdb_debugger import GdbDebugger
from pytest_tinyquant.boards.debug.gdb_remote import GdbRemote
from pytest_tinyquant.boards.device import Debugger
from pytest_tinyquant.boards.emulator.qemu import Qemu
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import FlashError
from pytest_tinyquant.firmware.elf import Elf


NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
OTHER_CORES = (
    ("rp2040", "nucleo-f207zg", "launchxl-cc3220sf", "nucleo-f746zg", "nrf5340-dk", "corstone-300")
    if NIGHTLY
    else ("corstone-300",)
)
pytestmark = pytest.mark.parametrize(
    ("board_name", "link"),
    [
        pytest.param("nucleo-l4r5zi", "pyocd", id="cortex-m-pyocd"),
        pytest.param("nucleo-l4r5zi", "gdb", id="cortex-m-gdb"),
        pytest.param("rx65n", "gdb-of-rx", id="rx-gdb"),
        *(pytest.param(board, "pyocd", id=f"{board}-pyocd") for board in OTHER_CORES),
    ],
    indirect=True,
    scope="session",
)

OP_COUNT = 16
"""Offset of tq_model.op_count on both cores."""


def test_loads_and_stays_at_the_first_instruction(
    debugger: Debugger, elf: Elf, address: Callable[[str], int]
) -> None:
    debugger.load(elf.path)
    assert debugger.state() == "halted"
    assert debugger.register("pc") == address("tq_reset")
    assert debugger.read(address("tq_model_instance"), OP_COUNT + 2)[OP_COUNT:] == b"\3\0"


def test_runs_from_reset(
    debugger: Debugger,
    console: SerialConsole,
    elf: Elf,
    address: Callable[[str], int],
    wait_for_halt: Callable[[Debugger], None],
) -> None:
    debugger.load(elf.path)
    # Not further: QEMU's reset does not wake an RX that sleeps in WAIT.
    debugger.breakpoint(address("tq_finished"))
    for _ in range(2):
        debugger.reset()
        wait_for_halt(debugger)
        text = b""
        while received := console.read(0.5):
            text += received
        assert text.startswith(b"#0000 HELLO tq=1 ")
        assert text.endswith(b"\n")


def test_resets_a_core_that_ran(
    debugger: Debugger, elf: Elf, address: Callable[[str], int], run_to: Callable[[str], None]
) -> None:
    debugger.load(elf.path)
    run_to("scenario_act")
    debugger.reset(halt=True)
    assert debugger.state() == "halted"
    assert debugger.register("pc") == address("tq_reset")
    run_to("main")


def test_stops_at_a_breakpoint_and_goes_on(
    debugger: Debugger, core: Any, elf: Elf, run_to: Callable[[str], None]
) -> None:
    debugger.load(elf.path)
    run_to("main")
    run_to("scenario_act")
    assert elf.symbol_at(core.returns_to(debugger)) == "tq_invoke"
    run_to("tq_finished")


def test_stops_at_a_breakpoint_as_often_as_it_is_reached(
    debugger: Debugger,
    elf: Elf,
    address: Callable[[str], int],
    wait_for_halt: Callable[[Debugger], None],
    run_to: Callable[[str], None],
) -> None:
    debugger.load(elf.path)
    place = address("scenario_act")
    debugger.breakpoint(place)
    for _ in range(3):
        debugger.resume()
        wait_for_halt(debugger)
        assert debugger.register("pc") == place
    debugger.breakpoint(place, enabled=False)
    run_to("tq_finished")


def test_halts_and_resumes(debugger: Debugger, elf: Elf) -> None:
    debugger.load(elf.path)
    debugger.resume()
    assert debugger.state() == "running"
    debugger.halt()
    assert debugger.state() == "halted"
    debugger.halt()
    debugger.resume()
    debugger.resume()
    assert debugger.state() == "running"


def test_reads_registers(
    debugger: Debugger, core: Any, elf: Elf, run_to: Callable[[str], None]
) -> None:
    debugger.load(elf.path)
    run_to("scenario_act")
    stack = elf.section(".stack")
    assert stack is not None
    assert stack.address < debugger.register("sp") < stack.address + stack.size
    assert debugger.register(core.argument) == 0  # params of scenario_act
    name, mask, value = core.status
    assert debugger.register(name) & mask == value


def test_accesses_memory_while_running(
    debugger: Debugger, elf: Elf, address: Callable[[str], int], run_to: Callable[[str], None]
) -> None:
    debugger.load(elf.path)
    run_to("tq_finished")
    debugger.resume()
    scratch = address("tq_arena")
    debugger.write(scratch + 1, b"abcdef")
    assert debugger.read(scratch + 1, 6) == b"abcdef"
    assert debugger.state() == "running"


def test_moves_large_blocks(debugger: Debugger, core: Any) -> None:
    data = bytes(range(256)) * 400
    debugger.write(core.ram, data)
    assert debugger.read(core.ram, len(data)) == data
    assert debugger.read(core.ram + 3, 5) == data[3:8]


def test_keeps_a_running_core_running_after_it_disconnects(
    connect: Callable[[], Debugger], console: SerialConsole, elf: Elf
) -> None:
    debugger = connect()
    debugger.load(elf.path)
    debugger.resume()
    debugger.close()
    text = b""
    while b" END " not in text:
        received = console.read(5)
        assert received
        text += received


def test_leaves_no_threads_and_no_sockets(connect: Callable[[], Debugger], elf: Elf) -> None:
    def resources() -> tuple[int, set[str]]:
        links = {os.readlink(fd) for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()}
        return threading.active_count(), {link for link in links if link.startswith("socket:")}

    before, directory = resources(), os.getcwd()
    debugger = connect()
    debugger.load(elf.path)
    debugger.close()
    debugger.close()
    assert resources() == before
    assert os.getcwd() == directory


def test_says_that_the_emulator_is_gone(debugger: Debugger, core: Any, qemu: Qemu) -> None:
    os.kill(qemu.pid, signal.SIGKILL)
    assert qemu.ended(within=5)
    with pytest.raises(BenchError, match=r"its program ended|is gone"):
        debugger.read(core.ram, 4)
    with pytest.raises(BenchError):
        debugger.register("pc")
    assert debugger.state() == "gone"


def test_refuses_a_register_that_the_core_does_not_have(debugger: Debugger) -> None:
    with pytest.raises(BenchError, match="r99"):
        debugger.register("r99")


def test_refuses_a_file_that_is_no_elf(debugger: Debugger, tmp_path: Path) -> None:
    text = tmp_path / "text.elf"
    text.write_text("no program")
    with pytest.raises(FlashError, match=r"text\.elf"):
        debugger.load(text)


def test_refuses_an_image_that_does_not_read_back(
    debugger: Debugger, core: Any, elf: Elf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("gdb_debugger", "pyocd_debugger", "segments"):
        monkeypatch.setattr(
            f"pytest_tinyquant.boards.debug.{module}.loadable_segments",
            lambda path: [(core.ram, b"\x00\x11"), (core.ram + 0x10000, b"\x5a\xa5")],
        )
    debugger.write(core.ram, b"\x00\x11")
    if isinstance(debugger, GdbDebugger):
        monkeypatch.setattr(GdbRemote, "write", lambda *_: None)
    where = f"first difference at {core.ram + 0x10000:#010x}, wrote 5a, read 00"
    with pytest.raises(FlashError, match=where):
        debugger.load(elf.path)


def test_says_that_there_is_nothing_to_connect_to(
    link: Callable[[Qemu], Debugger], qemu: Qemu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qemu, "gdb_port", 1)
    with pytest.raises(BenchError, match=r"127\.0\.0\.1:1"):
        link(qemu)
