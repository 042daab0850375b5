"""The command-line tool of a board: what its ``tool`` table in boards.toml says.

A board of kind ``command`` is a program that takes a model and tells what it will need: a vendor's
compiler, or a script of the user's. The table names up to three commands and who reads what they
leave. Words of a command may hold placeholders: those of :data:`PLACEHOLDERS`, and the user's own
from ``values``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from pytest_tinyquant.system.registry import Registry
from pytest_tinyquant.system.toml_table import Table


COMMANDS: Final = ("analyze", "generate", "validate")
"""The commands of a tool, in the order in which they run."""

PLACEHOLDERS: Final = ("model", "samples", "output", "work", "python", "here")
"""What every command may name: the model's file, the check samples (an .npz file with an array
``m_inputs_1`` and so on), an empty directory for reports, one for all else, the Python that runs
this package, and the directory of the boards.toml."""

HOST: Final = "host"
BOARD: Final = "board"

_BRACES: Final = re.compile(r"\{(\w*)\}")
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_KEYS: Final = (
    *("parser", *COMMANDS, "version", "validates_on", "seconds"),
    *("cache", "values", "variables", "pass_variables"),
)


@dataclass(frozen=True, kw_only=True)
class Parser:
    """Who reads what a tool printed and wrote.

    How it does that is what :class:`pytest_tinyquant.boards.vendor.parser.ReportParser` adds.

    :param name: as in boards.toml.
    :param title: of the tool, in messages.
    """

    name: str
    title: str


PARSERS: Final[Registry[Parser]] = Registry(
    "parser",
    Parser,
    {
        "stedgeai": "pytest_tinyquant.boards.vendor.stedgeai:STEDGEAI",
        "edge-impulse": "pytest_tinyquant.boards.vendor.edge_impulse:EDGE_IMPULSE",
        "size": "pytest_tinyquant.boards.vendor.size:SIZE",
        "figures": "pytest_tinyquant.boards.vendor.figures:FIGURES",
    },
)
"""Every reader of reports by name."""


@dataclass(frozen=True)
class Tool:
    """A command-line tool that stands for a board.

    :param parser: who reads its reports, a name in :data:`PARSERS`.
    :param analyze: a command as words; empty for none. Likewise ``generate`` and ``validate``.
    :param version: the command that prints its version.
    :param validates_on: where ``validate`` runs the model: ``host`` or ``board``. Only on a board
        is a time a measurement.
    :param cache: whether its reports may be kept: not those of a service that changes unseen.
    :param seconds: that one command may take; 0 for the limit of the run.
    :param values: the user's placeholders, by name.
    :param variables: of the tool's environment, by name.
    :param pass_variables: names of variables that the tool takes from the user's environment.
    :param directory: of the boards.toml that defines it.
    """

    parser: str
    analyze: tuple[str, ...] = ()
    generate: tuple[str, ...] = ()
    validate: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    validates_on: str = HOST
    seconds: float = 0.0
    cache: bool = True
    values: tuple[tuple[str, str], ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    pass_variables: tuple[str, ...] = ()
    directory: str = ""

    @property
    def commands(self) -> dict[str, tuple[str, ...]]:
        """The commands that it has, in the order in which they run."""
        found = {name: getattr(self, name) for name in COMMANDS}
        return {name: words for name, words in found.items() if words}

    @property
    def measures(self) -> bool:
        """Whether it runs the model on a board, where no two runs need give the same number."""
        return bool(self.validate) and self.validates_on == BOARD

    @property
    def settings(self) -> str:
        """What it is told, as a baseline keeps it: of paths of this computer the last name only."""
        told = {name: self.filled(words, {}) for name, words in self.commands.items()}
        return "; ".join(f"{name}: {' '.join(map(_last, words))}" for name, words in told.items())

    def filled(self, words: tuple[str, ...], places: Mapping[str, str]) -> list[str]:
        """Return a command with its placeholders filled in; those without a value stay."""
        values = {**dict(self.values), **places}
        return [_BRACES.sub(lambda found: values.get(found[1], found[0]), word) for word in words]


def _last(word: str) -> str:
    return PurePath(word).name if word.startswith("/") else word


def read_tool(table: Table, base: Tool | None) -> Tool | None:
    """Return the tool of the board that `table` defines; keys it leaves out are those of `base`.

    ``values`` and ``variables`` change single ones of the base's.

    :returns: None where neither has any.
    :raises ConfigurationError: a key is unknown or missing, a command is empty or names a
        placeholder that there is none of.
    """
    if "tool" not in table.values:
        return base
    own = table.table("tool")
    own.allow(_KEYS)
    start = base or Tool(parser="")
    parser = own.get("parser", str, start.parser or None)
    place = own.get("validates_on", str, start.validates_on)
    tool = Tool(
        parser=own.choice("parser", parser, PARSERS),
        **{name: _command(own, name, getattr(start, name)) for name in (*COMMANDS, "version")},
        validates_on=own.choice("validates_on", place, (HOST, BOARD)),
        seconds=own.get("seconds", float, start.seconds),
        cache=own.get("cache", bool, start.cache),
        values=_strings(own, "values", start.values),
        variables=_strings(own, "variables", start.variables),
        pass_variables=_passed(own, start),
        directory=_directory(own, start),
    )
    _check(own, tool)
    return tool


def _command(own: Table, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command; an empty array takes out the base's."""
    if key not in own.values:
        return default
    words = own.array(key, str)
    if words and not words[0].strip():
        raise own.error(f"key {key!r} names no program; write the program as the first text")
    return words


def _strings(
    own: Table, key: str, default: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    inner = own.table(key)
    for name in inner.values:
        if not _NAME.fullmatch(name):
            raise inner.error(f"{name!r} is no name: letters, digits and _ only; rename it")
        if key == "values" and name in PLACEHOLDERS:
            raise inner.error(f"{{{name}}} is a placeholder that every command has; rename it")
    values = {name: inner.get(name, str) for name in inner.values}
    return tuple(sorted({**dict(default), **values}.items()))


def _passed(own: Table, start: Tool) -> tuple[str, ...]:
    if "pass_variables" not in own.values:
        return start.pass_variables
    return own.array("pass_variables", str)


def _directory(own: Table, start: Tool) -> str:
    """Return where ``{here}`` is: beside the file that gives a command."""
    if start.directory and not any(name in own.values for name in (*COMMANDS, "version")):
        return start.directory
    return str(own.file.parent.resolve())


def _check(own: Table, tool: Tool) -> None:
    if not tool.commands:
        raise own.error(f"has no command; add at least one of {', '.join(COMMANDS)}")
    if tool.seconds < 0:
        raise own.error(f"key 'seconds' must not be negative, but it is {tool.seconds:g}")
    if tool.validates_on == BOARD and not tool.validate:
        raise own.error("validates_on = 'board' needs a command 'validate'; add it")
    known = (*PLACEHOLDERS, *dict(tool.values))
    for name, words in {**tool.commands, "version": tool.version}.items():
        for found in (found for word in words for found in _BRACES.findall(word)):
            if found not in known:
                raise own.error(
                    f"{name} has {{{found}}}; there are "
                    f"{', '.join(f'{{{each}}}' for each in known)}. Correct it, or give it a "
                    "value in the table 'values'"
                )
