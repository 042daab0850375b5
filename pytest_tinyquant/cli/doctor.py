"""What ``tinyquant doctor`` checks: everything a board needs beyond this package."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Sequence
from functools import partial

from pytest_tinyquant.boards.emulator.qemu import find_qemu
from pytest_tinyquant.cli.finding import Finding
from pytest_tinyquant.cli.finding import tried
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.firmware.toolchain import find_build_tool
from pytest_tinyquant.firmware.toolchain import find_toolchain
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.project import Project
from pytest_tinyquant.system.cache import Cache


_FIRMWARE = ("cortex-m4", "rx")
_PACKAGES = (
    ("tensorflow", "converting models", "convert", ()),
    ("tflite-micro", "board host", "emulation", ("host",)),
    ("pyocd", "boards, emulated and real", "hardware", _FIRMWARE),
    ("pyserial", "boards, emulated and real", "hardware", _FIRMWARE),
    ("pyelftools", "building firmware", "hardware", _FIRMWARE),
)
"""Name, purpose, extra of this package, and the kinds of boards that need it: () for all."""


def examine(load: Callable[[], Project], names: Sequence[str] = ()) -> int:
    """Print what is installed and what is attached; return 1 if anything is missing.

    :param load: returns the project of the current directory.
    :param names: boards that are to be used; empty for all, and all that may be of use.
    :raises ConfigurationError: there is no such board.
    """
    boards = tuple(_board(load(), name) for name in names)
    findings = [*_findings(boards), *_bench_findings(load, boards)]
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = "missing" if finding.missing else "ok     "
        print(f"{mark}  {finding.name:{width}}  {finding.found or finding.remedy}")
        if finding.missing:
            print(f"         {'':{width}}  needed for {finding.purpose}")
    missing = sum(finding.missing for finding in findings)
    print(f"{missing} missing" if missing else "everything is installed")
    return 1 if missing else 0


def _board(project: Project, name: str) -> Board:
    board = project.boards.get(name)
    if board is None:
        raise ConfigurationError(f"no board {name!r}; known are: {', '.join(project.boards)}")
    return board


def _findings(boards: Collection[Board] = ()) -> Iterator[Finding]:
    """Yield one finding per thing that `boards` need, or any board if there are none."""
    kinds = {board.kind for board in boards}
    emulated = {board.kind for board in boards if board.target == "emulator"}
    for package, purpose, extra, wanted in _PACKAGES:
        if not kinds or not wanted or kinds.intersection(wanted):
            remedy = f"pip install 'pytest-tinyquant[{extra}]'"
            yield Finding(package, purpose, _version(package), remedy)
    if not kinds:
        remedy = "pip install 'pytest-tinyquant[xdist]'"
        yield Finding("pytest-xdist", "pytest -n", _version("pytest-xdist"), remedy)
    if not kinds or kinds.intersection(_FIRMWARE):
        for tool in ("cmake", "ninja"):
            yield tried(tool, "building firmware", partial(_build_tool, tool))
    for kind, compiler, emulator in (
        ("cortex-m4", "arm-none-eabi-gcc", "qemu-system-arm"),
        ("rx", "rx-elf-gcc", "qemu-system-rx"),
    ):
        if not kinds or kind in kinds:
            purpose = f"building firmware for {kind}"
            yield tried(compiler, purpose, partial(_compiler, kind))
        if not kinds or kind in emulated:
            yield tried(emulator, f"emulated {kind} boards", partial(find_qemu, emulator))
    yield tried("cache", "converted models and firmware", _cache)


def _bench_findings(load: Callable[[], Project], boards: Collection[Board]) -> list[Finding]:
    """Return what real boards need; without pyOCD and pyserial there is nothing to look with."""
    if not (_version("pyocd") and _version("pyserial")):
        return []
    from pytest_tinyquant.cli.doctor_bench import bench_findings

    if boards and all(board.kind == "host" for board in boards):
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


def _build_tool(name: str) -> str:
    """Return the path of a build tool."""
    return str(find_build_tool(name))


def _cache() -> str:
    """Return where the cache is, once an entry has been written to it."""
    cache = Cache()
    cache.entry("doctor", Cache.key("doctor"), lambda directory: (directory / "probe").touch())
    return str(cache.root)
