"""The command line as pytest took it before it knew this plugin's options.

pytest looks for its root directory and ini file before it loads plugins. The value of an option
that it does not know yet is then one of the paths to look from, if it exists: ``--model
../net.tflite`` moves the root to the parent directory, where there are other baselines or none. No
hook comes earlier, so such a run is refused with the command that says the same.
"""

from __future__ import annotations

import inspect
import itertools
import os
import shlex
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from typing import Final

import pytest

from pytest_tinyquant.session.table import SETTINGS


#: Options of this plugin that take a value.
VALUED: Final = tuple(s.option for s in SETTINGS if s.option and s.value.takes_value)

_VARIABLE: Final = "PYTEST_ADDOPTS"


def check_root(config: pytest.Config) -> None:
    """Refuse a run whose root is not the one that its test paths give.

    :raises pytest.UsageError: the value of one of our options moved the root; the text is the
        command to type instead.
    """
    strays = list(_strays(config))
    if not strays:
        return
    right = _right_root(config)
    if right is not None and right == (config.rootpath, config.inipath):
        return
    option, value = strays[0]
    where = f"use {right[0]} and {right[1] or 'no ini file'}" if right else "use the project's"
    raise pytest.UsageError(
        f"{option} {value}: pytest took this path for one of tests, and with it "
        f"{config.rootpath} for the project's root and {config.inipath or 'no'} ini file; "
        f"baselines, boards and models of another place would count. Join the option and its "
        f"value by '=' to {where}:\n  {_command(config)}"
    )


def _strays(config: pytest.Config) -> Iterator[tuple[str, str]]:
    """Yield our options whose value pytest took for a path to tests, with that value."""
    directory = config.invocation_params.dir
    for option, value in itertools.pairwise([*_environment(), *_given(config)]):
        if option in VALUED and value[:1] not in ("", "-"):
            path = directory / value.partition("::")[0]
            if os.path.lexists(path):
                yield option, value


def _given(config: pytest.Config) -> list[str]:
    return [str(argument) for argument in config.invocation_params.args]


def _environment() -> list[str]:
    """Return the arguments that pytest takes from the environment; it has checked them."""
    return shlex.split(os.environ.get(_VARIABLE, ""))


def _command(config: pytest.Config) -> str:
    """Return the command that says the same with every value joined to its option."""
    command = shlex.join(["pytest", *_joined(_given(config))])
    environment = shlex.join(_joined(_environment()))
    return f"{_VARIABLE}={shlex.quote(environment)} {command}" if environment else command


def _joined(arguments: Iterable[str]) -> Iterator[str]:
    """Yield arguments with our options and their values in one word."""
    words = iter(arguments)
    for word in words:
        if word in VALUED:
            value = next(words, None)
            if value is not None and not value.startswith("-"):
                yield f"{word}={value}"
            else:
                yield from filter(None, (word, value))
        else:
            yield word


def _right_root(config: pytest.Config) -> tuple[Path, Path | None] | None:
    """Return root and ini file as pytest finds them now that it knows all options.

    None if this version of pytest has no such function, or one that takes something else.
    """
    known = config.known_args_namespace
    values: dict[str, Any] = {
        "inifile": known.inifilename,
        "override_ini": known.override_ini,
        "args": known.file_or_dir,
        "rootdir_cmd_arg": known.rootdir or None,
        "invocation_dir": config.invocation_params.dir,
    }
    try:
        from _pytest.config.findpaths import determine_setup

        find: Callable[..., Any] = determine_setup
        wanted = inspect.signature(find).parameters
        found = find(**{name: value for name, value in values.items() if name in wanted})
        return found[0], found[1]
    except (ImportError, TypeError, AttributeError):
        return None
