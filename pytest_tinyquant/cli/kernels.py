"""The command ``tinyquant kernels``: what a project may replace, and a copy to begin with."""

from __future__ import annotations

import argparse
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path

from pytest_tinyquant.system.plain_console import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``tinyquant kernels``."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="names or globs; default: all")
    parser.add_argument("--copy", default="", metavar="NAME", help="copy the source of this kernel")
    parser.add_argument(
        "--to", type=Path, default=Path("kernels"), metavar="DIR", help="default: kernels"
    )


def run(options: argparse.Namespace) -> int:
    """List kernels by the file that defines them, or copy one; 1 if no name matches."""
    from pytest_tinyquant.firmware.replaceable import copy_kernel
    from pytest_tinyquant.firmware.replaceable import reference_kernels

    if options.copy:
        file, names = copy_kernel(options.copy, options.to)
        say(f"wrote {file}, which defines {', '.join(names)}")
        say(
            f'A board of boards.toml runs it by kernels = "./{options.to.as_posix()}". Layers that '
            "the board's own set has faster kernels for run this one all the same, so delete what "
            "you do not mean to replace, and record what the copy costs before you change "
            "anything: pytest --tq-update-baselines=all"
        )
        return 0
    wanted = [
        kernel
        for kernel in reference_kernels()
        if not options.names or any(fnmatchcase(kernel.name, name) for name in options.names)
    ]
    for source, group in groupby(wanted, key=lambda kernel: kernel.source):
        kernels = list(group)
        say(f"{source.name} ({kernels[0].header.name}): {', '.join(k.name for k in kernels)}")
    return 0 if wanted else 1
