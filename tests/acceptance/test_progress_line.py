"""The progress line of a long run, on whatever its output goes to."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest


ONE = ("--model=cnn_4", "--scheme=int8-only", "--board=nucleo-l4r5zi")
COMBINATION = "cnn_4-int8-only-nucleo-l4r5zi"
TOLD = f"tinyquant: running 1/1 on nucleo-l4r5zi ({COMBINATION}, 0 s)"

# The board takes as long as the outer test wants it to: until it closes the pipe.
SLOW = """
from pathlib import Path

import pytest
from pytest_tinyquant.run import RUN

ROOT = Path(__file__).parent

@pytest.hookimpl(wrapper=True)
def pytest_tinyquant_measure(config, model, scheme, board):
    what = f"{model.name}-{scheme.name}-{board.name}"
    with config.stash[RUN].stages.progress.stage("running", what, board.name):
        with (ROOT / "end").open() as pipe:
            pipe.read()
        return (yield)
"""


@pytest.fixture
def slow(bench, monkeypatch):
    """The project of `bench` with a slow board."""
    bench.record(*ONE)
    os.mkfifo(bench.root / "end")
    bench.pytester.makepyfile(slow_board=SLOW)
    monkeypatch.setenv("PYTHONPATH", str(bench.root))
    monkeypatch.setenv("PYTEST_PLUGINS", "slow_board")
    return bench


def command(*arguments):
    return [sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", *ONE, *arguments]


def let_go(bench):
    (bench.root / "end").write_text("")


@pytest.mark.parametrize("workers", [(), ("-n1",)])
def test_a_log_gets_a_line_now_and_then(slow, workers):
    with subprocess.Popen(
        command("-k", "latency", "--tq-progress=0.05", *workers),
        cwd=slow.root, stdout=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        before = []
        for line in run.stdout:
            before.append(line)
            if TOLD in line:
                break
        let_go(slow)
        output = "".join(before) + run.stdout.read()
    assert TOLD in before[-1]
    assert "\x1b" not in output and "\r" not in output
    assert re.search(r"= tinyquant: 1 ok =", output)
    assert run.returncode == 0


@pytest.mark.parametrize("silent", ["-q", "--tq-progress=0"])
def test_silence_is_kept(slow, silent):
    with subprocess.Popen(
        command("-k", "latency", "--tq-progress=0.05", silent),
        cwd=slow.root, stdout=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        # Opening the pipe waits for the board to be at work.
        let_go(slow)
        output = run.stdout.read()
    assert "tinyquant: running" not in output
    assert run.returncode == 0


def test_a_terminal_shows_the_line_and_nothing_of_it_remains(slow):
    import pyte

    screen = pyte.Screen(120, 40)
    stream = pyte.ByteStream(screen)
    master, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(
        command("-k", "latency"), cwd=slow.root, stdout=terminal, env=environment
    ) as run:
        os.close(terminal)
        while not any("tinyquant: running 1/1" in line for line in screen.display):
            stream.feed(os.read(master, 4096))
        let_go(slow)
        seen = _rest(master)
        stream.feed(seen)
    os.close(master)
    text = "\n".join(screen.display)
    assert "tinyquant: running" not in text
    assert "= tinyquant: 1 ok =" in text
    assert run.returncode == 0


@pytest.mark.parametrize(("no_color", "coloured"), [("1", False), ("", True)])
def test_no_color_is_respected_on_a_terminal(bench, monkeypatch, no_color, coloured):
    bench.record(*ONE)
    # pytester has a variable of pytest's own that would decide before NO_COLOR.
    monkeypatch.delenv("PY_COLORS", raising=False)
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    master, terminal = pty.openpty()
    with subprocess.Popen(command(), cwd=bench.root, stdout=terminal):
        os.close(terminal)
        output = _rest(master)
    os.close(master)
    assert b"tinyquant: 4 ok" in output
    assert bool(re.search(rb"\x1b\[[\d;]*m", output)) == coloured


def test_an_impossible_interval_is_refused(bench):
    result = bench.run(*ONE, "--tq-progress=-1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--tq-progress must be 0 or above, not -1*"])


def _rest(master):
    """Return what a terminal gets until its last program ends."""
    pieces = []
    try:
        while piece := os.read(master, 65536):
            pieces.append(piece)
    except OSError:
        # Linux says EIO where other systems say end of file.
        pass
    return b"".join(pieces)
