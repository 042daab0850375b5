"""Writes the tables of docs/reference.md that come from the code.

Run it as ``python docs/reference_tables.py`` after a change of an option, ini key or command. A
table stands between two comments, ``<!-- NAME -->`` and ``<!-- end -->``; a test compares.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pytest_tinyquant.cli.main import parser as cli_parser
from pytest_tinyquant.session import table
from pytest_tinyquant.session.table import SETTINGS


PAGE: Final = Path(__file__).with_name("reference.md")


def tables() -> dict[str, str]:
    """Return every table by name."""
    options = {
        "selection": table.SELECTION,
        "baselines": table.BASELINES,
        "running": table.RUNNING,
        "reports": table.REPORTS,
        "comparisons": table.COMPARISONS,
    }
    return {
        **{
            name: _table(
                ("option", "default", "meaning"),
                ((_option(s), _shown(s), s.text) for s in settings if s.option),
            )
            for name, settings in options.items()
        },
        "ini keys": _table(
            ("ini key", "type", "default", "meaning"),
            (
                (f"`{s.ini}`", s.value.ini_type, _shown(s), s.ini_meaning or s.text)
                for s in SETTINGS
                if s.ini
            ),
        ),
        "variables": _table(
            ("variable", "meaning"),
            ((f"`{s.variable}`", s.text) for s in SETTINGS if s.variable),
        ),
        "commands": "\n".join(_commands()),
    }


def filled(text: str) -> str:
    """Return the page's text with its tables as the code has them."""
    made = tables()
    return re.sub(
        r"(<!-- ([\w ]+) -->\n).*?(<!-- end -->)",
        lambda found: f"{found[1]}{made[found[2]]}\n{found[3]}",
        text,
        flags=re.DOTALL,
    )


def _option(setting: table.Setting) -> str:
    takes = setting.value.metavar if setting.value.takes_value else ""
    return f"`{setting.option} {takes}".rstrip().replace("|", "\\|") + "`"


def _shown(setting: table.Setting) -> str:
    default = setting.default
    if default in (None, "", (), False):
        return ""
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def _commands() -> Iterable[str]:
    """Yield a heading and a table for every command of the program."""
    program = cli_parser()
    (subparsers,) = (a for a in program._actions if isinstance(a, argparse._SubParsersAction))
    yield _arguments(a for a in program._actions if a is not subparsers)
    for name, command in subparsers.choices.items():
        yield f"### `tinyquant {name}`\n\n{command.description}\n"
        yield _arguments(command._actions)


def _arguments(actions: Iterable[argparse.Action]) -> str:
    """Return a table of what a command takes; nothing if that is nothing."""
    rows = [
        (f"`{_argument(action)}`", _text(action))
        for action in actions
        if not isinstance(action, argparse._HelpAction)
    ]
    return _table(("argument", "meaning"), rows) + "\n" if rows else ""


def _argument(action: argparse.Action) -> str:
    choices = f"{{{','.join(action.choices)}}}" if action.choices else ""
    takes = "" if action.nargs == 0 else str(action.metavar or choices)
    if not action.option_strings:
        return takes or action.dest
    takes = takes or ("" if action.nargs == 0 else action.dest.upper())
    return f"{', '.join(action.option_strings)} {takes}".strip()


def _text(action: argparse.Action) -> str:
    return (action.help or "") % vars(action)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, tuple("---" for _ in head), *rows)
    escaped = ([cell.replace("|", "\\|") for cell in row] for row in lines)
    return "\n".join(f"| {' | '.join(row)} |" for row in escaped)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
