"""Switches a board's power off and on, by the command in its row: ``uhubctl``, or a script."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Final

from pytest_tinyquant.boards.bench.attached import attached
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.system.scratch import scratch_directory


COMMAND_SECONDS: Final = 60.0
"""How long the command may take; hubs switch within a few."""

RETURN_SECONDS: Final = 30.0
"""How long a board may take to enumerate afterwards."""

_POLL_SECONDS: Final = 0.2
_WORDS_SHOWN: Final = 4


def is_attached(physical: PhysicalBoard) -> bool:
    """Tell whether a board's probe, or else its port, is there."""
    return bool(attached([physical]))


def cycle(
    physical: PhysicalBoard,
    *,
    timeout: float = COMMAND_SECONDS,
    returns: float = RETURN_SECONDS,
    is_back: Callable[[PhysicalBoard], bool] = is_attached,
) -> None:
    """Switch a board off and on, and wait until it is back.

    :param timeout: seconds that the command may take.
    :param returns: seconds that the board may take afterwards.
    :raises BenchError: the command is absent, fails or hangs, or the board does not come back.
    """
    who = f"{physical.name}: power command {physical.power!r}"
    _run(shlex.split(physical.power), who, timeout)
    deadline = time.monotonic() + returns
    while not is_back(physical):
        if time.monotonic() >= deadline:
            raise BenchError(
                f"{who} succeeded, but the board is not back after {returns:g} s; see whether "
                "the command switches the right port"
            )
        time.sleep(_POLL_SECONDS)


def _run(command: list[str], who: str, timeout: float) -> None:
    with scratch_directory() as directory:
        output = os.path.join(directory, "output")
        try:
            with open(output, "wb") as stream:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            raise BenchError(
                f"{who} cannot be run: {error.strerror or error}; correct the command in "
                "the board's row of boards.toml"
            ) from error
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise BenchError(
                f"{who} did not finish in {timeout:g} s and was stopped; run it by hand and see "
                "what it waits for"
            ) from None
        finally:
            # What it started must not switch the board once more, later.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if code == 0:
            return
        with open(output, encoding="utf-8", errors="replace") as stream:
            said = stream.read(1 << 16).splitlines()[-_WORDS_SHOWN:]
    words = "".join(f"\n  {line}" for line in said)
    raise BenchError(f"{who} failed (exit code {code}){words}")
