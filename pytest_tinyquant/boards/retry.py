"""A run once more after trouble on the way from the device, and what that tells.

Only trouble that says nothing about the firmware is worth another run: bytes lost, changed or
repeated, a port that went away, a device that started anew. A fault, a wrong image, a damaged
guard or a hang is a result.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Final

from pytest_tinyquant.boards.console.console import PortClosedError
from pytest_tinyquant.boards.console.protocol import RestartError
from pytest_tinyquant.boards.console.protocol import TransferError
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import TinyQuantError


REPEATED: Final = (TransferError, RestartError, PortClosedError)
"""What a run is repeated after."""


def run_twice_at_most(
    run: Callable[[], RunRecord], prepare: Callable[[ConsoleError], None], *, where: str
) -> RunRecord:
    """Return the record of one run, or of a second one if trouble on the way ended the first.

    :param prepare: makes the device ready after that trouble.
    :param where: what the trouble's message begins with.
    :raises DeviceHaltedError: the device started anew at the same place of both runs.
    :raises ConsoleError: there was trouble on the way again.
    """
    try:
        return run()
    except REPEATED as error:
        first: ConsoleError = error
    cause = str(first).partition("\n")[0].removeprefix(f"{where}: ")
    try:
        prepare(first)
        record = run()
    except REPEATED as second:
        raise _lasting(first, second, cause, where) from second
    except TinyQuantError as error:
        error.retries = (cause,)
        raise
    log = f"tinyquant: run again after: {cause}" + (f"\n{record.log}" if record.log else "")
    return dataclasses.replace(record, retries=(cause,), log=log)


def _lasting(first: ConsoleError, second: ConsoleError, cause: str, where: str) -> TinyQuantError:
    """Return the error of a device that had trouble on the way twice."""
    error: TinyQuantError
    again = f"{where}: {str(second).removeprefix(f'{where}: ')}"
    if (
        isinstance(first, RestartError)
        and isinstance(second, RestartError)
        and first.lines == second.lines
    ):
        error = DeviceHaltedError(
            f"{again}, and again when it was run once more: something in the firmware resets the"
            " core, such as a jump to the reset vector or a watchdog",
            kind="reset",
        )
    else:
        restarts = isinstance(first, RestartError) or isinstance(second, RestartError)
        advice = "; check the power supply, the cable and the reset line" if restarts else ""
        error = ConsoleError(f"{again}\n  this was the second run; the first: {cause}{advice}")
    error.retries = (cause,)
    return error
