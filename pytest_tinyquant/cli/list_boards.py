"""What ``tinyquant boards`` prints: board types, the boards of this bench, what is attached."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from pytest_tinyquant.boards.bench.attached import attached
from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.project.project import Project
from pytest_tinyquant.system.plain_console import plain_console


def list_boards(project: Project) -> int:
    """Print all boards of a project; return 0."""
    console = plain_console()
    console.print(_types(project))
    if project.bench:
        console.print(_bench(project.bench))
    for line in _strangers(project.bench):
        console.print(escape(line))
    return 0


def _types(project: Project) -> Table:
    table = Table("board", "kind", "runtime", "reached by", "metrics", "description")
    for board in project.boards.values():
        metrics = ", ".join(board.metrics)
        table.add_row(
            board.name, board.kind, board.runtime, board.reached_by, metrics, board.description
        )
    return table


def _bench(bench: tuple[PhysicalBoard, ...]) -> Table:
    present = {physical.name for physical in attached(bench)}
    leases = LeaseDirectory()
    table = Table("on this bench", "board", "probe", "port", "flasher", "labels", "state")
    for physical in bench:
        state = "not attached"
        if physical.name in present:
            free = leases.is_free(physical)
            state = "free" if free else f"held by {leases.state(physical).holder or 'someone'}"
        probe, port = physical.probe, physical.port
        if physical.labgrid:
            tags = ", ".join(f"{key}={value}" for key, value in physical.labgrid)
            probe, port, state = f"labgrid: {tags}", "", "handed out by labgrid"
        cells = (probe, port, physical.flasher, ", ".join(physical.labels), state)
        table.add_row(physical.name, physical.type, *map(escape, cells))
    return table


def _strangers(bench: tuple[PhysicalBoard, ...]) -> list[str]:
    """Return a line for each probe and USB serial port that is attached and in no row."""
    lines = []
    try:
        from pytest_tinyquant.cli.doctor_bench import unknown_probes

        lines += [f"attached probe without a row: {probe}" for probe in unknown_probes(bench)]
        from serial.tools import list_ports
    except (ImportError, TinyQuantError):
        return lines
    known = {physical.port for physical in bench}
    for port in list_ports.comports():
        if port.serial_number and not {f"usb:{port.serial_number}", port.device} & known:
            lines.append(f"attached serial port: {port.device} = usb:{port.serial_number}")
    return lines
