"""What ``tinyquant doctor`` checks: everything a board needs beyond this package."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Sequence

from pytest_tinyquant.cli.doctor_boards import board_findings
from pytest_tinyquant.cli.doctor_boards import own_boards
from pytest_tinyquant.cli.doctor_parts import installed
from pytest_tinyquant.cli.doctor_parts import package_finding
from pytest_tinyquant.cli.doctor_parts import part_findings
from pytest_tinyquant.cli.finding import Finding
from pytest_tinyquant.cli.finding import tried
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.project import Project
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.plain_console import say


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
    findings = [_converter(load), *_findings(load, boards), *_bench_findings(load, boards)]
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = "missing" if finding.missing else "without" if finding.absent else "ok     "
        say(f"{mark}  {finding.name:{width}}  {finding.found or finding.remedy}")
        if finding.absent:
            only = "only " if finding.optional else ""
            say(f"         {'':{width}}  {only}needed for {finding.purpose}")
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
    if installed("tensorflow") or _has_others(load):
        return package_finding("tensorflow", "converting models", "convert")
    what = "comparing .tflite files with TensorFlow Lite"
    found = package_finding("ai-edge-litert", what, "litert")
    more = ", or [convert] for models of Keras as well"
    return dataclasses.replace(found, remedy=f"{found.remedy}{more}")


def _has_others(load: Callable[[], Project]) -> bool:
    """Tell whether a project has models that are to be converted."""
    with contextlib.suppress(TinyQuantError):
        return any(model.kind != "tflite" for model in load().models.values())
    return True


def _findings(load: Callable[[], Project], boards: Collection[Board]) -> Iterator[Finding]:
    """Yield what `boards` need; without any, what any board may need, and the project's own do."""
    project = None
    with contextlib.suppress(TinyQuantError):  # The findings about the bench tell it.
        project = load()
    known = project.boards.values() if project is not None else ()
    usual = [board for board in known if not board.on_request]
    yield from part_findings(boards, boards or usual)
    baselines = project.baselines_dir if project is not None else None
    # Of the built-in boards with an NPU one stands for all, as long as none is named.
    npus = [board for board in known if board.npu is not None and installed("ethos-u-vela")][:1]
    yield from board_findings(boards or (*own_boards(known), *npus), baselines)
    yield tried("cache", "converted models and firmware", _cache)


def _bench_findings(load: Callable[[], Project], boards: Collection[Board]) -> list[Finding]:
    """Return what real boards need; without pyOCD and pyserial there is nothing to look with."""
    if not (installed("pyocd") and installed("pyserial")):
        return []
    from pytest_tinyquant.cli.doctor_bench import bench_findings

    if boards and not any(board.runs_firmware for board in boards):
        return []
    return list(bench_findings(load, {board.name for board in boards}))


def _cache() -> str:
    """Return where the cache is, once an entry has been written to it."""
    cache = Cache()
    cache.entry("doctor", Cache.key("doctor"), lambda directory: (directory / "probe").touch())
    return str(cache.root)
