"""The progress line of a long run, on whatever its output goes to."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import pytest
from played_project import Bench


ONE = ("--model=cnn_4", "--scheme=int8-only", "--board=nucleo-l4r5zi")
COMBINATION = "cnn_4-int8-only-nucleo-l4r5zi"
TOLD = re.compile(rf"tinyquant: running 1/1 on nucleo-l4r5zi \({COMBINATION}, \d+ s\)")

# The board takes as long as the outer test wants it to: until it closes the pipe.
SLOW = """
from pathlib import Path

import pytest
from pytest_tinyquant.session.run import RUN

ROOT = Path(__file__).parent

@pytest.hookimpl(wrapper=True)
def pytest_tinyquant_measure(config, model, scheme, board):
    what = f"{model.name}-{scheme.name}-{board.name}"
    with config.stash[RUN].stages.progress.stage("running", what, board.name):
        with (ROOT / "end").open() as pipe:
            pipe.read()
        return (yield)
"""

# Notes which threads there are while the board is at work.
THREADS = """
import threading
from pathlib import Path

import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_tinyquant_measure():
    names = [thread.name for thread in threading.enumerate()]
    (Path(__file__).parent / "threads").write_text(" ".join(names))
"""


@pytest.fixture
def add_plugin(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Bench]:
    """Add a plugin to the project of `bench`, whose baseline is recorded."""

    def add(source: str) -> Bench:
        bench.record(*ONE)
        bench.pytester.makepyfile(played_board=source)
        monkeypatch.setenv("PYTHONPATH", str(bench.root))
        monkeypatch.setenv("PYTEST_PLUGINS", "played_board")
        return bench

    return add


@pytest.fixture
def slow(add_plugin: Callable[[str], Bench]) -> Iterator[tuple[Bench, Callable[[], object]]]:
    """The project of `bench` with a slow board, and what lets the board come to its end."""
    bench = add_plugin(SLOW)
    os.mkfifo(bench.root / "end")
    # Opened for both directions, a pipe waits for nobody; the board reads until this is closed.
    with contextlib.ExitStack() as pipe:
        pipe.callback(os.close, os.open(bench.root / "end", os.O_RDWR))
        yield bench, pipe.close


def command(*arguments: Any) -> list[str]:
    return [sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", *ONE, *arguments]


@pytest.mark.parametrize("workers", [(), ("-n1",)])
def test_a_log_gets_a_line_now_and_then(
    slow: tuple[Bench, Callable[[], object]],
    start_process: Callable[..., subprocess.Popen[Any]],
    workers: tuple[str],
) -> None:
    bench, let_go = slow
    run = start_process(
        command("-k", "latency", "--tq-progress=0.05", *workers),
        cwd=bench.root, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    before = []
    assert run.stdout is not None
    for line in run.stdout:
        before.append(line)
        if TOLD.search(line):
            break
    let_go()
    output = "".join(before) + run.stdout.read()
    assert TOLD.search(before[-1])
    assert "\x1b" not in output and "\r" not in output
    assert re.search(r"= tinyquant: 1 ok =", output)
    assert run.wait() == 0


@pytest.mark.parametrize(
    ("option", "shown"), [("-v", True), ("-q", False), ("--tq-progress=0", False)]
)
def test_silence_is_kept(
    add_plugin: Callable[[str], Bench],
    start_process: Callable[..., subprocess.Popen[Any]],
    option: str,
    shown: bool,
) -> None:
    bench = add_plugin(THREADS)
    run = start_process(command("-k", "latency", option), cwd=bench.root, stdout=subprocess.PIPE)
    run.communicate()
    assert run.returncode == 0
    assert ("tinyquant-progress" in (bench.root / "threads").read_text()) == shown


def test_a_terminal_shows_the_line_and_nothing_of_it_remains(
    slow: tuple[Bench, Callable[[], object]], start_process: Callable[..., subprocess.Popen[Any]]
) -> None:
    import pyte

    bench, let_go = slow
    screen = pyte.Screen(120, 40)
    stream = pyte.ByteStream(screen)
    master, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    run = start_process(command("-k", "latency"), cwd=bench.root, stdout=terminal, env=environment)
    os.close(terminal)
    while not any("tinyquant: running 1/1" in line for line in screen.display):
        stream.feed(os.read(master, 4096))
    let_go()
    stream.feed(_rest(master))
    os.close(master)
    text = "\n".join(screen.display)
    assert "tinyquant: running" not in text
    assert "= tinyquant: 1 ok =" in text
    assert run.wait() == 0


@pytest.mark.parametrize(("no_color", "coloured"), [("1", False), ("", True)])
def test_no_color_is_respected_on_a_terminal(
    bench: Bench,
    start_process: Callable[..., subprocess.Popen[Any]],
    monkeypatch: pytest.MonkeyPatch,
    no_color: str,
    coloured: bool,
) -> None:
    bench.record(*ONE)
    # pytester has a variable of pytest's own that would decide before NO_COLOR.
    monkeypatch.delenv("PY_COLORS", raising=False)
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    master, terminal = pty.openpty()
    start_process(command(), cwd=bench.root, stdout=terminal)
    os.close(terminal)
    output = _rest(master)
    os.close(master)
    assert b"tinyquant: 4 ok" in output
    assert bool(re.search(rb"\x1b\[[\d;]*m", output)) == coloured


def test_an_impossible_interval_is_refused(bench: Bench) -> None:
    result = bench.run(*ONE, "--tq-progress=-1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--tq-progress: must be 0 or above, not -1*"])


def _rest(master: int) -> bytes:
    """Return what a terminal gets until its last program ends."""
    pieces = []
    try:
        while piece := os.read(master, 65536):
            pieces.append(piece)
    except OSError:
        # Linux says EIO where other systems say end of file.
        pass
    return b"".join(pieces)
