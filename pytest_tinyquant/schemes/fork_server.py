"""A process that imports slow modules once and runs each job in a fork of itself.

:func:`serve` imports the modules, says that it is ready, and then takes one job per line of its
standard input and answers with one line each, both JSON. A job is
``{"function": "module:name", "arguments": [...], "log": path, "timeout": s}``; its process writes
everything it prints to the file `log`, which no amount of output can block. The answer tells how
the process ended: ``{"exit": code}``, ``{"signal": number}`` or ``{"timeout": true}``.

Forking is safe here because the server itself runs no job and has one thread only: importing
TensorFlow starts none, given the environment that
:mod:`pytest_tinyquant.schemes.convert` sets. Python's own ``forkserver`` is not used: it is
one per process, so a preloaded TensorFlow would be forced on the user's tests as well.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from pytest_tinyquant.system.trouble import EXIT_TROUBLE
from pytest_tinyquant.system.trouble import lacking


def serve(modules: list[str], idle: float, scratch: str) -> NoReturn:
    """Import `modules`, run jobs until the input ends or none came for `idle` seconds, and exit.

    :param scratch: directory of the server's own, gone when it ends.
    """
    # What the modules print may not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for module in modules:
        importlib.import_module(module)
    # A fork inherits what is still buffered, and would write it to its own log.
    sys.stdout.flush()
    print(json.dumps({"ready": True}), file=answers)
    while select.select([0], [], [], idle)[0]:
        line = _read_line()
        if not line:
            break
        print(json.dumps(_supervise(json.loads(line), answers.fileno())), file=answers)
    # Taking TensorFlow down in good order takes a second, and pytest waits for it.
    shutil.rmtree(scratch, ignore_errors=True)
    os._exit(0)


def _read_line() -> bytes:
    """Read one line of the standard input, unbuffered so that `select` stays truthful."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            return b""
        line += byte
    return line


def _supervise(job: dict[str, object], answers: int) -> dict[str, int | bool]:
    """Run `job` in a fork and return how that ended; past its time limit it is killed."""
    child = os.fork()
    if child == 0:
        os.close(answers)
        _run(str(job["function"]), job["arguments"], str(job["log"]))
    process = os.pidfd_open(child)
    try:
        # The input is readable during a job only when the other side has died.
        ended, _, _ = select.select([process, 0], [], [], float(str(job["timeout"])))
    finally:
        os.close(process)
    if process in ended:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return {"exit": code} if code >= 0 else {"signal": -code}
    _kill_group(child)
    os.waitpid(child, 0)
    return {"timeout": True}


def _kill_group(child: int) -> None:
    """Kill `child` and the processes it started."""
    os.kill(child, signal.SIGKILL)
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        # The child was killed before it had made itself the leader of its group.
        return


def _run(function: str, arguments: object, log: str) -> NoReturn:
    """Call `function` in this forked process and end it; never returns."""
    code = 1
    try:
        os.setpgid(0, 0)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        module, _, name = function.partition(":")
        assert isinstance(arguments, list)
        getattr(importlib.import_module(module), name)(*arguments)
        code = 0
    except BaseException as error:
        told = _is_logged(traceback.print_exc)
        code = EXIT_TROUBLE if lacking(error) or not told else 1
    finally:
        if not (_is_logged(sys.stdout.flush) and _is_logged(sys.stderr.flush)):
            code = EXIT_TROUBLE
        # Not sys.exit: the server's exit handlers and buffers belong to the server.
        os._exit(code)


def _is_logged(write: Callable[[], None]) -> bool:
    """Tell whether there was room for the log; without it nobody knows what went wrong."""
    try:
        write()
    except OSError:
        return False
    return True
