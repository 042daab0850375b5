"""The debugger contract on an RX core, over QEMU's gdb stub."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_tinyquant.boards.console import SerialConsole
from pytest_tinyquant.boards.debugger import RX_GDB_CORE
from pytest_tinyquant.boards.debugger import GdbDebugger
from pytest_tinyquant.boards.qemu import Qemu
from pytest_tinyquant.boards.rx import start_qemu
from pytest_tinyquant.elf import Elf
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import FlashError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware import FirmwareImage
from pytest_tinyquant.toolchain import find_toolchain


def can_run() -> bool:
    try:
        find_toolchain("rx")
    except ToolchainNotFoundError:
        return False
    return True


pytestmark = pytest.mark.skipif(not can_run(), reason="needs `tinyquant toolchain rx-elf`")
RAM = 0x00001000


@pytest.fixture
def qemu() -> Iterator[Qemu]:
    qemu = start_qemu("r5f562n8")
    yield qemu
    qemu.close()


@pytest.fixture
def console(qemu: Qemu) -> Iterator[SerialConsole]:
    console = SerialConsole(qemu.console_url)
    yield console
    console.close()


def connect(qemu: Qemu) -> GdbDebugger:
    return GdbDebugger("127.0.0.1", qemu.gdb_port, core=RX_GDB_CORE)


@pytest.fixture
def debugger(qemu: Qemu) -> Iterator[GdbDebugger]:
    debugger = connect(qemu)
    yield debugger
    debugger.close()


@pytest.fixture
def elf(rx_image: FirmwareImage) -> Elf:
    return Elf(rx_image.elf)


def address(elf: Elf, name: str) -> int:
    symbol = elf.symbol(name)
    assert symbol is not None
    return symbol.address


def wait_for_halt(debugger: GdbDebugger) -> None:
    while debugger.state() == "running":
        pass
    assert debugger.state() == "halted"


def test_loads_and_stays_at_the_first_instruction(debugger: GdbDebugger, elf: Elf) -> None:
    debugger.load(elf.path)
    assert debugger.state() == "halted"
    assert debugger.register("pc") == address(elf, "tq_reset")
    assert debugger.read(address(elf, "tq_model_instance"), 18)[16] == 3  # op_count


def test_runs_from_reset(debugger: GdbDebugger, console: SerialConsole, elf: Elf) -> None:
    debugger.load(elf.path)
    for _ in range(2):
        debugger.reset()
        text = b""
        while not text.endswith(b"\n"):
            text += console.read(5)
        assert text.startswith(b"#0000 HELLO tq=1 ")
        debugger.halt()
        while console.read(0.02):
            pass


def test_stops_at_a_breakpoint(debugger: GdbDebugger, elf: Elf) -> None:
    debugger.load(elf.path)
    main = address(elf, "main")
    debugger.breakpoint(main)
    debugger.resume()
    wait_for_halt(debugger)
    assert debugger.register("pc") == main
    debugger.breakpoint(main, enabled=False)
    debugger.breakpoint(address(elf, "scenario_act"))
    debugger.resume()
    wait_for_halt(debugger)
    returns_to = int.from_bytes(debugger.read(debugger.register("usp"), 4), "little")
    assert elf.symbol_at(returns_to) == "tq_invoke"


def test_halts_and_resumes(debugger: GdbDebugger, elf: Elf) -> None:
    debugger.load(elf.path)
    debugger.resume()
    assert debugger.state() == "running"
    debugger.halt()
    assert debugger.state() == "halted"
    debugger.halt()
    debugger.resume()
    debugger.resume()
    assert debugger.state() == "running"


def test_reads_registers(debugger: GdbDebugger, elf: Elf) -> None:
    debugger.load(elf.path)
    debugger.breakpoint(address(elf, "scenario_act"))
    debugger.resume()
    wait_for_halt(debugger)
    assert debugger.register("pc") == address(elf, "scenario_act")
    stack = elf.section(".stack")
    assert stack is not None
    assert stack.address < debugger.register("sp") < stack.address + stack.size
    assert debugger.register("sp") == debugger.register("usp")
    assert debugger.register("r1") == 0  # params of scenario_act
    assert debugger.register("psw") & 3 << 16 == 3 << 16  # interrupts on, user stack
    assert debugger.register("fpsw") & 0x100  # denormals are zero


def test_accesses_memory_while_running(debugger: GdbDebugger, elf: Elf) -> None:
    debugger.load(elf.path)
    debugger.breakpoint(address(elf, "tq_finished"))
    debugger.resume()
    wait_for_halt(debugger)
    debugger.breakpoint(address(elf, "tq_finished"), enabled=False)
    debugger.resume()
    scratch = address(elf, "tq_arena")
    debugger.write(scratch + 1, b"abcdef")
    assert debugger.read(scratch + 1, 6) == b"abcdef"
    assert debugger.state() == "running"


def test_moves_large_blocks(debugger: GdbDebugger) -> None:
    data = bytes(range(256)) * 400
    debugger.write(RAM, data)
    assert debugger.read(RAM, len(data)) == data
    assert debugger.read(RAM + 3, 5) == data[3:8]


def test_keeps_a_running_core_running_after_it_disconnects(
    qemu: Qemu, console: SerialConsole, elf: Elf
) -> None:
    debugger = connect(qemu)
    debugger.load(elf.path)
    debugger.resume()
    debugger.close()
    text = b""
    while b" END " not in text:
        received = console.read(5)
        assert received
        text += received


def test_leaves_no_threads_and_no_sockets(qemu: Qemu, elf: Elf) -> None:
    def resources() -> tuple[int, set[str]]:
        links = {os.readlink(fd) for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()}
        return threading.active_count(), {link for link in links if link.startswith("socket:")}

    before = resources()
    debugger = connect(qemu)
    debugger.load(elf.path)
    debugger.close()
    debugger.close()
    assert resources() == before


def test_says_that_the_emulator_is_gone(debugger: GdbDebugger, qemu: Qemu) -> None:
    os.kill(qemu.pid, signal.SIGKILL)
    assert qemu.ended(within=5)
    with pytest.raises(BenchError, match=r"its program ended|is gone"):
        debugger.read(RAM, 4)
    assert debugger.state() == "gone"


def test_refuses_an_image_that_does_not_read_back(
    debugger: GdbDebugger, elf: Elf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "pytest_tinyquant.boards.debugger.loadable_segments",
        lambda path: [(RAM, b"\x00\x11"), (RAM + 0x10000, b"\x5a\xa5")],
    )
    debugger.write(RAM, b"\x00\x11")
    monkeypatch.setattr("pytest_tinyquant.boards.gdb_remote.GdbRemote.write", lambda *_: None)
    with pytest.raises(FlashError, match="first difference at 0x00011000, wrote 5a, read 00"):
        debugger.load(elf.path)
