"""Debuggers of the emulated cores, and what their tests do with them."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from pytest_tinyquant.boards.console.console import SerialConsole
from pytest_tinyquant.boards.debug.gdb_core import RX_GDB_CORE
from pytest_tinyquant.boards.debug.gdb_debugger import GdbDebugger
from pytest_tinyquant.boards.debug.pyocd_debugger import PyocdDebugger
from pytest_tinyquant.boards.device import Debugger
from pytest_tinyquant.boards.emulator.cortex_m import MACHINES as TARGETS
from pytest_tinyquant.boards.emulator.qemu import Qemu
from pytest_tinyquant.boards.emulator.rx import start_qemu
from pytest_tinyquant.firmware.elf import Elf
from pytest_tinyquant.firmware.image import FirmwareImage


HALTS_IN = 60.0
"""Seconds after which a core that still runs will not halt any more."""


@dataclass(frozen=True)
class Core:
    """What the contract's tests have to know about a core.

    :param ram: address of 100 KB of RAM.
    :param argument: register of a function's first argument.
    :param status: name, mask and value of what the status register holds while a model runs.
    :param returns_to: tells where the function returns to that was just entered.
    """

    start: Callable[[], Qemu]
    ram: int
    argument: str
    status: tuple[str, int, int]
    returns_to: Callable[[Debugger], int]


def link_register(debugger: Debugger) -> int:
    return debugger.register("lr") & ~1


def word_on_the_stack(debugger: Debugger) -> int:
    return int.from_bytes(debugger.read(debugger.register("sp"), 4), "little")


THUMB = ("xpsr", 1 << 24, 1 << 24)
INTERRUPTS_ON_USER_STACK = ("psw", 3 << 16, 3 << 16)
MACHINES = {
    "rp2040": ("mps2-an385", 0x20000000),
    "nucleo-f207zg": ("mps2-an385", 0x20000000),
    "nucleo-l4r5zi": ("mps2-an386", 0x20000000),
    "launchxl-cc3220sf": ("mps2-an386", 0x20000000),
    "nucleo-f746zg": ("mps2-an500", 0x20000000),
    "nrf5340-dk": ("mps2-an505", 0x38000000),
    "corstone-300": ("mps3-an547", 0x31000000),
}
"""A board for each core, its machine and where the machine's RAM is."""


def cortex_m(machine: str, ram: int) -> Core:
    return Core(lambda: Qemu("qemu-system-arm", machine), ram, "r0", THUMB, link_register)


CORES = {
    **{board: cortex_m(*machine) for board, machine in MACHINES.items()},
    "rx65n": Core(
        lambda: start_qemu("r5f562n8"), 0x1000, "r1", INTERRUPTS_ON_USER_STACK, word_on_the_stack
    ),
}


def by_pyocd(qemu: Qemu) -> Debugger:
    return PyocdDebugger(f"tqqemu:127.0.0.1:{qemu.gdb_port}", TARGETS[qemu.machine])


def by_gdb_stub(qemu: Qemu) -> Debugger:
    return GdbDebugger("127.0.0.1", qemu.gdb_port)


def by_gdb_stub_of_rx(qemu: Qemu) -> Debugger:
    return GdbDebugger("127.0.0.1", qemu.gdb_port, core=RX_GDB_CORE)


LINKS = {"pyocd": by_pyocd, "gdb": by_gdb_stub, "gdb-of-rx": by_gdb_stub_of_rx}


@pytest.fixture(scope="session")
def link(request: pytest.FixtureRequest) -> Callable[[Qemu], Debugger]:
    """What connects a debugger to the emulator, by its name in `LINKS`."""
    return LINKS[request.param]


@pytest.fixture
def core(board_name: str) -> Core:
    return CORES[board_name]


@pytest.fixture
def qemu(core: Core) -> Iterator[Qemu]:
    qemu = core.start()
    yield qemu
    qemu.close()


@pytest.fixture
def console(qemu: Qemu) -> Iterator[SerialConsole]:
    console = SerialConsole(qemu.console_url)
    yield console
    console.close()


@pytest.fixture
def connect(link: Callable[[Qemu], Debugger], qemu: Qemu) -> Callable[[], Debugger]:
    return lambda: link(qemu)


@pytest.fixture
def debugger(connect: Callable[[], Debugger]) -> Iterator[Debugger]:
    debugger = connect()
    yield debugger
    debugger.close()


@pytest.fixture
def elf(well_behaved_image: FirmwareImage) -> Elf:
    return Elf(well_behaved_image.elf)


@pytest.fixture
def address(elf: Elf) -> Callable[[str], int]:
    """Return where a symbol of the image lies."""

    def address(name: str) -> int:
        symbol = elf.symbol(name)
        assert symbol is not None
        return symbol.address

    return address


@pytest.fixture
def wait_for_halt() -> Callable[[Debugger], None]:
    def wait_for_halt(debugger: Debugger) -> None:
        deadline = time.monotonic() + HALTS_IN
        while debugger.state() == "running":
            assert time.monotonic() < deadline, f"still runs after {HALTS_IN} s"
        assert debugger.state() == "halted"

    return wait_for_halt


@pytest.fixture
def run_to(
    debugger: Debugger, address: Callable[[str], int], wait_for_halt: Callable[[Debugger], None]
) -> Callable[[str], None]:
    """Return a function that runs to a breakpoint at a symbol, which is gone afterwards."""

    def run_to(name: str) -> None:
        place = address(name)
        debugger.breakpoint(place)
        debugger.resume()
        wait_for_halt(debugger)
        assert debugger.register("pc") == place
        debugger.breakpoint(place, enabled=False)

    return run_to
