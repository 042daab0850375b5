"""What the debuggers of Cortex-M have beyond the contract, and what is particular to pyOCD."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_tinyquant.boards.debug.errors import DebuggerError
from pytest_tinyquant.boards.debug.gdb_debugger import GdbDebugger
from pytest_tinyquant.boards.debug.pyocd_debugger import PyocdDebugger
from pytest_tinyquant.boards.device import Debugger
from pytest_tinyquant.boards.emulator.qemu import Qemu
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import BoardNotFoundError
from pytest_tinyquant.errors import FlashError
from pytest_tinyquant.firmware.elf import Elf
from pytest_tinyquant.firmware.image import FirmwareImage


MPS2_AN386 = "tinyquant_mps2_an386"
CORTEX_M4 = 0xC240
DEMCR, VC_MMERR = 0xE000EDFC, 1 << 4
RAM, CPUID, CFSR, TIMER_RELOAD = 0x20000000, 0xE000ED00, 0xE000ED28, 0x40000008

with_an_image = pytest.mark.parametrize(
    "board_name", ["nucleo-l4r5zi"], indirect=True, scope="session"
)


@pytest.fixture
def qemu() -> Iterator[Qemu]:
    qemu = Qemu("qemu-system-arm", "mps2-an386")
    yield qemu
    qemu.close()


def by_pyocd(qemu: Qemu) -> PyocdDebugger:
    return PyocdDebugger(f"tqqemu:127.0.0.1:{qemu.gdb_port}", MPS2_AN386)


def by_gdb_stub(qemu: Qemu) -> GdbDebugger:
    return GdbDebugger("127.0.0.1", qemu.gdb_port)


@pytest.fixture(params=[by_pyocd, by_gdb_stub])
def debugger(request: pytest.FixtureRequest, qemu: Qemu) -> Iterator[Debugger]:
    debugger = request.param(qemu)
    yield debugger
    debugger.close()


def test_reads_the_system_registers_while_running(debugger: Debugger) -> None:
    debugger.write(0, (RAM + 0x100).to_bytes(4, "little") + (9).to_bytes(4, "little"))
    debugger.write(8, (0xE7FE).to_bytes(2, "little"))  # b .
    debugger.reset()
    assert int.from_bytes(debugger.read(CPUID, 4), "little") & 0xFFF0 == CORTEX_M4
    assert debugger.state() == "running"


def test_reads_floating_point_registers(
    debugger: Debugger, wait_for_halt: Callable[[Debugger], None]
) -> None:
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


@with_an_image
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


@with_an_image
def test_pyocd_catches_a_fault_at_its_vector(
    qemu: Qemu,
    image_of: Callable[[str], FirmwareImage],
    wait_for_halt: Callable[[Debugger], None],
) -> None:
    debugger = by_pyocd(qemu)
    elf = Elf(image_of("null write").elf)
    debugger.load(elf.path)
    debugger.write(DEMCR, (1 << 24 | VC_MMERR).to_bytes(4, "little"))
    debugger.resume()
    wait_for_halt(debugger)
    entry = elf.symbol("tq_fault_entry")
    assert entry is not None and debugger.register("pc") == entry.address
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


@with_an_image
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
    "first", ["pyocd", "pyocd_probe", "pyocd_qemu", "pyocd_memory", "pyocd_debugger"]
)
def test_pyocd_finds_the_probe_whatever_is_imported_first(first: str, tmp_path: Path) -> None:
    module = first if first == "pyocd" else f"pytest_tinyquant.boards.debug.{first}"
    metadata = tmp_path / "installed-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: installed\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[pyocd.probe]\nq = pytest_tinyquant.boards.debug.pyocd_probe:QemuProbePlugin\n"
    )
    source = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        f"import {module}\n"
        "from pytest_tinyquant.boards.debug import pyocd_probe\n"
        "pyocd_probe.register()\n"
        "from pyocd.probe.aggregator import DebugProbeAggregator\n"
        "print(DebugProbeAggregator.get_probe_with_id('tqqemu:127.0.0.1:1').unique_id)\n"
    )
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == (b"127.0.0.1:1\n", b"")
