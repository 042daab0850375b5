"""Asks programs about themselves: compilers for their version, and where their parts are."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.system import environment
from pytest_tinyquant.system.trouble import lacking
from pytest_tinyquant.system.trouble import refuse_trouble


_TIMEOUT: Final = 60.0


def answer_of(
    command: Sequence[str | Path], *, advice: str, variables: Mapping[str, str] | None = None
) -> str:
    """Return what a program prints about itself.

    :param advice: what to do about a program that does not run, as the end of a sentence.
    :param variables: its whole environment; None for the one that compilers get.
    :raises ToolchainNotFoundError: it does not run.
    :raises BenchError: the computer kept it from answering: it was killed, or took too long.
    """
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=environment.made() if variables is None else dict(variables),
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BenchError(
            f"{command[0]} did not answer in {_TIMEOUT:g} s; this computer has too much to do, or "
            "the program hangs"
        ) from error
    except OSError as error:
        if lacked := lacking(error):
            raise BenchError(f"{command[0]} could not be started: {lacked}") from error
        raise ToolchainNotFoundError(f"{command[0]} does not run ({error}); {advice}") from error
    refuse_trouble(result.returncode, result.stderr, str(command[0]))
    if result.returncode:
        raise ToolchainNotFoundError(
            f"{command[0]} does not run (it ended with exit code {result.returncode}: "
            f"{result.stderr.strip() or 'no word of why'}); {advice}"
        )
    return result.stdout
