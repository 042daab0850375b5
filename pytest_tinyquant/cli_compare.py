"""The commands of ``tinyquant`` that compare: diff and history."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pytest_tinyquant.errors import TinyQuantError


_TROUBLE = 2


def add_diff(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``tinyquant diff``."""
    side = "a run's JSON file, an ELF image, a baseline file or directory, or a git revision"
    parser.add_argument("a", metavar="A", help=side)
    parser.add_argument(
        "b", metavar="B", nargs="?", default="", help="the same; default: the project's baselines"
    )
    _add_baselines(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.epilog = "Exit status: 0 if nothing differs, 1 if something does, 2 for trouble."


def run_diff(options: argparse.Namespace) -> int:
    """Print what differs: 0 for nothing, 1 for something, 2 for trouble, as diff(1) does."""
    from pytest_tinyquant.diff.show import show_difference

    baselines = Path(options.baselines).absolute()
    second = options.b or options.baselines
    try:
        return show_difference(options.a, second, baselines, as_json=options.json)
    except TinyQuantError as error:
        print(f"tinyquant diff: {error}", file=sys.stderr)
        return _TROUBLE


def _add_baselines(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--baselines",
        default="baselines",
        metavar="DIR",
        help="the project's baselines, which a revision stands for (default: baselines)",
    )
