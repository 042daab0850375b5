"""What ``tinyquant doctor`` checks: everything a board needs beyond this package."""

from __future__ import annotations

import contextlib
import importlib.metadata
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Sequence
from functools import partial

from pytest_tinyquant.boards.emulator.qemu import check_machine
from pytest_tinyquant.boards.emulator.qemu import find_qemu
from pytest_tinyquant.cli.finding import Finding
from pytest_tinyquant.cli.finding import tried
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.firmware.runtimes.runtime import runtime_of
from pytest_tinyquant.firmware.toolchain import find_build_tool
from pytest_tinyquant.firmware.toolchain import find_toolchain
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.kinds import KINDS
from pytest_tinyquant.project.kinds import Kind
from pytest_tinyquant.project.project import Project
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.plain_console import say


_FOR_KINDS = (
    ("tflite-micro", "board host", "emulation"),
    ("ethos-u-vela", "boards ethos-u...", "ethos-u"),
    ("pyocd", "boards, emulated and real", "hardware"),
    ("pyserial", "boards, emulated and real", "hardware"),
    ("pyelftools", "building firmware", "hardware"),
)
"""Name, purpose, extra of this package; each kind of boards says which ones it needs."""


def examine(
    load: Callable[[], Project], names: Sequence[str] = (), usual: Sequence[str] = ()
) -> int:
    """Print what is installed and what is attached; return 1 if anything is missing.

    :param load: returns the project of the current directory.
    :param names: boards that are to be used; empty for those that a run of the project takes.
    :param usual: boards that the project's settings choose; empty for all, and all that may be of
        use.
    :raises ConfigurationError: there is no such board.
    """
    if usual and not names:
        names = list(dict.fromkeys([*usual, *(row.type for row in load().bench)]))
        say(f"for {', '.join(names)}, as the ini file and the bench say")
    boards = tuple(_board(load(), name) for name in names)
    findings = [_converter(load), *_findings(boards), *_bench_findings(load, boards)]
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = "missing" if finding.missing else "ok     "
        say(f"{mark}  {finding.name:{width}}  {finding.found or finding.remedy}")
        if finding.missing:
            say(f"         {'':{width}}  needed for {finding.purpose}")
    missing = sum(finding.missing for finding in findings)
    say(f"{missing} missing" if missing else "everything is installed")
    return 1 if missing else 0


def _board(project: Project, name: str) -> Board:
    board = project.boards.get(name)
    if board is None:
        raise ConfigurationError(f"no board {name!r}; known are: {', '.join(project.boards)}")
    return board


def _converter(load: Callable[[], Project]) -> Finding:
    """Return what converts models, or what runs .tflite files where there are no others."""
    version, light = _version("tensorflow"), _version("ai-edge-litert")
    remedy = "pip install 'pytest-tinyquant[convert]'"
    if version or _has_others(load):
        return Finding("tensorflow", "converting models", version, remedy)
    what = "comparing .tflite files with TensorFlow Lite"
    remedy = "pip install 'pytest-tinyquant[litert]', or [convert] for models of Keras as well"
    return Finding("ai-edge-litert", what, light, remedy)


def _has_others(load: Callable[[], Project]) -> bool:
    """Tell whether a project has models that are to be converted."""
    with contextlib.suppress(TinyQuantError):
        return any(model.kind != "tflite" for model in load().models.values())
    return True


def _findings(boards: Collection[Board] = ()) -> Iterator[Finding]:
    """Yield one finding per thing that `boards` need, or any board if there are none."""
    kinds = [KINDS[name] for name in {board.kind: None for board in boards} or KINDS]
    emulated = {board.kind for board in boards if board.target.is_emulated}
    needed = {package for kind in kinds for package in kind.packages}
    for package, purpose, extra in _FOR_KINDS:
        if package in needed:
            remedy = f"pip install 'pytest-tinyquant[{extra}]'"
            yield Finding(package, purpose, _version(package), remedy)
    if not boards:
        remedy = "pip install 'pytest-tinyquant[xdist]'"
        yield Finding("pytest-xdist", "pytest -n", _version("pytest-xdist"), remedy)
    if any(kind.runs_firmware for kind in kinds):
        for tool in ("cmake", "ninja"):
            yield tried(tool, "building firmware", partial(_build_tool, tool))
    for kind in kinds:
        if kind.compiler is not None:
            purpose = f"building firmware for {kind.name}"
            yield tried(kind.compiler.program, purpose, partial(_compiler, kind.name))
        if kind.emulator and (not boards or kind.name in emulated):
            purpose = f"emulated {kind.name} boards"
            yield tried(kind.emulator, purpose, partial(_emulator, kind))
    for board in boards:
        if board.runs_firmware:
            found = partial(runtime_of(board).found_for, board)
            finding = tried(f"{board.runtime} library", f"board {board.name}", found)
            if finding.found or finding.remedy:
                yield finding
        if board.tool is not None:
            program, *_ = next(iter(board.tool.commands.values()))
            yield tried(program, f"board {board.name}", partial(_tool, board))
    yield tried("cache", "converted models and firmware", _cache)


def _bench_findings(load: Callable[[], Project], boards: Collection[Board]) -> list[Finding]:
    """Return what real boards need; without pyOCD and pyserial there is nothing to look with."""
    if not (_version("pyocd") and _version("pyserial")):
        return []
    from pytest_tinyquant.cli.doctor_bench import bench_findings

    if boards and not any(board.runs_firmware for board in boards):
        return []
    return list(bench_findings(load, {board.name for board in boards}))


def _version(package: str) -> str:
    """Return the version of an installed package, empty if it is not."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _compiler(kind: str) -> str:
    """Return name and version of the compiler for a kind of board."""
    return find_toolchain(kind).version


def _emulator(kind: Kind) -> str:
    """Return the emulator's path, and the machine for boards that name none."""
    path = find_qemu(kind.emulator)
    if not kind.machine:
        return path
    check_machine(kind.emulator, kind.machine, kind.name)
    return f"{path}, machine {kind.machine}"


def _tool(board: Board) -> str:
    """Return the version of the command-line tool that stands for a board."""
    from pytest_tinyquant.boards.vendor.command import Commands

    assert board.tool is not None, "asked of such boards only"
    return Commands(board.name, board.tool, board.tool.seconds).version()


def _build_tool(name: str) -> str:
    """Return the path of a build tool."""
    return str(find_build_tool(name))


def _cache() -> str:
    """Return where the cache is, once an entry has been written to it."""
    cache = Cache()
    cache.entry("doctor", Cache.key("doctor"), lambda directory: (directory / "probe").touch())
    return str(cache.root)
