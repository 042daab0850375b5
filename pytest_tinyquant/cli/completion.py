"""``tinyquant --completion SHELL``: a script that completes commands and options."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any
from typing import Final


_SHELLS: Final = ("bash", "zsh", "tcsh")


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option to the program's parser."""
    parser.add_argument(
        "--completion",
        action=_Print,
        choices=_SHELLS,
        metavar="SHELL",
        help=f"print a completion script for {', '.join(_SHELLS)}; source it in the shell's start",
    )


class _Print(argparse.Action):
    """Prints the script of the parser that it belongs to, and ends the program."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Print and exit."""
        try:
            import shtab
        except ImportError:
            parser.error(
                "--completion needs the package shtab; pip install 'pytest-tinyquant[completion]'"
            )
        print(shtab.complete(parser, shell=str(values)))
        parser.exit()
