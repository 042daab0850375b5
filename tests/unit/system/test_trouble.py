"""What is the machine's trouble, and what a program's own failure."""

from __future__ import annotations

import errno
import os
import signal
from signal import Signals
from typing import Any

import pytest

from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.system.trouble import EXIT_TROUBLE
from pytest_tinyquant.system.trouble import Ending
from pytest_tinyquant.system.trouble import ending
from pytest_tinyquant.system.trouble import lacking
from pytest_tinyquant.system.trouble import told


# What tools say, word for word.
SAID = (
    "cc1: fatal error: error writing to /tmp/ccX.s: No space left on device",
    "OSError: [Errno 122] Disk quota exceeded: 'x'",
    "arm-none-eabi-gcc: fatal error: Killed signal terminated program cc1\ncompilation terminated.",
    "collect2: fatal error: ld terminated with signal 9 [Killed]",
    "/usr/bin/ld: final link failed: memory exhausted",
    "cc1: out of memory allocating 65536 bytes after a total of 1 bytes",
    "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc",
    "numpy.core._exceptions._ArrayMemoryError: Unable to allocate\nMemoryError",
    "tensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when allocating tensor",
    "/bin/sh: 1: Cannot fork\nsh: fork: retry: Resource temporarily unavailable",
    "as: can't create x.o: Too many open files",
    "gcc: error while loading shared libraries: libc.so.6: cannot open shared object: Error 24",
    "ninja: build stopped: interrupted by user.",
    "Killed",
    "bash: line 1:  4711 Terminated",
    "cc1: internal compiler error: Segmentation fault",
)


@pytest.mark.parametrize("said", SAID)
def test_what_a_failed_program_says_about_the_machine(said: str) -> None:
    assert ending(1, said).machine
    assert ending(1, f"before\n{said}\nafter").machine
    assert ending(-signal.SIGABRT, said) == Ending(ending(-6, said).words, machine=True)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "kernel.c:1:2: error: expected ';' before 'x'",
        "region `RAM' overflowed by 4 bytes",
        "ValueError: input 0 has shape (None, None)",
        # The runtime's own arena, which holds too little for the model.
        "Failed to resize buffer. Requested: 1024, available 12, missing: 1012",
        "compilation terminated.",
        "the server was Killed by its tests, says this sentence",
    ],
)
def test_what_says_nothing_about_the_machine(said: str) -> None:
    assert not ending(1, said).machine
    assert ending(0, said) == Ending("", machine=False)


@pytest.mark.parametrize("number", sorted(set(signal.Signals)))
@pytest.mark.parametrize("shell", [False, True])
def test_a_signal_is_the_machines_unless_it_may_be_a_crash(number: Signals, shell: bool) -> None:
    crash = number.name in ("SIGABRT", "SIGSEGV", "SIGFPE", "SIGILL", "SIGTRAP")
    ended = ending(128 + number if shell else -number)
    assert (ended.machine, ended.crashed) == (not crash, number if crash else 0)
    assert number.name in ended.words


def test_a_child_of_this_package_can_say_so_itself() -> None:
    assert ending(EXIT_TROUBLE).machine
    assert not ending(1).machine
    assert ending(1).words == "ended with exit code 1"


@pytest.mark.parametrize("name", ["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOMEM", "EIO", "EROFS"])
def test_errors_of_the_system_are_found_behind_others(name: str) -> None:
    number = getattr(errno, name)
    error = OSError(number, os.strerror(number), "a/file")
    assert lacking(error) == f"{os.strerror(number)}: a/file"
    behind = ModelError("cannot be read")
    behind.__cause__ = error
    assert lacking(behind) == lacking(error)


def test_a_missing_file_is_no_lack_of_the_machine() -> None:
    assert lacking(FileNotFoundError(errno.ENOENT, "none", "x")) == ""
    assert lacking(None) == ""


def test_what_an_error_took_the_place_of_counts_unless_it_was_set_aside() -> None:
    def raised(cause: str) -> ModelError:
        try:
            try:
                raise MemoryError
            except MemoryError as error:
                raise ModelError("text") from (error if cause == "from" else None)
        except ModelError as error:
            return error

    assert lacking(raised("from")) == "too little memory"
    assert lacking(raised("none")) == ""


@pytest.mark.parametrize(
    ("error", "becomes"),
    [
        (OSError(errno.ENOSPC, "full"), BenchError),
        (FileNotFoundError(errno.ENOENT, "gone", "scratch"), BenchError),
        (MemoryError(), BenchError),
        (ConsoleError("loose cable"), ConsoleError),
        (ModelError("corrupt"), ModelError),
        (ValueError("a mistake in this package"), ValueError),
    ],
)
def test_a_stage_raises_the_machines_trouble_as_the_benchs(error: Any, becomes: Any) -> None:
    with pytest.raises(Exception) as caught, told("the stage"):
        raise error
    assert type(caught.value) is becomes
    if becomes is BenchError:
        assert str(caught.value).startswith("the stage: trouble with this computer")
