"""The boards a project knows: those built in, its own boards.toml and the user's."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Container
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final
from typing import Literal
from typing import cast
from typing import get_args

from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.project.board_keys import read_cflags
from pytest_tinyquant.project.board_keys import read_kernels
from pytest_tinyquant.project.board_keys import read_limits
from pytest_tinyquant.project.board_keys import read_metrics
from pytest_tinyquant.project.board_keys import read_spare_arena
from pytest_tinyquant.project.core_timing import CoreTiming
from pytest_tinyquant.project.core_timing import read_timing
from pytest_tinyquant.project.kinds import KINDS
from pytest_tinyquant.project.npu import Npu
from pytest_tinyquant.project.npu import read_npu
from pytest_tinyquant.project.own_board import CONSOLES
from pytest_tinyquant.project.own_board import OWN_KEYS
from pytest_tinyquant.project.own_board import check as check_own
from pytest_tinyquant.project.own_board import expanded
from pytest_tinyquant.project.target import Target
from pytest_tinyquant.project.target import TargetChoice
from pytest_tinyquant.project.tflm_library import Tflm
from pytest_tinyquant.project.tflm_library import read_tflm
from pytest_tinyquant.project.tool import Tool
from pytest_tinyquant.project.tool import read_tool
from pytest_tinyquant.support.runtimes import RUNTIMES
from pytest_tinyquant.system.toml_table import Table


if TYPE_CHECKING:
    from pytest_tinyquant.metrics.limits import Limit

#: The rows of a boards.toml that are boards to touch, not types of boards.
BENCH_KEY: Final = "bench"

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,59}")

BUILT_IN = Path(__file__).with_name("boards.toml")


Gate = Literal["instructions", "estimated-cycles", "both"]
GATES: Final[tuple[Gate, ...]] = get_args(Gate)


@dataclass(frozen=True)
class Board:
    """One board type and how this run reaches it.

    :param kind: what executes the model, a name in :data:`KINDS`.
    :param runtime: what interprets it, a name in :data:`RUNTIMES`.
    :param target: how this run reaches it.
    :param metrics: what can be measured on it.
    :param flash_bytes: size of the flash region, 0 for the host; likewise ``ram_bytes``.
    :param kernels: name of a kernel set of this package, or the path of a directory of kernels.
    :param kernel_set: with such a directory, the set that has all that it does not replace; empty
        for the reference kernels.
    :param spare_arena_bytes: by which the arena may grow where a kernel is faster with more
        working memory.
    :param cflags: compiler flags after those of the board's kind.
    :param machine: QEMU machine that emulates it; empty when nothing does.
    :param chip: directory of ``firmware/boards`` for real boards, with - for _; empty when there
        is no firmware for them.
    :param pyocd_target: pyOCD's name of the real board's chip.
    :param toolchain: path of its C compiler; empty for the one on the PATH.
    :param on_request: runs only where ``--board``, the ini file or a test's marker names it.
    :param tflm: the user's TensorFlow Lite Micro for the runtime ``tflm``.
    :param gate: what decides about latency on the emulator: the executed instructions, the cycles
        that a model of the core makes of them, or both.
    :param console: uart, or debugger: a mailbox in RAM that the debugger empties.
    :param setup: path of a C file with ``tq_setup()``, which the generic firmware runs first.
    :param clock_hz: the core's clock, for a firmware that does not set one up; 0 if not known.
    :param flash_start: address of the flash for the generic firmware; likewise ``ram_start``.
    :param timing: what a model of the core needs to estimate cycles; None where it is not known.
    :param npu: the NPU that the model is compiled for; None for all other boards.
    :param tool: the command-line tool that stands for it; None for all other boards.
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
    kernel_set: str = ""
    spare_arena_bytes: int = 0
    cflags: tuple[str, ...] = ()
    machine: str = ""
    chip: str = ""
    pyocd_target: str = ""
    toolchain: str = ""
    tflm: Tflm | None = None
    timing: CoreTiming | None = None
    npu: Npu | None = None
    tool: Tool | None = None
    on_request: bool = False
    gate: Gate = "instructions"
    console: str = "uart"
    setup: str = ""
    clock_hz: int = 0
    flash_start: int = 0
    ram_start: int = 0
    limit: tuple[Limit, ...] = dataclasses.field(default=(), compare=False)

    @property
    def has_trace_model(self) -> bool:
        """Whether the cycles of its emulator can be estimated from what it executed."""
        return KINDS[self.kind].has_trace_model and self.timing is not None

    @property
    def is_metered(self) -> bool:
        """Whether a power meter measures one of its metrics in this run."""
        return self.target.is_real and any(METRICS[name].metered for name in self.metrics)

    @property
    def has_own_kernels(self) -> bool:
        """Whether it runs kernels of the user's, not a set of this package."""
        return Path(self.kernels).is_absolute()

    def with_own_kernels(self, directory: Path) -> Board:
        """Return the board with the kernels of a directory before those that it has."""
        kernel_set = self.kernel_set if self.has_own_kernels else self.kernels
        return dataclasses.replace(self, kernels=str(directory), kernel_set=kernel_set)

    @property
    def firmware(self) -> str:
        """Return the directory of ``firmware/boards`` for this run, with - for _."""
        return self.target.firmware(
            machine=KINDS[self.kind].firmware_of(self.machine), chip=self.chip
        )

    @property
    def reached_by(self) -> str:
        """Return how this run reaches the board, in words for the report header."""
        return self.target.in_words(self.machine)

    @property
    def runs_firmware(self) -> bool:
        """Tell whether it runs an image that is built for it."""
        return KINDS[self.kind].runs_firmware


_TABLE_KEYS = tuple(
    field.name
    for field in dataclasses.fields(Board)
    if field.name not in ("name", "target", "flash_start", "ram_start")
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
        top = Table.find(file)
        if top is None:
            continue
        for name in top.values:
            if name != BENCH_KEY:
                _check_name(name, top, boards)
                boards[name] = _board(name, top.table(name), boards)
    return {name: aim(boards[name], "auto", attached=()) for name in sorted(boards)}


def aim(board: Board, choice: TargetChoice, *, attached: Container[str]) -> Board:
    """Return `board` with the target that a run uses for it.

    :param choice: auto takes an attached board of this type, else the emulator.
    :param attached: the types of which a real board is attached.
    """
    if not board.runs_firmware:
        return board
    emulated = choice == "emulator" or (
        choice == "auto" and board.machine != "" and board.name not in attached
    )
    return dataclasses.replace(board, target=Target.EMULATOR if emulated else Target.HARDWARE)


def _check_name(name: str, top: Table, known: Iterable[str]) -> None:
    """Refuse a name that no test id or file can hold, or that differs from another by case only.

    Test ids and options do not tell upper case from lower: one of two such boards would be lost.
    """
    if not _NAME.fullmatch(name):
        raise top.error(
            f"board name {name!r} becomes part of test ids, file names and of what the firmware "
            "says: it consists of letters, digits, '.', '_', '+' and '-', begins with a letter or "
            "digit and has 60 characters at most; rename it"
        )
    for other in known:
        if other != name and other.casefold() == name.casefold():
            raise top.error(f"boards {other!r} and {name!r} differ by case only; rename one")


def _board(name: str, table: Table, known: dict[str, Board]) -> Board:
    """Return the board that `table` defines, or the known board that it changes."""
    table.allow([*_TABLE_KEYS, *OWN_KEYS, "base"])
    table = expanded(table)
    base_name = table.get("base", str, name)
    if "base" in table.values:
        table.choice("base", base_name, known)
    base = known.get(base_name)
    runtime = table.get("runtime", str, base.runtime if base else None)
    kind = table.choice("kind", table.get("kind", str, base.kind if base else None), KINDS)
    runtime = table.choice("runtime", runtime, RUNTIMES)
    before = base or Board(name, kind, runtime, KINDS[kind].target, description=name, metrics=())
    kernels, kernel_set = read_kernels(table, before.kernels, before.kernel_set)
    board = Board(
        name=name,
        kind=kind,
        runtime=runtime,
        target=KINDS[kind].target,
        description=table.get("description", str, before.description),
        metrics=read_metrics(table, before.metrics),
        flash_bytes=table.get("flash_bytes", int, before.flash_bytes),
        ram_bytes=table.get("ram_bytes", int, before.ram_bytes),
        kernels=kernels,
        kernel_set=kernel_set,
        spare_arena_bytes=read_spare_arena(table, before.spare_arena_bytes),
        cflags=read_cflags(table, before.cflags),
        machine=table.get("machine", str, before.machine),
        chip=table.get("chip", str, before.chip),
        pyocd_target=table.get("pyocd_target", str, before.pyocd_target),
        toolchain=table.get("toolchain", str, before.toolchain),
        tflm=read_tflm(table) or before.tflm,
        on_request=table.get("on_request", bool, False),
        limit=read_limits(table, before.limit),
        timing=read_timing(table, before.timing),
        npu=read_npu(table, before.npu),
        tool=read_tool(table, before.tool),
        gate=cast(Gate, table.choice("gate", table.get("gate", str, before.gate), GATES)),
        console=table.choice("console", table.get("console", str, before.console), CONSOLES),
        setup=table.get("setup", str, before.setup),
        clock_hz=table.get("clock_hz", int, before.clock_hz),
        flash_start=table.get("flash_start", int, before.flash_start),
        ram_start=table.get("ram_start", int, before.ram_start),
    )
    _check(table, board)
    return board


def _check(table: Table, board: Board) -> None:
    """Refuse a board that lacks what its kind, or its gate, needs."""
    check_own(table, board)
    if board.gate != "instructions" and not board.has_trace_model:
        raise table.error(
            f"gate = {board.gate!r} needs a model of the core: a kind that has one "
            f"({', '.join(kind for kind in KINDS if KINDS[kind].has_trace_model)}) and a timing "
            "table; add the table, or judge by instructions"
        )
    if board.runs_firmware and (board.flash_bytes < 1 or board.ram_bytes < 1):
        raise table.error("needs flash_bytes and ram_bytes, the sizes of its memories; add them")
    for key, holds in KINDS[board.kind].needs.items():
        if getattr(board, key) is None:
            raise table.error(
                f"a board of kind {board.kind!r} needs a table {key!r} with {holds}; add it"
            )
