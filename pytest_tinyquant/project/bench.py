"""The boards of this bench: the ``[[bench]]`` rows of boards.toml files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_tinyquant.project.board_types import BENCH_KEY
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.kinds import KINDS
from pytest_tinyquant.system.toml_table import Table


PYOCD: Final = "pyocd"
FLASHERS: Final = (PYOCD, "rfp-cli", "jlink")
"""Ways to program a board; anything with a blank in it is the user's own command template."""

USB_PREFIX: Final = "usb:"

METERS: Final = ("ppk2", "joulescope")
"""Power meters that have a driver; ``ppk2:PORT`` and ``joulescope:SERIAL`` name one of several."""

HOLDS: Final = ("session", "measurement")
"""For how long a place of labgrid is held."""

_KEYS = (
    *("name", "type", "probe", "port", "baud_rate", "pack", "clock_hz", "labels", "flasher"),
    *("power", "labgrid", "hold", "energy", "supply_volts"),
)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_PROBE_TYPE = re.compile(r"[a-z][a-z0-9_]*:")
_PATH_OR_URL = re.compile(r"/.|[A-Za-z0-9+.-]+://.|COM\d")


@dataclass(frozen=True)
class PhysicalBoard:
    """One board that can be touched.

    :param name: how messages call it; unique.
    :param type: name of the :class:`Board` it is one of.
    :param probe: full unique id of its debug probe, as ``pyocd list`` prints it.
    :param port: serial port: ``usb:SERIAL``, a device path or a pyserial URL; in a row without one,
        that with the probe's serial number.
    :param pack: CMSIS-Pack with the chip's flash algorithm; None for pyOCD's own cache.
    :param clock_hz: core clock that the firmware sets up; 0 for that of the firmware's port.
    :param labels: free words.
    :param flasher: one of :data:`FLASHERS`, or a command template.
    :param power: command that switches the board off and on; empty if nothing can.
    :param energy: the power meter in the board's supply: one of :data:`METERS`, or a command that
        prints what a meter measures; empty if there is none.
    :param supply_volts: what the board is supplied with, for a meter that measures the current
        only; 0 if not given.
    :param labgrid: tags of the places that it may be, where labgrid hands it out; its probe and
        port are then known only while it is held.
    :param hold: for how long such a place is held: ``session`` or ``measurement``.
    :param where: file and row, for messages.
    """

    name: str
    type: str
    probe: str
    port: str
    baud_rate: int = 115200
    pack: Path | None = None
    clock_hz: int = 0
    labels: tuple[str, ...] = ()
    flasher: str = PYOCD
    power: str = ""
    energy: str = ""
    supply_volts: float = 0.0
    labgrid: tuple[tuple[str, str], ...] = ()
    hold: str = "session"
    where: str = ""

    @property
    def lease_id(self) -> str:
        """Return what is unique about the thing itself: its probe's id, or else its port.

        Two names for one probe, with pyOCD's type in front or not, are one thing.
        """
        if self.labgrid:
            return f"labgrid:{self.name}"
        return _PROBE_TYPE.sub("", self.probe, count=1).casefold() or self.port


def load_bench(files: Iterable[Path], boards: Mapping[str, Board]) -> tuple[PhysicalBoard, ...]:
    """Return the physical boards in the ``[[bench]]`` rows of `files`, by type, then name.

    Files that do not exist are passed over.

    :raises ConfigurationError: for the first row that says something impossible, or two rows that
        claim the same name, probe or port.
    """
    bench: list[PhysicalBoard] = []
    for file in files:
        top = Table.find(file)
        for row in _rows(top) if top is not None else ():
            bench.append(_read(row, boards))
            _check_unique(row, bench)
    return tuple(sorted(bench, key=lambda physical: (physical.type, physical.name)))


def _rows(top: Table) -> list[Table]:
    if BENCH_KEY not in top.values:
        return []
    return [
        Table(values, file=top.file, label=f"[[{BENCH_KEY}]] {index} ({values.get('name', '')!r})")
        for index, values in enumerate(top.array(BENCH_KEY, dict), start=1)
    ]


def _read(row: Table, boards: Mapping[str, Board]) -> PhysicalBoard:
    row.allow(_KEYS)
    name = row.get("name", str)
    if not _NAME.fullmatch(name):
        raise row.error(f"name {name!r} must be lower case letters, digits, '.', '_' and '-'")
    types = {known: board.kind for known, board in boards.items() if board.runs_firmware}
    board_type = row.choice("type", row.get("type", str), types)
    if "labgrid" in row.values:
        return _of_farm(row, name, board_type, types[board_type])
    if "hold" in row.values:
        raise row.error("key 'hold' is for places of labgrid; remove it, or add 'labgrid'")
    energy = _energy(row)
    physical = PhysicalBoard(
        name=name,
        type=board_type,
        probe=row.get("probe", str, ""),
        port=row.get("port", str, _port_of_probe(row)),
        baud_rate=row.positive("baud_rate", 115200),
        pack=_pack(row),
        clock_hz=row.positive("clock_hz") if "clock_hz" in row.values else 0,
        labels=row.array("labels", str) if "labels" in row.values else (),
        flasher=_flasher(row, types[board_type]),
        power=_command(row, "power", "uhubctl -a cycle -p 2"),
        energy=energy,
        supply_volts=_volts(row, energy),
        where=f"{row.file}: {row.label}",
    )
    _check_port(row, physical.port)
    if physical.flasher == PYOCD and not physical.probe:
        raise row.error("key 'probe' is missing; add the unique id that 'pyocd list' prints")
    return physical


def _of_farm(row: Table, name: str, board_type: str, kind: str) -> PhysicalBoard:
    """Return the board of a row whose probe and port labgrid tells."""
    for key in ("probe", "port", "flasher", "power", "baud_rate", "energy", "supply_volts"):
        if key in row.values:
            raise row.error(f"key {key!r} is labgrid's to tell; remove it, or remove 'labgrid'")
    if not KINDS[kind].has_pyocd:
        raise row.error("places of labgrid are programmed by pyOCD, which drives Arm cores only")
    tags = row.get("labgrid", dict)
    if not tags or not all(isinstance(value, str) and value for value in tags.values()):
        raise row.error('labgrid holds tags and their values, such as {board = "nucleo-l4r5zi"}')
    return PhysicalBoard(
        name=name,
        type=board_type,
        probe="",
        port="",
        pack=_pack(row),
        clock_hz=row.positive("clock_hz") if "clock_hz" in row.values else 0,
        labels=row.array("labels", str) if "labels" in row.values else (),
        labgrid=tuple(sorted(tags.items())),
        hold=row.choice("hold", row.get("hold", str, HOLDS[0]), HOLDS),
        where=f"{row.file}: {row.label}",
    )


def _port_of_probe(row: Table) -> str | None:
    """Return the port of a probe that has one: an ST-LINK's has the probe's own serial number."""
    if row.get("flasher", str, PYOCD) != PYOCD:
        return None
    probe = row.get("probe", str, "")
    return f"{USB_PREFIX}{_PROBE_TYPE.sub('', probe, count=1)}" if probe else None


def _flasher(row: Table, kind: str) -> str:
    """Return what programs the board: pyOCD, where it can and nothing else is said."""
    has_pyocd = KINDS[kind].has_pyocd
    flasher = row.get("flasher", str, PYOCD if has_pyocd else None)
    if flasher == PYOCD and not has_pyocd:
        others = ", ".join(FLASHERS[1:])
        raise row.error(f"pyOCD drives Arm cores only; set flasher to {others} or a command")
    if " " not in flasher:
        row.choice("flasher", flasher, FLASHERS)
    return flasher


def _energy(row: Table) -> str:
    """Return the row's power meter."""
    energy = _command(row, "energy", "my-meter --csv")
    name = energy.partition(":")[0]
    if energy and row.get("flasher", str, PYOCD) != PYOCD:
        raise row.error("energy is measured on boards that pyOCD programs; remove 'energy'")
    if name == METERS[0] and "supply_volts" not in row.values:
        raise row.error(f"{name} measures the current only; add supply_volts, such as 3.3")
    return energy


def _volts(row: Table, meter: str) -> float:
    """Return the voltage of the board's supply."""
    if "supply_volts" not in row.values:
        return 0.0
    volts = row.values["supply_volts"]
    if isinstance(volts, bool) or not isinstance(volts, (int, float)) or not 0.8 <= volts <= 5:
        raise row.error(f"supply_volts {volts!r} is no number of volts from 0.8 to 5")
    if not meter:
        raise row.error("key 'supply_volts' is for a power meter; remove it, or add 'energy'")
    return float(volts)


def _command(row: Table, key: str, example: str) -> str:
    """Return a command in the row, empty if there is none; it must be one at all."""
    command = row.get(key, str, "")
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise row.error(f"{key} {command!r} is no command: {error}") from error
    if key in row.values and not (words and words[0]):
        raise row.error(f"{key} {command!r} names no program; write such as {example!r}")
    return command


def _pack(row: Table) -> Path | None:
    """Return the path of the pack; in the file it is relative to the file."""
    pack = row.get_optional("pack", str)
    return None if pack is None else row.file.parent.absolute() / Path(pack).expanduser()


def _check_port(row: Table, port: str) -> None:
    if port.removeprefix(USB_PREFIX) if port.startswith(USB_PREFIX) else _PATH_OR_URL.match(port):
        return
    raise row.error(
        f"port {port!r} is neither usb:SERIAL nor a device path such as /dev/ttyACM0 nor a "
        "pyserial URL; 'tinyquant boards' lists the serial ports that are attached"
    )


def _check_unique(row: Table, bench: list[PhysicalBoard]) -> None:
    *others, new = bench
    for other in others:
        for key, mine, theirs in (
            ("name", new.name, other.name),
            ("probe", new.probe and new.lease_id, other.probe and other.lease_id),
            ("port", new.port, other.port),
        ):
            if mine and mine == theirs:
                raise row.error(
                    f"{key} {mine!r} is that of {other.where} already; every row is one board"
                )
