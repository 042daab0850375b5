"""Trouble of the machine, told apart from what a model or a kernel does.

A child process that was killed, a full disk, too little memory and too many open files say
nothing about what was being measured. Whatever ends a stage of the way to a measurement is looked
at here, and only here: how a child ended by :func:`ending`, an exception by :func:`lacking`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_tinyquant.errors import BenchError


EXIT_TROUBLE: Final = 75
"""Exit code by which a child of this package says that the machine is to blame (EX_TEMPFAIL)."""

#: Errors of the system calls that a program meets whatever it works on.
_ERRNOS: Final = frozenset(
    (
        *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ESTALE),
        *(errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOLCK),
        *(errno.ETXTBSY, errno.EADDRINUSE, errno.EADDRNOTAVAIL),
    )
)

#: Signals by which a program ends because of what it did itself. All others come from outside.
_CRASHES: Final = frozenset(
    (signal.SIGABRT, signal.SIGSEGV, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP)
)

#: How programs word the same: strerror() in the C locale, C++, Python, TensorFlow, GNU's compiler
#: driver and linker, shells.
_SAID: Final = re.compile(
    "|".join(
        (
            *(re.escape(os.strerror(number)) for number in sorted(_ERRNOS)),
            r"memory exhausted",
            r"\bout of memory\b",
            r"\bstd::bad_alloc\b",
            r"\bMemoryError\b",
            r"\bResourceExhaustedError\b",
            r"terminated with signal \d+.*",
            r"\w+ signal terminated program \w+",
            r"internal compiler error\b.*",
            r"returned 1[3-9]\d exit status",
            r"error while loading shared libraries\b.*",
            r"^.*build stopped: interrupted.*$",
            r"^(?:\S+: (?:line )?\d+:?\s+(?:\d+ )?)?(?:Killed|Terminated)(?: \(core dumped\))?$",
        )
    ),
    re.IGNORECASE | re.MULTILINE,
)

_SHELL_SIGNAL: Final = 128
"""What shells and build tools add to the number of a signal to make it an exit code."""


@dataclass(frozen=True)
class Ending:
    """How a child process failed.

    :param words: to be read after the program's name, such as ``was killed with SIGKILL``; empty
        for one that did not fail.
    :param machine: the machine is to blame, whatever the child worked on.
    :param crashed: the signal of a crash of its own making, else 0. Somebody may have sent it all
        the same: only a crash that repeats is the program's.
    """

    words: str
    machine: bool
    crashed: int = 0


def ending(code: int, said: str = "") -> Ending:
    """Return how a child ended.

    :param code: its exit code; below zero the number of a signal, as :mod:`subprocess` has it.
    :param said: what it printed.
    """
    if code == 0:
        return Ending("", machine=False)
    number = -code if code < 0 else code - _SHELL_SIGNAL
    name = _signal_name(number)
    found = _SAID.search(said)
    complaint = f" ({found[0].strip()})" if found else ""
    if name and number in _CRASHES:
        words = f"crashed with {name}{complaint}"
        return Ending(words, machine=found is not None, crashed=0 if found else number)
    if name:
        reason = complaint or (" (out of memory?)" if number == signal.SIGKILL else "")
        return Ending(f"was killed with {name}{reason}", machine=True)
    words = f"ended with exit code {code}{complaint}"
    return Ending(words, machine=code == EXIT_TROUBLE or found is not None)


def refuse_trouble(code: int, said: str, what: str) -> None:
    """Raise if a child failed that the computer, and not what it worked on, brought down.

    A crash counts as well: none of the programs that are asked here has a model or a kernel of the
    user's to crash on.

    :param code: its exit code, as for :func:`ending`; likewise `said`.
    :param what: the program, for the message.
    :raises BenchError: it was killed, crashed, or says that the computer lacks something.
    """
    ended = ending(code, said)
    if ended.machine or ended.crashed:
        raise BenchError(
            f"{what} {ended.words}: trouble with this computer, so nothing was found out"
        )


def lacking(error: BaseException | None) -> str:
    """Return what the machine lacked that brought about `error`; empty if it lacked nothing.

    The errors that `error` was raised from are looked at as well.
    """
    while error is not None:
        if isinstance(error, MemoryError):
            return "too little memory"
        if isinstance(error, OSError) and error.errno in _ERRNOS:
            place = f": {error.filename}" if error.filename is not None else ""
            return f"{os.strerror(error.errno)}{place}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return ""


@contextlib.contextmanager
def told(where: str) -> Iterator[None]:
    """Raise what the machine brought about in a ``with`` block as trouble with the bench.

    An error of the system that no stage expected is none of the model's either.

    :param where: what was being done, for the message.
    :raises BenchError: in place of such an error; others pass through.
    """
    try:
        yield
    except BenchError:
        raise
    except Exception as error:
        lacked = lacking(error)
        if not lacked and not isinstance(error, OSError):
            raise
        reason = lacked or f"{type(error).__name__}: {error}"
        raise BenchError(
            f"{where}: trouble with this computer, so nothing was found out: {reason}"
        ) from error


def _signal_name(number: int) -> str:
    """Return a signal's name; empty for a number that is none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""
