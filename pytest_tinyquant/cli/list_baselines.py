"""The command ``tinyquant baselines``: which files there are, and which no test uses."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_tinyquant.errors import BaselineError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.project.settings import EXTRA_MODELS_VARIABLE
from pytest_tinyquant.project.target import Target
from pytest_tinyquant.system.plain_console import say


if TYPE_CHECKING:
    from pytest_tinyquant.project.project import Project


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``tinyquant baselines``."""
    parser.add_argument(
        "--unused",
        action="store_true",
        help="only files of models, schemes or boards that the project has not",
    )
    parser.add_argument("--delete", action="store_true", help="delete the unused ones")
    parser.epilog = "Exit status: 0; with --unused and without --delete 1 if there are any."


def run(options: argparse.Namespace) -> int:
    """Print the files, one a line with the reason why it is unused."""
    from pytest_tinyquant.cli.current_project import current_project

    if options.delete and not options.unused:
        raise ConfigurationError("--delete goes with --unused: it deletes what that lists")
    project = current_project(settings=options.settings)
    unused = 0
    for entry in _entries(project):
        if options.unused and not entry.reason:
            continue
        say(f"{entry.file.relative_to(project.root)}{entry.reason and f': {entry.reason}'}")
        unused += entry.removable
        if options.delete and entry.removable:
            _delete(entry.file)
    if options.unused and not unused:
        say("every baseline of this project's models is used")
    return 1 if options.unused and unused and not options.delete else 0


@dataclass(frozen=True)
class _Entry:
    """A baseline.

    :param reason: why no test uses it; empty if one does.
    :param removable: it is of this project, and of nothing that it has.
    """

    file: Path
    reason: str = ""
    removable: bool = False


def _entries(project: Project) -> Iterator[_Entry]:
    from pytest_tinyquant.project.settings import Settings
    from pytest_tinyquant.session.matrix import select

    settings = Settings(project.root, project.models_dir, project.baselines_dir)
    used = {(c.board.name, f"{c.model.name}-{c.scheme.name}") for c in select(project, settings)}
    folders = {name.rpartition("/")[0] for name in project.models}
    for file in sorted(project.baselines_dir.rglob("*.json")):
        board, *rest = file.relative_to(project.baselines_dir).with_suffix("").parts
        if len(rest) < 2 or rest[0] not in tuple(Target):
            continue
        name = "/".join(rest[1:])
        folder = name.rpartition("/")[0]
        if (board, name) in used:
            yield _Entry(file)
        elif folder not in folders and board in project.boards:
            # Deleting these would punish whoever has the other models not at hand.
            yield _Entry(
                file, f"no model of {folder}/ is here; {EXTRA_MODELS_VARIABLE} may name it"
            )
        else:
            what = f"combination {name}" if board in project.boards else f"board {board}"
            yield _Entry(file, f"the project has no {what}", removable=True)


def _delete(file: Path) -> None:
    try:
        file.unlink()
    except OSError as error:
        raise BaselineError(f"{file} cannot be deleted: {error.strerror}") from error
