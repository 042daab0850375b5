"""The debugger contract, kept by pyOCD and by the gdb stub alike."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_tinyquant.boards.console import SerialConsole
from pytest_tinyquant.boards.debugger import DebuggerError
from pytest_tinyquant.boards.debugger import GdbDebugger
from pytest_tinyquant.boards.debugger import PyocdDebugger
from pytest_tinyquant.boards.device import Debugger
from pytest_tinyquant.boards.gdb_remote import GdbRemoteError
from pytest_tinyquant.boards.qemu import Qemu
from pytest_tinyquant.elf import Elf
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import BoardNotFoundError
from pytest_tinyquant.errors import FlashError
from pytest_tinyquant.firmware import FirmwareImage


MPS2_AN386 = "tinyquant_mps2_an386"
CORTEX_M4 = 0xC240
DEMCR, VC_MMERR = 0xE000EDFC, 1 << 4
RAM, CPUID, CFSR, TIMER_RELOAD = 0x20000000, 0xE000ED00, 0xE000ED28, 0x40000008


@pytest.fixture
def qemu() -> Iterator[Qemu]:
    qemu = Qemu("qemu-system-arm", "mps2-an386")
    yield qemu
    qemu.close()


@pytest.fixture
def console(qemu: Qemu) -> Iterator[SerialConsole]:
    console = SerialConsole(qemu.console_url)
    yield console
    console.close()


def by_pyocd(qemu: Qemu) -> PyocdDebugger:
    return PyocdDebugger(f"tqqemu:127.0.0.1:{qemu.gdb_port}", MPS2_AN386)


def by_gdb_stub(qemu: Qemu) -> GdbDebugger:
    return GdbDebugger("127.0.0.1", qemu.gdb_port)


@pytest.fixture(params=[by_pyocd, by_gdb_stub])
def connect(request: pytest.FixtureRequest, qemu: Qemu) -> Callable[[], Debugger]:
    return lambda: request.param(qemu)


@pytest.fixture
def debugger(connect: Callable[[], Debugger]) -> Iterator[Debugger]:
    debugger = connect()
    yield debugger
    debugger.close()


@pytest.fixture
def elf(well_behaved_image: FirmwareImage) -> Elf:
    return Elf(well_behaved_image.elf)


def address(elf: Elf, name: str) -> int:
    symbol = elf.symbol(name)
    assert symbol is not None
    return symbol.address


def wait_for_halt(debugger: Debugger) -> None:
    while debugger.state() == "running":
        pass
    assert debugger.state() == "halted"


def test_loads_and_stays_at_the_first_instruction(debugger: Debugger, elf: Elf) -> None:
    debugger.load(elf.path)
    assert debugger.state() == "halted"
    assert debugger.register("pc") == address(elf, "tq_reset")
    assert debugger.register("sp") == int.from_bytes(debugger.read(0, 4), "little")
    assert debugger.read(address(elf, "tq_model_instance"), 18)[16] == 3  # op_count


def test_runs_from_reset(debugger: Debugger, console: SerialConsole, elf: Elf) -> None:
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


def test_stops_at_a_breakpoint(debugger: Debugger, elf: Elf) -> None:
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
    assert elf.symbol_at(debugger.register("lr") & ~1) == "tq_invoke"


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


def test_reads_registers(debugger: Debugger, elf: Elf) -> None:
    debugger.load(elf.path)
    debugger.breakpoint(address(elf, "scenario_act"))
    debugger.resume()
    wait_for_halt(debugger)
    assert debugger.register("pc") == address(elf, "scenario_act")
    stack = elf.section(".stack")
    assert stack is not None
    assert stack.address < debugger.register("sp") < stack.address + stack.size
    assert debugger.register("r0") == 0  # params of scenario_act
    assert debugger.register("xpsr") & 1 << 24  # Thumb
    assert debugger.register("fpscr") == 0


def test_reads_floating_point_registers(debugger: Debugger) -> None:
    # ldr r0, =CPACR; movs r1, #0xF << 20; str; vmov s1, r0; b .
    code = [0x4803, 0x4904, 0x6001, 0xBF00, 0xEE00, 0x0A90, 0xE7FE, 0xBF00]
    words = [0xE000ED88, 0x00F00000]
    program = b"".join(half.to_bytes(2, "little") for half in code)
    program += b"".join(word.to_bytes(4, "little") for word in words)
    vectors = (RAM + 0x100).to_bytes(4, "little") + (9).to_bytes(4, "little")
    debugger.halt()
    debugger.write(0, vectors + program)
    debugger.reset(halt=True)
    debugger.breakpoint(8 + 12)
    debugger.resume()
    wait_for_halt(debugger)
    assert debugger.register("s1") == 0xE000ED88
    assert debugger.register("s0") == 0


def test_accesses_memory_while_running(debugger: Debugger, elf: Elf) -> None:
    debugger.load(elf.path)
    debugger.breakpoint(address(elf, "tq_finished"))
    debugger.resume()
    wait_for_halt(debugger)
    debugger.breakpoint(address(elf, "tq_finished"), enabled=False)
    debugger.resume()
    scratch = address(elf, "tq_arena")
    debugger.write(scratch + 1, b"abcdef")
    assert debugger.read(scratch + 1, 6) == b"abcdef"
    assert int.from_bytes(debugger.read(CPUID, 4), "little") & 0xFFF0 == CORTEX_M4
    assert debugger.state() == "running"


def test_moves_large_blocks(debugger: Debugger) -> None:
    data = bytes(range(256)) * 400
    debugger.write(RAM, data)
    assert debugger.read(RAM, len(data)) == data
    assert debugger.read(RAM + 3, 5) == data[3:8]


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


def test_says_that_the_emulator_is_gone(debugger: Debugger, qemu: Qemu) -> None:
    os.kill(qemu.pid, signal.SIGKILL)
    assert qemu.ended(within=5)
    with pytest.raises(BenchError, match=r"its program ended|is gone"):
        debugger.read(RAM, 4)
    assert debugger.state() == "gone"


def test_refuses_an_image_outside_of_the_memory(
    debugger: Debugger, elf: Elf, tmp_path: Path
) -> None:
    content = bytearray(elf.path.read_bytes())
    program_headers, size = int.from_bytes(content[28:32], "little"), 32
    physical = program_headers + 12
    assert content[program_headers] == 1  # PT_LOAD
    content[physical : physical + size // 8] = (0xD0000000).to_bytes(4, "little")
    misplaced = tmp_path / "misplaced.elf"
    misplaced.write_bytes(content)
    with pytest.raises(FlashError, match=r"misplaced.elf"):
        debugger.load(misplaced)


def test_refuses_an_image_that_does_not_read_back(
    debugger: Debugger, elf: Elf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "pytest_tinyquant.boards.debugger.loadable_segments",
        lambda path: [(RAM, b"\x00\x11"), (RAM + 0x10000, b"\x5a\xa5")],
    )
    debugger.write(RAM, b"\x00\x11")
    if isinstance(debugger, GdbDebugger):
        monkeypatch.setattr("pytest_tinyquant.boards.gdb_remote.GdbRemote.write", lambda *_: None)
    with pytest.raises(FlashError, match="first difference at 0x20010000, wrote 5a, read 00"):
        debugger.load(elf.path)


def test_pyocd_catches_a_fault_at_its_vector(
    qemu: Qemu, image_of: Callable[[str], FirmwareImage]
) -> None:
    debugger = by_pyocd(qemu)
    elf = Elf(image_of("null write").elf)
    debugger.load(elf.path)
    debugger.write(DEMCR, (1 << 24 | VC_MMERR).to_bytes(4, "little"))
    debugger.resume()
    wait_for_halt(debugger)
    assert debugger.register("pc") == address(elf, "tq_fault_entry")
    assert debugger.register("xpsr") & 0x1FF == 4
    assert int.from_bytes(debugger.read(CFSR, 4), "little") == 0x82
    debugger.close()


def test_pyocd_reaches_what_the_stub_cannot(qemu: Qemu) -> None:
    debugger = by_pyocd(qemu)
    debugger.reset(halt=True)
    stack = debugger.register("sp")
    assert debugger.register("msp") == stack
    assert debugger.register("control") == 0
    debugger.write(CFSR - 0x14, (0x10).to_bytes(4, "little"))  # CCR.DIV_0_TRP
    assert debugger.read(CFSR - 0x14, 1)[0] & 0x10
    debugger.write(TIMER_RELOAD, (1234).to_bytes(4, "little"))
    assert int.from_bytes(debugger.read(TIMER_RELOAD, 4), "little") == 1234
    assert debugger.register("sp") == stack
    debugger.close()


def test_pyocd_runs_out_of_breakpoints(qemu: Qemu) -> None:
    debugger = by_pyocd(qemu)
    for number in range(8):
        debugger.breakpoint(0x100 + 2 * number)
    with pytest.raises(DebuggerError, match="no hardware breakpoint is free"):
        debugger.breakpoint(0x200)
    debugger.close()


def test_pyocd_prints_nothing(
    qemu: Qemu, elf: Elf, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    debugger = by_pyocd(qemu)
    debugger.load(elf.path)
    debugger.close()
    assert capfd.readouterr() == ("", "")
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    ("unique_id", "error"),
    [
        ("tqqemu:", BoardNotFoundError),
        ("nothing:1", BoardNotFoundError),
        ("0123456789ABCDEF", BoardNotFoundError),
        ("tqqemu:127.0.0.1", BoardNotFoundError),
        ("tqqemu:127.0.0.1:1", DebuggerError),
    ],
)
def test_pyocd_says_that_there_is_no_such_probe(unique_id: str, error: type[BenchError]) -> None:
    with pytest.raises(error, match=unique_id):
        PyocdDebugger(unique_id, MPS2_AN386)


def test_pyocd_does_not_list_the_emulator(qemu: Qemu) -> None:
    from pyocd.probe.aggregator import PROBE_CLASSES

    by_pyocd(qemu).close()
    assert PROBE_CLASSES["tqqemu"].get_all_connected_probes() == []
    assert PROBE_CLASSES["tqqemu"].get_all_connected_probes("127.0.0.1:1") == []


@pytest.mark.parametrize(
    "first", ["pyocd", "pyocd_probe", "pyocd_qemu", "pyocd_memory", "debugger"]
)
def test_pyocd_finds_the_probe_whatever_is_imported_first(first: str, tmp_path: Path) -> None:
    module = first if first == "pyocd" else f"pytest_tinyquant.boards.{first}"
    metadata = tmp_path / "installed-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: installed\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[pyocd.probe]\nq = pytest_tinyquant.boards.pyocd_probe:QemuProbePlugin\n"
    )
    source = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        f"import {module}\n"
        "from pytest_tinyquant.boards import pyocd_probe\n"
        "pyocd_probe.register()\n"
        "from pyocd.probe.aggregator import DebugProbeAggregator\n"
        "print(DebugProbeAggregator.get_probe_with_id('tqqemu:127.0.0.1:1').unique_id)\n"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (b"127.0.0.1:1\n", b"")


def test_the_gdb_stub_says_that_it_is_not_there() -> None:
    with pytest.raises(GdbRemoteError, match=r"no gdb stub at 127.0.0.1:1"):
        GdbDebugger("127.0.0.1", 1)
