"""Scratch directories: whose they are, and when they go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from pytest_tinyquant.system import scratch


OWNER = """
import sys
from pytest_tinyquant.system import scratch
with scratch.scratch_directory() as path:
    print(path.parent, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(scratch, "_own", [])  # of this process, wherever it was made
    return tmp_path


@pytest.fixture
def owner(start_process):
    process = start_process(
        [sys.executable, "-c", OWNER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    )
    process.path = process.stdout.readline().strip()
    return process


def test_a_directory_goes_with_its_block_and_all_with_the_process(owner, temporary):
    with scratch.scratch_directory() as path:
        assert path.parent.parent == temporary
        (path / "file").touch()
    assert not path.exists()
    owner.stdin.close()
    assert owner.wait() == 0
    assert not os.path.exists(owner.path)


def test_what_a_killed_process_left_is_swept_and_what_others_use_is_not(owner):
    assert scratch.sweep() == []
    assert os.path.exists(owner.path)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert [str(path) for path in scratch.sweep()] == [owner.path]
    assert not os.path.exists(owner.path)


def test_a_fork_leaves_its_parents_directory_alone(status_of):
    mine = scratch.Scratch()
    child = os.fork()
    if child == 0:
        mine.close()
        os._exit(0)
    assert status_of(child) == 0
    assert mine.is_usable
    mine.close()
    assert not mine.path.exists()


def test_directories_without_an_owner_go_by_their_age(temporary):
    old, new = (temporary / f"tinyquant-{digit * 16}" for digit in "ab")
    hidden = temporary / f".tinyquant-{'c' * 16}"
    for path in (old, new, hidden):
        path.mkdir()
    then = time.time() - 2 * 24 * 3600
    for path in (old, hidden):
        os.utime(path, (then, then))
    assert sorted(scratch.sweep()) == sorted((old, hidden))
    assert new.exists()


def test_one_that_its_owner_removes_meanwhile_is_nobodys(temporary, monkeypatch):
    """Runs that end and begin at the same time look at each other's."""
    path, old = (temporary / f"tinyquant-{digit * 16}" for digit in "ef")
    path.mkdir()
    old.mkdir()
    os.utime(old, (0, 0))
    scan = os.scandir

    class Scan:
        def __init__(self, parent):
            self.entries = sorted(scan(parent), key=lambda entry: entry.name)
            path.rmdir()

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(os, "scandir", Scan)
    assert scratch.sweep() == [old]


@pytest.mark.parametrize("name", ["tinyquant-locks", "other", "tinyquant-" + "g" * 16])
def test_other_names_are_nobodys_business(temporary, name):
    path = temporary / name
    path.mkdir()
    os.utime(path, (0, 0))
    assert scratch.sweep() == []
    assert path.exists()


def test_a_link_is_never_followed(temporary, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "kept").touch()
    (temporary / f"tinyquant-{'d' * 16}").symlink_to(elsewhere)
    assert scratch.sweep() == []
    assert (elsewhere / "kept").exists()
