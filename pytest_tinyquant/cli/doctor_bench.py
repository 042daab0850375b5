"""What ``tinyquant doctor`` checks of the boards on this bench, each down to a sign of life."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pytest_tinyquant.boards.bench.attached import attached
from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.boards.console.port_holders import holders
from pytest_tinyquant.boards.console.serial_port import find_port
from pytest_tinyquant.boards.debug.pyocd_session import attached_probes
from pytest_tinyquant.boards.debug.pyocd_session import attached_text
from pytest_tinyquant.cli.finding import Finding
from pytest_tinyquant.cli.finding import tried
from pytest_tinyquant.errors import BoardNotFoundError
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.project.bench import PYOCD
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.project import Project
from pytest_tinyquant.project.project import user_boards_file


USB_DEVICES: Final = Path("/sys/bus/usb/devices")
USB_NODES: Final = Path("/dev/bus/usb")

PROBE_VENDORS: Final = {
    "0483": "ST-LINK",
    "1366": "SEGGER J-Link",
    "0d28": "Arm DAPLink",
    "1fc9": "NXP",
    "04b4": "Infineon KitProg",
    "2e8a": "Raspberry Pi Debug Probe",
    "045b": "Renesas",
}
"""USB vendor ids of debug probes, as in pyOCD's udev rules; Renesas for its E2 emulators."""

_CPUID: Final = 0xE000ED00
_PROBE = PhysicalBoard("doctor", "", "doctor", "")


def bench_findings(load: Callable[[], Project], types: Collection[str] = ()) -> Iterator[Finding]:
    """Yield one finding per thing that a real board needs.

    :param load: returns the project of the current directory.
    :param types: the boards that are to be used; empty for all.
    """
    yield tried("leases", "holding real boards", _free_lock)
    yield from usb_findings(USB_DEVICES, USB_NODES)
    try:
        project = load()
    except TinyQuantError as error:
        yield Finding("boards.toml", "knowing the boards", "", str(error))
        return
    bench = [row for row in project.bench if not types or row.type in types]
    if not bench:
        yield Finding("bench", "real boards", _nothing_configured())
    for physical in bench:
        yield from _board_findings(physical, project.boards[physical.type])


def usb_findings(devices: Path, nodes: Path) -> Iterator[Finding]:
    """Yield a finding for every debug probe on USB: whether this user may open it.

    :param devices: sysfs directory of the USB devices.
    :param nodes: directory of their device files.
    """
    for device in sorted(devices.glob("*")) if devices.is_dir() else ():
        vendor = _attribute(device, "idVendor")
        if vendor not in PROBE_VENDORS:
            continue
        bus, number = _attribute(device, "busnum"), _attribute(device, "devnum")
        node = nodes / f"{int(bus or 0):03d}" / f"{int(number or 0):03d}"
        name = f"{PROBE_VENDORS[vendor]} {_attribute(device, 'serial')}".strip()
        allowed = os.access(node, os.R_OK | os.W_OK)
        yield Finding(
            f"usb {device.name}",
            f"opening the probe {name}",
            f"{name}, may be opened" if allowed else "",
            f'{name}: {node} may not be opened; put \'SUBSYSTEM=="usb", ATTR{{idVendor}}=='
            f'"{vendor}", MODE="0666"\' into /etc/udev/rules.d/50-probes.rules, then: udevadm '
            "control --reload && udevadm trigger, and plug the probe in again",
        )


def _board_findings(physical: PhysicalBoard, board: Board) -> Iterator[Finding]:
    name, purpose = physical.name, f"board {physical.name} ({physical.type})"
    if physical.labgrid:
        yield tried(f"{name} labgrid", purpose, _labgrid_client)
        yield tried(name, purpose, lambda: _farm(physical))
        return
    is_attached = physical in attached([physical])
    yield Finding(
        name,
        purpose,
        f"{physical.probe or physical.port}, attached" if is_attached else "",
        f"{physical.probe or physical.port} is not attached: plug it in, check its power and cable,"
        f" or correct {physical.where}. Attached debug probes: {_probes_text()}",
    )
    if physical.flasher == PYOCD:
        yield tried(f"{name} pack", f"programming {name}", lambda: _pack(physical, board))
    else:
        yield tried(f"{name} flasher", f"programming {name}", lambda: _flasher(physical, board))
    if physical.energy:
        yield tried(f"{name} meter", f"the energy of {name}", lambda: _meter(physical))
    if not is_attached:
        return
    if board.console == "uart":
        yield tried(f"{name} port", f"hearing {name}", lambda: _port(physical))
    if physical.flasher == PYOCD:
        yield tried(f"{name} blink", f"using {name}", lambda: _blink(physical, board))


def _labgrid_client() -> str:
    from pytest_tinyquant.boards.farm.client import find_program

    return find_program()


def _farm(physical: PhysicalBoard) -> str:
    """Return how many places labgrid has for a row; nothing is reserved."""
    from pytest_tinyquant.boards.farm.client import VERSION
    from pytest_tinyquant.boards.farm.client import Client
    from pytest_tinyquant.boards.farm.client import coordinator
    from pytest_tinyquant.boards.farm.place import places_with

    client = Client("tinyquant-doctor")
    names = places_with(client, physical.labgrid)
    version = client.call("version").strip()
    other = "" if version == VERSION else f", labgrid {version} (tested: {VERSION})"
    return f"{', '.join(names)} at {coordinator()}{other}"


def _free_lock() -> str:
    """Return where the leases are, once a lock there could be taken."""
    leases = LeaseDirectory()
    leases.is_free(_PROBE)
    return str(leases.root)


def _nothing_configured() -> str:
    probes = _probes_text()
    if probes == "none":
        return "no [[bench]] row, no probe attached: boards are emulated"
    return (
        f"no [[bench]] row for the attached probes: {probes}; to use one, add to "
        f'{user_boards_file()} a row such as: [[bench]], name = "desk", '
        'type = "nucleo-l4r5zi", probe = "ID", one key a line'
    )


def _probes_text() -> str:
    try:
        return attached_text()
    except TinyQuantError as error:
        return f"unknown ({error})"


def _port(physical: PhysicalBoard) -> str:
    """Return the port, if it is there, free and may be opened."""
    port = find_port(physical.port)
    if "://" in port:
        return port
    if not Path(port).exists():
        raise BoardNotFoundError(f"{port} is not there; correct {physical.where}")
    if not os.access(port, os.R_OK | os.W_OK):
        raise ConsoleError(
            f"{port} may not be opened; become a member of its group {_group(port)} with: "
            f"sudo usermod -aG {_group(port)} $USER, then log in again"
        )
    others = ", ".join(map(str, holders(port)))
    return f"{port}, open in {others}" if others else f"{port}, free"


def _pack(physical: PhysicalBoard, board: Board) -> str:
    from pytest_tinyquant.boards.debug.cmsis_pack import session_options

    session_options(board.pyocd_target, physical.pack)
    return f"{physical.pack or 'of pyOCD'}, for {board.pyocd_target}"


def _flasher(physical: PhysicalBoard, board: Board) -> str:
    from pytest_tinyquant.boards.bench.command_flasher import find_flasher

    flasher = find_flasher(physical.flasher, board.chip, physical.where)
    program = shutil.which(flasher.command[0])
    if program is None:
        raise ToolchainNotFoundError(
            f"{flasher.command[0]} is not installed or not on the PATH; {flasher.install}"
        )
    return f"{program}; without a debugger there is no sign of life to ask for"


def _blink(physical: PhysicalBoard, board: Board) -> str:
    """Return what the core says that it is; the board is held meanwhile, and is reset."""
    from pytest_tinyquant.boards.bench.hardware import check_core
    from pytest_tinyquant.boards.debug.cmsis_pack import session_options
    from pytest_tinyquant.boards.debug.pyocd_debugger import PyocdDebugger

    leases = LeaseDirectory()
    lease = leases.try_take(physical, command="tinyquant doctor", test="a sign of life")
    if lease is None:
        return f"in use by {leases.state(physical).holder or 'someone'}; not disturbed"
    try:
        options = session_options(board.pyocd_target, physical.pack)
        debugger = PyocdDebugger(physical.probe, board.pyocd_target, options=options)
        try:
            cpuid = int.from_bytes(debugger.read(_CPUID, 4), "little")
            check_core(debugger, board, physical.name)
        finally:
            debugger.close()
    finally:
        lease.release()
    return f"the core answers, CPUID {cpuid:#010x}"


def _meter(physical: PhysicalBoard) -> str:
    """Return what supplies a board, once its meter gave a sample; the board is held meanwhile."""
    from pytest_tinyquant.boards.meter.open import start_meter

    lease = LeaseDirectory().try_take(physical, command="tinyquant doctor", test="its meter")
    if lease is None:
        return f"{physical.energy}; {physical.name} is in use, so it was not disturbed"
    try:
        began = time.monotonic()
        with start_meter(physical) as meter:
            watts = meter.until(began)[-1].watts
    finally:
        lease.release()
    return f"{physical.energy}: {watts:.3g} W"


def unknown_probes(bench: tuple[PhysicalBoard, ...]) -> list[str]:
    """Return the attached probes that no row of the bench names."""
    known = {physical.lease_id for physical in bench}
    return [
        f"{probe.unique_id} ({probe.description})"
        for probe in attached_probes()
        if probe.unique_id.casefold() not in known
    ]


def _attribute(device: Path, name: str) -> str:
    try:
        return (device / name).read_text().strip()
    except OSError:
        return ""


def _group(port: str) -> str:
    try:
        return Path(port).group()
    except KeyError:
        return str(Path(port).stat().st_gid)
