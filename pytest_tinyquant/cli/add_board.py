"""The command ``tinyquant board add``: asks pyOCD what is attached and writes the board's rows."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.errors import BoardNotFoundError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.project.bench import load_bench
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.project.kinds import KINDS
from pytest_tinyquant.project.project import BOARDS_FILE
from pytest_tinyquant.project.project import user_boards_file
from pytest_tinyquant.system import atomic
from pytest_tinyquant.system.plain_console import say


if TYPE_CHECKING:
    from pytest_tinyquant.boards.device import Debugger

#: pyOCD's target for a core of which no more is known.
_ANY_CORE: Final = "cortex_m"
_CPUID, _MVFR0 = 0xE000ED00, 0xE000EF40
_PARTS_M0: Final = (0xC20, 0xC60)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``tinyquant board``."""
    parser.add_argument("action", choices=("add",), help="add: write the rows of an attached board")
    parser.add_argument("name", nargs="?", default="my-board", help="default: my-board")
    parser.add_argument("--probe", default="", help="id of its probe, where several are attached")
    parser.add_argument("--target", default="", help="pyOCD's name of its chip, if it cannot tell")
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--file", type=Path, default=None, help=f"default: the project's {BOARDS_FILE}"
    )
    place.add_argument(
        "--user", action="store_true", help="write into your own boards.toml, for all projects"
    )


def run(options: argparse.Namespace) -> int:
    """Write a board's table and its [[bench]] row into a boards.toml, whose comments stay.

    :raises BoardNotFoundError: no probe is attached, or several and none is named.
    """
    project = options.settings.root / BOARDS_FILE
    file = user_boards_file() if options.user else options.file or project
    probe = _probe(options.probe)
    others = (*options.settings.board_files, project, user_boards_file())
    _check_new(options.name, probe, file, others)
    target = options.target or _target_of(probe)
    if not target:
        raise BoardNotFoundError(
            f"the probe {probe} does not tell which chip is behind it; name it with --target, as "
            "'pyocd list --targets' does"
        )
    core = _core(probe)
    written = _with_rows(file, options.name, core, target, probe)
    _write(written, file)
    say(f"wrote [{options.name}] and its [[bench]] row to {file}: {core}, {target}")
    say(f"now: pytest --board {options.name}")
    return 0


def _check_new(name: str, probe: str, file: Path, others: Iterable[Path]) -> None:
    """Check that neither the board nor its probe is in a boards.toml that a run would read.

    :raises ConfigurationError: one of them is.
    """
    files = list({path.absolute(): path for path in (file, *others)}.values())
    boards = load_boards(files)
    for row in load_bench(files, boards):
        if row.probe and row.lease_id == PhysicalBoard("", "", probe, "").lease_id:
            raise ConfigurationError(
                f"the probe {probe} is that of {row.where} already: pytest --board {row.type}. To "
                "write it anew, take that row out first"
            )
    if name in boards:
        raise ConfigurationError(f"{file}: there is a board {name!r} already; choose another name")


def _probe(wanted: str) -> str:
    """Return the id of the probe to take."""
    from pytest_tinyquant.boards.debug.pyocd_session import attached_probes
    from pytest_tinyquant.boards.debug.pyocd_session import attached_text

    ids = [probe.unique_id for probe in attached_probes()]
    if wanted and wanted not in ids:
        raise BoardNotFoundError(f"no probe {wanted!r} is attached; attached: {attached_text()}")
    if wanted:
        return wanted
    if len(ids) != 1:
        how = "no debug probe is attached: plug the board in, check its cable"
        if ids:
            how = f"several probes are attached: {attached_text()}; choose one with --probe"
        raise BoardNotFoundError(how)
    return ids[0]


def _target_of(unique_id: str) -> str:
    """Return pyOCD's name of the chip, where a probe is a part of its board; else empty."""
    from pyocd.probe.aggregator import DebugProbeAggregator

    # pyOCD takes a part of an id for the whole.
    found = DebugProbeAggregator.get_all_connected_probes(unique_id)
    probes = [probe for probe in found if probe.unique_id == unique_id]
    info = getattr(probes[0], "associated_board_info", None) if probes else None
    return str(getattr(info, "target", None) or "")


def _core(probe: str) -> str:
    """Ask the core what it is; return the kind of such boards."""
    with _connected(probe) as debugger:
        cpuid = int.from_bytes(debugger.read(_CPUID, 4), "little")
        part = cpuid >> 4 & 0xFFF
        if part in _PARTS_M0:
            return "cortex-m0plus"
        kinds = [name for name in KINDS if getattr(KINDS[name], "part", 0) == part]
        if len(kinds) > 1:
            has_fpu = debugger.read(_MVFR0, 4) != bytes(4)
            kinds = [name for name in kinds if KINDS[name].has_fpu == has_fpu]
    if not kinds:
        raise BoardNotFoundError(
            f"the core behind {probe} (CPUID {cpuid:#010x}) is none that is known here; write the "
            "table by hand with the core closest to it: docs/your-board.md"
        )
    return kinds[0]


@contextlib.contextmanager
def _connected(probe: str) -> Iterator[Debugger]:
    from pytest_tinyquant.boards.debug.pyocd_debugger import PyocdDebugger

    debugger = PyocdDebugger(probe, _ANY_CORE)
    try:
        yield debugger
    finally:
        debugger.close()


def _with_rows(file: Path, name: str, core: str, target: str, probe: str) -> str:
    """Return the file's text with the rows added at its end."""
    try:
        import tomlkit
        from tomlkit.exceptions import TOMLKitError
    except ImportError as error:
        raise ToolchainNotFoundError(
            f"tomlkit, which keeps the comments of {file}, cannot be imported ({error}); install "
            "it with: pip install 'pytest-tinyquant[hardware]'"
        ) from error
    try:
        document = tomlkit.parse(file.read_text() if file.exists() else "")
    except (TOMLKitError, ValueError) as error:
        raise ConfigurationError(f"{file}: not valid TOML: {error}; correct the file") from error
    board = tomlkit.table()
    board.update({"core": core, "pyocd_target": target})
    document.add(name, board)
    row: Any = tomlkit.table()
    row.update({"name": name.lower(), "type": name, "probe": probe})
    if "bench" not in document:
        document.add("bench", tomlkit.aot())
    document["bench"].append(row)
    return tomlkit.dumps(document)


def _write(text: str, file: Path) -> None:
    """Replace a boards.toml by a text that was read as one before."""
    trial = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_text(trial, text)
        load_bench([trial], load_boards([trial]))
        atomic.write_text(file, text)
    except ConfigurationError as error:
        raise ConfigurationError(str(error).replace(str(trial), str(file))) from error
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be written ({error.strerror or error}); make {file.parent} writable, "
            "or choose another file with --file or, for all your projects, --user"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            trial.unlink(missing_ok=True)
