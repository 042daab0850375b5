"""The boards a project knows: those built in, its own boards.toml and the user's."""

from __future__ import annotations

import dataclasses
from collections.abc import Container
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from typing import Literal

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.project.tflm_library import Tflm
from pytest_tinyquant.project.tflm_library import read_tflm
from pytest_tinyquant.system.toml_table import Table


Target = Literal["host", "emulator", "hardware"]
TargetChoice = Literal["auto", "emulator", "hardware"]

#: The rows of a boards.toml that are boards to touch, not types of boards.
BENCH_KEY: Final = "bench"

BUILT_IN = Path(__file__).with_name("boards.toml")
KINDS = ("host", "cortex-m4", "rx")
RUNTIMES = ("tflm", "tinyquant")
METRICS = ("error", "latency", "flash", "ram")


@dataclass(frozen=True)
class Board:
    """One board type and how this run reaches it.

    :param kind: what executes the model: ``host``, or the processor core.
    :param runtime: what interprets it: ``tflm`` or ``tinyquant``.
    :param target: ``host``, ``emulator`` or ``hardware``; baselines of different targets never mix.
    :param metrics: what can be measured on it.
    :param flash_bytes: size of the flash region, 0 for the host; likewise ``ram_bytes``.
    :param kernels: name of a kernel set of this package, or the path of a directory of kernels.
    :param cflags: compiler flags after those of the board's kind.
    :param machine: QEMU machine that emulates it; empty when nothing does.
    :param chip: directory of ``firmware/boards`` for real boards, with - for _; empty when there
        is no firmware for them.
    :param pyocd_target: pyOCD's name of the real board's chip.
    :param toolchain: path of its C compiler; empty for the one on the PATH.
    :param tflm: the user's TensorFlow Lite Micro for the runtime ``tflm``.
    """

    name: str
    kind: str
    runtime: str
    target: Target
    description: str
    metrics: tuple[str, ...]
    flash_bytes: int = 0
    ram_bytes: int = 0
    kernels: str = "reference"
    cflags: tuple[str, ...] = ()
    machine: str = ""
    chip: str = ""
    pyocd_target: str = ""
    toolchain: str = ""
    tflm: Tflm | None = None

    @property
    def firmware(self) -> str:
        """Return the directory of ``firmware/boards`` for this run, with - for _."""
        return self.chip if self.target == "hardware" else self.machine

    @property
    def reached_by(self) -> str:
        """Return how this run reaches the board, in words for the report header."""
        if self.target == "host":
            return "this computer"
        return f"emulated (QEMU {self.machine})" if self.target == "emulator" else "hardware"


_TABLE_KEYS = tuple(
    field.name for field in dataclasses.fields(Board) if field.name not in ("name", "target")
)


def load_boards(files: Iterable[Path]) -> dict[str, Board]:
    """Return the built-in boards changed and extended by `files`, later ones last, by name.

    They are aimed at the emulator where there is one; :func:`aim` decides for a run.

    Files that do not exist are passed over. A table named like a board that is known already
    changes the keys it holds; any other table defines a board, from scratch or, with
    ``base = "NAME"``, from another one.
    """
    boards: dict[str, Board] = {}
    for file in (BUILT_IN, *files):
        if not file.is_file():
            continue
        top = Table.read(file)
        for name in top.values:
            if name != BENCH_KEY:
                boards[name] = _board(name, top.table(name), boards)
    return {name: aim(boards[name], "auto", attached=()) for name in sorted(boards)}


def aim(board: Board, choice: TargetChoice, *, attached: Container[str]) -> Board:
    """Return `board` with the target that a run uses for it.

    :param choice: auto takes an attached board of this type, else the emulator.
    :param attached: the types of which a real board is attached.
    """
    if board.kind == "host":
        return board
    emulated = choice == "emulator" or (
        choice == "auto" and board.machine != "" and board.name not in attached
    )
    return dataclasses.replace(board, target="emulator" if emulated else "hardware")


def _board(name: str, table: Table, known: dict[str, Board]) -> Board:
    """Return the board that `table` defines, or the known board that it changes."""
    table.allow([*_TABLE_KEYS, "base"])
    base_name = table.get("base", str, name)
    if "base" in table.values:
        table.choice("base", base_name, known)
    base = known.get(base_name)
    runtime = table.get("runtime", str, base.runtime if base else None)
    board = Board(
        name=name,
        kind=table.choice("kind", table.get("kind", str, base.kind if base else None), KINDS),
        runtime=table.choice("runtime", runtime, RUNTIMES),
        target="host",
        description=table.get("description", str, base.description if base else name),
        metrics=_metrics(table, base),
        flash_bytes=table.get("flash_bytes", int, base.flash_bytes if base else 0),
        ram_bytes=table.get("ram_bytes", int, base.ram_bytes if base else 0),
        kernels=_kernels(table, base),
        cflags=_cflags(table, base),
        machine=table.get("machine", str, base.machine if base else ""),
        chip=table.get("chip", str, base.chip if base else ""),
        pyocd_target=table.get("pyocd_target", str, base.pyocd_target if base else ""),
        toolchain=table.get("toolchain", str, base.toolchain if base else ""),
        tflm=read_tflm(table) or (base.tflm if base else None),
    )
    if board.kind != "host" and (board.flash_bytes < 1 or board.ram_bytes < 1):
        raise table.error("needs flash_bytes and ram_bytes, the sizes of its memories; add them")
    return board


def _metrics(table: Table, base: Board | None) -> tuple[str, ...]:
    """Return the metrics of the table's board."""
    if "metrics" not in table.values and base is not None:
        return base.metrics
    metrics = table.array("metrics", str)
    for metric in metrics:
        table.choice("metrics", metric, METRICS)
    if not metrics:
        raise table.error("key 'metrics' must name at least one metric")
    return metrics


def _cflags(table: Table, base: Board | None) -> tuple[str, ...]:
    """Return the additional compiler flags."""
    if "cflags" in table.values:
        return table.array("cflags", str)
    return base.cflags if base else ()


def _kernels(table: Table, base: Board | None) -> str:
    """Return the kernel set; a path in the table is relative to the file it stands in."""
    kernels = table.get("kernels", str, base.kernels if base else "reference")
    if "kernels" not in table.values or "/" not in kernels:
        return kernels
    directory = (table.file.parent / kernels).resolve()
    if not directory.is_dir():
        raise ConfigurationError(
            f"{table.file}: {table.label}: kernels {kernels!r}: {directory} is not a directory; "
            "correct the path or name a built-in kernel set"
        )
    return str(directory)
