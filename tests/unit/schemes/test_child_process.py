"""Calls in a process of its own: every way in which one can end.

The functions called are the standard library's, so that no module of the tests has to be found
by the other process.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.schemes.child_process import ForkServer
from pytest_tinyquant.schemes.child_process import Outcome


# In a shell that os.system started, $PPID is the job, whose parent is the server.
SERVER = "$(cut -d' ' -f4 /proc/$PPID/stat)"


@pytest.fixture
def server() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.close()


def shell(server: ForkServer, command: str, timeout: float = 30) -> Outcome:
    return server.call("os:system", [command], timeout=timeout)


def server_pid(server: ForkServer) -> int:
    return int(shell(server, f"echo {SERVER}").log)


def test_a_call_that_returns_leaves_no_trouble_and_its_output(server: ForkServer) -> None:
    assert server.call("builtins:print", ["a", 1], timeout=30) == Outcome("", "a 1\n")


def test_calls_share_one_server_but_not_their_state(server: ForkServer) -> None:
    first = server.call("builtins:exec", ["import sys; sys.mark = 1"], timeout=30)
    second = server.call("builtins:exec", ["import sys; print(hasattr(sys, 'mark'))"], timeout=30)
    assert (first.trouble, second.log) == ("", "False\n")
    assert server_pid(server) == server_pid(server)


def test_modules_are_imported_once_before_the_first_call() -> None:
    server = ForkServer(("this",))
    try:
        # It prints a poem when imported; that must neither be in the log nor upset the server.
        assert server.call("importlib:import_module", ["this"], timeout=30) == Outcome("", "")
    finally:
        server.close()


def test_nothing_of_the_environment_of_this_process_reaches_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TINYQUANT_A", "outside")
    monkeypatch.setenv("HOME", "outside")
    server = ForkServer(environment={"TINYQUANT_B": "given"})
    try:
        said = shell(server, 'echo "$TINYQUANT_A" $TINYQUANT_B; test "$HOME" = "$TMPDIR"; echo $?')
        assert said.log == " given\n0\n"
    finally:
        server.close()


def test_the_server_has_a_home_of_its_own_as_long_as_it_lives() -> None:
    server = ForkServer()
    try:
        home = Path(shell(server, "echo kept > $HOME/file; echo $HOME").log.strip())
        assert (home / "file").is_file()
    finally:
        server.close()
    assert not home.exists()


def test_an_exception_is_an_exit_code_with_its_traceback(server: ForkServer) -> None:
    outcome = server.call("builtins:int", ["zap"], timeout=30)
    assert outcome.trouble == "ended with exit code 1"
    assert outcome.log.endswith("invalid literal for int() with base 10: 'zap'\n")


def test_an_early_exit_is_told(server: ForkServer) -> None:
    assert server.call("os:_exit", [3], timeout=30).trouble == "ended with exit code 3"
    assert server.call("sys:exit", [0], timeout=30).trouble == "ended with exit code 1"


def test_a_crash_is_named_by_its_signal(server: ForkServer) -> None:
    assert server.call("os:abort", [], timeout=30).trouble == "crashed with SIGABRT"
    segfault = server.call("signal:raise_signal", [signal.SIGSEGV], timeout=30)
    assert segfault.trouble == "crashed with SIGSEGV"
    killed = server.call("signal:raise_signal", [signal.SIGKILL], timeout=30)
    assert killed.trouble == "was killed with SIGKILL (out of memory?)"


def test_the_time_limit_kills_the_process_and_its_children(
    server: ForkServer, tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    ended = []
    # Reading ends when the last process that has the pipe open is gone.
    reader = threading.Thread(target=lambda: ended.append(fifo.read_bytes()), daemon=True)
    reader.start()
    outcome = shell(server, f"exec 3>{fifo}; echo $PPID >&3; echo busy; sleep 1000", timeout=0.5)
    reader.join(20)
    text = "did not finish within 0.5 s and was stopped"
    assert outcome == Outcome(text, "busy\n", machine=True)
    assert ended, "a child of the stopped process still runs"
    assert not Path(f"/proc/{int(ended[0])}").exists()
    assert shell(server, "echo next").log == "next\n"


def test_what_the_machine_lacks_is_told_apart_from_what_the_function_does(
    server: ForkServer,
) -> None:
    full = server.call(
        "builtins:exec",
        ["import os; os.write(os.open('/dev/full', os.O_WRONLY), b'x')"],
        timeout=30,
    )
    assert (full.machine, full.crashed) == (True, 0)
    assert "No space left on device" in full.log
    other_words = server.call("builtins:exec", ["raise OSError(28, 'Platte voll')"], timeout=30)
    assert other_words.machine
    unlogged = "import os; os.dup2(os.open('/dev/full', os.O_WRONLY), 2); int('zap')"
    assert server.call("builtins:exec", [unlogged], timeout=30).machine
    assert server.call("signal:raise_signal", [signal.SIGTERM], timeout=30).machine
    crash = server.call("signal:raise_signal", [signal.SIGSEGV], timeout=30)
    assert (crash.machine, crash.crashed) == (False, signal.SIGSEGV)
    assert not server.call("builtins:int", ["zap"], timeout=30).machine


def test_megabytes_of_output_block_nobody(server: ForkServer) -> None:
    command = "head -c 3000000 /dev/zero | tr '\\0' x; head -c 100000 /dev/zero >&2"
    outcome = shell(server, command)
    assert outcome.trouble == ""
    assert len(outcome.log) == 3_100_000


def test_the_log_need_not_be_text(server: ForkServer) -> None:
    assert shell(server, "printf '\\377ok'").log == "\ufffdok"


def test_the_last_lines_are_those_that_say_something() -> None:
    assert Outcome("", "1\n2\n\n3  \n \n").last_lines(2) == "2\n3"


def test_a_server_that_went_idle_is_replaced() -> None:
    server = ForkServer(idle=0.5)
    try:
        first = server_pid(server)
        os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
        assert server_pid(server) != first
    finally:
        server.close()


def test_a_call_that_just_misses_an_idle_server_goes_to_a_new_one() -> None:
    started = []

    class Late(ForkServer):
        def _started(self) -> subprocess.Popen[bytes]:
            process = super()._started()
            started.append(process.pid)
            if len(started) == 1:
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            return process

    server = Late(idle=0.5)
    try:
        assert shell(server, "echo done") == Outcome("", "done\n")
        assert len(set(started)) == 2
    finally:
        server.close()


def test_a_server_that_dies_takes_one_call_with_it(server: ForkServer) -> None:
    first = server_pid(server)
    outcome = shell(server, f"kill -KILL {SERVER}")
    assert outcome.trouble == "was killed with SIGKILL (out of memory?)"
    assert server_pid(server) != first


def test_an_interrupted_call_does_not_answer_the_next_one(
    server: ForkServer, tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    ended = []
    reader = threading.Thread(target=lambda: ended.append(fifo.read_bytes()), daemon=True)
    reader.start()
    # A shell that runs pytest in the background makes it ignore the signal.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            shell(server, f"exec 3>{fifo}; kill -INT {os.getpid()}; sleep 1000")
    finally:
        signal.signal(signal.SIGINT, handler)
    reader.join(20)
    assert ended, "the interrupted job still runs"
    assert shell(server, "echo next").log == "next\n"


def test_jobs_end_with_the_process_that_asked_for_them(
    tmp_path: Path, start_process: Callable[..., subprocess.Popen[bytes]]
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    script = (
        "from pytest_tinyquant.schemes.child_process import ForkServer\n"
        f"ForkServer().call('os:system', ['exec 3>{fifo}; echo x >&3; sleep 1000'], timeout=999)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = start_process([sys.executable, "-c", script], env=environment)
    with fifo.open() as stream:
        assert stream.readline() == "x\n"
        process.kill()
        ended = []
        reader = threading.Thread(target=lambda: ended.append(stream.read()), daemon=True)
        reader.start()
        reader.join(20)
        assert ended, "the job outlived the process that asked for it"


def test_a_forked_process_uses_a_server_of_its_own(
    server: ForkServer, tmp_path: Path, status_of: Callable[[int], int]
) -> None:
    first = server_pid(server)
    child = os.fork()
    if child == 0:
        try:
            (tmp_path / "pid").write_text(str(server_pid(server)))
            server.close()
        finally:
            os._exit(0)  # whatever happens: this is a copy of the whole test run
    status_of(child)
    assert int((tmp_path / "pid").read_text()) != first
    assert server_pid(server) == first


def test_a_module_that_cannot_be_imported_is_a_missing_tool() -> None:
    server = ForkServer(("no_such_module",))
    with pytest.raises(ToolchainNotFoundError, match=r"pip install .*pytest-tinyquant\[convert\]"):
        server.call("builtins:print", [], timeout=30)
    with pytest.raises(ToolchainNotFoundError, match="No module named 'no_such_module'"):
        server.call("builtins:print", [], timeout=30)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_server_that_is_killed_while_it_starts_is_no_missing_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    (tmp_path / "kills_itself.py").write_text(f"import os\nos.kill(os.getpid(), {int(number)})\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BenchError, match=f"with {number.name}.*; run again") as caught:
        ForkServer(("kills_itself",)).call("builtins:print", [], timeout=30)
    assert "Install" not in str(caught.value)


def test_threads_take_turns(server: ForkServer) -> None:
    outcomes: dict[int, Outcome] = {}

    def work(number: int) -> None:
        outcomes[number] = server.call("builtins:print", [number], timeout=30)

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert outcomes == {number: Outcome("", f"{number}\n") for number in range(4)}
