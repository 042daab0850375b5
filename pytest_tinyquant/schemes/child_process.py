"""Calls of a function in a process of its own, with a time limit and slow imports done once.

The other side of :mod:`pytest_tinyquant.schemes.fork_server`. One :class:`ForkServer` per Python
process and set of modules; under pytest-xdist every worker has its own.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.system import environment
from pytest_tinyquant.system.scratch import scratch_directory
from pytest_tinyquant.system.trouble import Ending
from pytest_tinyquant.system.trouble import ending


# Loading TensorFlow takes 5 s from a warm disk and far longer from a cold one.
START_SECONDS = 300.0
# The server notices a time limit itself; this is for a server that is stuck or stopped.
GRACE_SECONDS = 30.0
STOP_SECONDS = 2.0
# Of a log, the end that tells why its process failed.
_SAID_LAST = 4000

_BOOT = (
    "import json, sys; paths, *arguments = json.loads(sys.argv[1]); "
    "sys.path.extend(path for path in paths if path not in sys.path); "
    "from pytest_tinyquant.schemes.fork_server import serve; serve(*arguments)"
)


@dataclass(frozen=True)
class Outcome:
    """How a call ended.

    :param trouble: empty when the function returned, else what happened, such as ``crashed with
        SIGABRT``; to be read after "the converter".
    :param log: all that the process printed, its traceback included.
    :param machine: that was no fault of the function or of what it worked on.
    :param crashed: the signal of a crash that may be the function's own, else 0.
    """

    trouble: str
    log: str
    machine: bool = False
    crashed: int = 0

    def last_lines(self, count: int = 12) -> str:
        """Return the last `count` lines of the log that say something."""
        lines = [line.rstrip() for line in self.log.splitlines() if line.strip()]
        return "\n".join(lines[-count:])


class ForkServer:
    """A server process that is started by the first call and ends by itself when idle.

    :param modules: names of the modules to import before the first call.
    :param environment: variables of the process beside those that every Python child has.
    :param idle: seconds without a call after which the server gives its memory back.
    :param extra: the extra of this package that installs the modules, for messages.
    """

    def __init__(
        self,
        modules: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        *,
        idle: float = 60.0,
        extra: str = "convert",
    ) -> None:
        self._modules = tuple(modules)
        self._environment = dict(environment or {})
        self._idle = idle
        self._extra = extra
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._scratch = ""
        self._lock = threading.Lock()

    def call(self, function: str, arguments: Sequence[object], *, timeout: float) -> Outcome:
        """Call `function` (``module:name``) with `arguments` (JSON values) in a new process.

        :param timeout: seconds the process may take; then it is killed with its descendants.
        :raises ToolchainNotFoundError: the modules cannot be imported.
        :raises BenchError: the server was killed while it started, or the machine lacks something.
        """
        with self._lock, scratch_directory() as directory:
            log = Path(directory) / "log"
            job = {
                "function": function,
                "arguments": list(arguments),
                "log": str(log),
                "timeout": timeout,
            }
            answer = self._ask(job, timeout + GRACE_SECONDS)
            text = log.read_text("utf-8", errors="replace") if log.exists() else ""
            ended = _ending(answer, timeout, text[-_SAID_LAST:])
            return Outcome(ended.words, text, ended.machine, ended.crashed)

    def close(self) -> None:
        """End the server and the job that it may be running; a later call starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        # The end of its input makes the server kill its job; killed itself, it could not.
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
        if self._owner == os.getpid():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            process.kill()
            process.wait()
            # It does so itself, unless it was killed.
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _ask(self, job: Mapping[str, object], limit: float) -> dict[str, int]:
        """Send `job` and return the answer, or ``{"lost": code}`` when the server died."""
        for _ in range(2):
            process = self._started()
            try:
                answer = _exchange(process, job, limit)
                code = process.wait(1.0) if answer is None else 0
            except subprocess.TimeoutExpired:
                self.close()
                return {"timeout": True}
            except BaseException:
                # Interrupted: the answer to this job may not be taken for one to the next.
                self.close()
                raise
            if answer is not None:
                return answer
            # Zero is a server that went idle just before the job reached it: ask a new one.
            if code != 0:
                break
        return {"lost": code}

    def _started(self) -> subprocess.Popen[bytes]:
        """Return the running server of this process, started if there is none."""
        if self._process is not None:
            if self._owner == os.getpid() and self._process.poll() is None:
                return self._process
            self.close()
        paths = [os.path.abspath(path) for path in sys.path]
        self._scratch = tempfile.mkdtemp(prefix="tinyquant-")
        start = json.dumps([paths, self._modules, self._idle, self._scratch])
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", _BOOT, start],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment.made_for_python(Path(self._scratch), **self._environment),
                # Ctrl-C is for pytest, which then ends the server by closing its input.
                start_new_session=True,
            )
            self._process, self._owner = process, os.getpid()
            atexit.register(self.close)
            try:
                ready = _read_answer(process, START_SECONDS)
            except BaseException:
                self.close()
                raise
            if ready is None:
                code = _exit_code(process)
                self.close()
                errors.seek(0)
                self._cannot_start(code, Outcome("", errors.read().decode("utf-8", "replace")))
        return process

    def _cannot_start(self, code: int | None, outcome: Outcome) -> NoReturn:
        """Raise the error that the modules cannot be imported.

        :param code: how the server ended; None if it did not.
        """
        what = f"import {', '.join(self._modules)} with {sys.executable}"
        ended = Ending(f"took more than {START_SECONDS:g} s", machine=True)
        if code is not None:
            ended = ending(code, outcome.log)
        # Importing works on no model: whatever signal ended it, the installation is not to blame.
        if ended.machine or ended.crashed:
            raise BenchError(
                f"the process that was to {what} {ended.words}; run again once the computer has "
                f"room for it\n{outcome.last_lines()}"
            )
        raise ToolchainNotFoundError(
            f"cannot {what}:\n"
            f"{outcome.last_lines()}\n"
            f"Install it again: pip install --force-reinstall 'pytest-tinyquant[{self._extra}]'"
        )


def _exchange(
    process: subprocess.Popen[bytes], job: Mapping[str, object], limit: float
) -> dict[str, int] | None:
    """Send `job` and return the answer, None as in :func:`_read_answer`."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps(job).encode() + b"\n")
        process.stdin.flush()
    return _read_answer(process, limit)


def _read_answer(process: subprocess.Popen[bytes], limit: float) -> dict[str, int] | None:
    """Return the next line of `process`, or None when it died or `limit` seconds have passed."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    deadline = time.monotonic() + limit
    line = b""
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            return None
        data = os.read(descriptor, 4096)
        if not data:
            return None
        line += data
    answer: dict[str, int] = json.loads(line)
    return answer


def _exit_code(process: subprocess.Popen[bytes]) -> int | None:
    """Return the exit code of a process that closed its output; None for one that goes on."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(STOP_SECONDS)
    return None


def _ending(answer: Mapping[str, int], timeout: float, said: str) -> Ending:
    """Return how a job ended; a time limit says more about the computer than about the job."""
    if answer.get("timeout"):
        return Ending(f"did not finish within {timeout:g} s and was stopped", machine=True)
    if "lost" in answer:
        # The server itself works on nothing.
        lost = ending(answer["lost"], said).words or "ended without an answer"
        return Ending(lost, machine=True)
    return ending(answer.get("exit", 0) or -answer.get("signal", 0), said)
