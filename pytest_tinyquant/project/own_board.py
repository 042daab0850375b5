"""A board of the user's own, in ten lines without C: what ``core = "..."`` stands for."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from typing import Final
from typing import Protocol

from pytest_tinyquant.project.chip_memory import read_memories
from pytest_tinyquant.project.kinds import KINDS
from pytest_tinyquant.system.toml_table import Table


class _Checked(Protocol):
    """What is checked of a board."""

    @property
    def kind(self) -> str: ...
    @property
    def chip(self) -> str: ...
    @property
    def cflags(self) -> tuple[str, ...]: ...
    @property
    def setup(self) -> str: ...
    @property
    def console(self) -> str: ...


#: Keys that only such a table has.
OWN_KEYS: Final = ("core", "flash", "ram")

#: The firmware for any Cortex-M, in its ``boards/`` with - for _.
GENERIC: Final = "generic-cortex-m"

CONSOLES: Final = ("uart", "debugger")

_METRICS: Final = ["error", "latency", "flash", "ram"]
_FPU_FLAGS: Final = ("-mfpu=", "-mfloat-abi=hard", "-mfloat-abi=softfp")


def expanded(table: Table) -> Table:
    """Return a board's table with everything that its ``core`` implies.

    A table without that key is returned as it is, but for paths in it: they become absolute.
    """
    values: dict[str, Any] = dict(table.values)
    if "core" in values:
        if "kind" in values:
            raise table.error("has both 'core' and 'kind', which mean the same; remove 'kind'")
        cores = [name for name in KINDS if KINDS[name].has_pyocd]
        kind = KINDS[table.choice("core", table.get("core", str), cores)]
        flash, ram = read_memories(table, table.get("pyocd_target", str, ""))
        values = {
            "runtime": "tinyquant",
            "metrics": _METRICS,
            "kernels": kind.kernels,
            "machine": kind.machine,
            "chip": GENERIC,
            "console": "debugger",
            **values,
            "kind": kind.name,
            "flash_bytes": flash.bytes,
            "ram_bytes": ram.bytes,
            "flash_start": flash.start,
            "ram_start": ram.start,
        }
    else:
        for key in ("flash", "ram"):
            if key in values:
                raise table.error(f"key {key!r} is for boards with 'core'; use '{key}_bytes'")
    for key in OWN_KEYS:
        values.pop(key, None)
    for key in ("chip", "setup"):
        if isinstance(values.get(key), str) and "/" in values[key]:
            values[key] = str((table.file.parent / values[key]).resolve())
    return Table(values, file=table.file, label=table.label)


def check(table: Table, board: _Checked) -> None:
    """Check what only some boards have.

    :raises ConfigurationError: flags for an FPU that the core lacks; a file that is not there.
    """
    kind, chip = board.kind, board.chip
    for flag in board.cflags:
        if not KINDS[kind].has_fpu and flag.startswith(_FPU_FLAGS):
            raise table.error(
                f"cflags: {flag!r} asks for an FPU, which a {kind} does not have; remove it, or "
                "name another core"
            )
    if "/" in chip and not (Path(chip) / "board.ld").is_file():
        raise table.error(
            f"chip: {chip} is no directory with a linker script board.ld; correct the path"
        )
    if board.setup and not Path(board.setup).is_file():
        raise table.error(f"setup: {board.setup} is not there; correct the path of the C file")
    if chip == GENERIC and board.console != "debugger":
        raise table.error(
            f"console = {board.console!r} needs firmware that knows the chip's UART: set chip to "
            'a directory of your own, or leave console = "debugger"'
        )
