"""What ``tinyquant doctor`` checks of single boards that are not real: libraries, tools, NPUs."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pytest_tinyquant.baselines.store import BaselineStore
from pytest_tinyquant.boards.vendor.command import Commands
from pytest_tinyquant.cli.finding import Finding
from pytest_tinyquant.cli.finding import tried
from pytest_tinyquant.errors import BaselineError
from pytest_tinyquant.firmware.runtimes.runtime import runtime_of
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.project.npu import Npu


def own_boards(boards: Collection[Board]) -> list[Board]:
    """Return those boards that a project added or changed: others are looked at if named."""
    built_in = load_boards(()).values()
    return [board for board in boards if board not in built_in]


def board_findings(boards: Collection[Board], baselines: Path | None) -> Iterator[Finding]:
    """Yield one finding per thing that one of `boards` needs for itself.

    :param baselines: the project's directory of them; None if there is no project.
    """
    for board in boards:
        if board.runs_firmware:
            found = partial(runtime_of(board).found_for, board)
            finding = tried(f"{board.runtime} library", f"board {board.name}", found)
            if finding.found or finding.remedy:
                yield finding
        if board.tool is not None:
            program, *_ = next(iter(board.tool.commands.values()))
            yield tried(program, f"board {board.name}", partial(_tool, board))
        if board.npu is not None:
            yield tried("Vela", f"board {board.name}", partial(_vela, board.name, board.npu))
            if baselines is not None:
                yield from _other_vela(board.name, baselines)


def _tool(board: Board) -> str:
    """Return the version of the command-line tool that stands for a board."""
    assert board.tool is not None, "asked of such boards only"
    return Commands(board.name, board.tool, board.tool.seconds).version()


def _vela(board: str, npu: Npu) -> str:
    """Return what Vela compiles for, once it started and its configuration was looked at."""
    from pytest_tinyquant.boards.npu.vela import check_settings
    from pytest_tinyquant.boards.npu.vela import started

    check_settings(board, npu)
    return f"{started()}: {npu.accelerator}, {npu.system_config}, {npu.memory_mode}"


def _other_vela(board: str, directory: Path) -> Iterator[Finding]:
    """Yield a finding where baselines of a board are of another version of Vela."""
    from pytest_tinyquant.boards.npu.vela import PACKAGE
    from pytest_tinyquant.boards.npu.vela import version

    store, versions = BaselineStore(directory), set()
    for file in sorted((directory / board).rglob("*.json")):
        try:
            versions.add(store.parse(file.read_text("utf-8"), file).toolchain)
        except (BaselineError, OSError, UnicodeDecodeError):
            continue  # The run says what is wrong with it.
    if not versions:
        return
    name, purpose = f"{board} baselines", f"comparing with the baselines of {board}"
    held = " and ".join(sorted(versions))
    installed = tried(name, purpose, version)
    if installed.absent or versions == {installed.found}:
        yield Finding(name, purpose, f"of {held}")
        return
    others = sorted(versions - {installed.found})
    exact = others[0].replace(f"{PACKAGE} ", f"{PACKAGE}==")
    yield Finding(
        name,
        purpose,
        "",
        f"of {' and '.join(others)}, but {installed.found} is installed: its numbers "
        f"are not comparable. pip install '{exact}', or record them anew with "
        "--tq-update-baselines=all",
    )
