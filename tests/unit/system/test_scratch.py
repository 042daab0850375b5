"""Scratch directories: whose they are, and when they go."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

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
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(scratch, "_own", [])  # of this process, wherever it was made
    return tmp_path


@dataclasses.dataclass(frozen=True)
class Owner:
    """A process that waits for its standard input to close, and its directory."""

    process: subprocess.Popen[str]
    path: str


@pytest.fixture
def owner(start_process: Callable[..., subprocess.Popen[str]]) -> Owner:
    process = start_process(
        [sys.executable, "-c", OWNER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    )
    assert process.stdout is not None
    return Owner(process, process.stdout.readline().strip())


def test_a_directory_goes_with_its_block_and_all_with_the_process(
    owner: Owner, temporary: Path
) -> None:
    with scratch.scratch_directory() as path:
        assert path.parent.parent == temporary
        (path / "file").touch()
    assert not path.exists()
    assert owner.process.stdin is not None
    owner.process.stdin.close()
    assert owner.process.wait() == 0
    assert not os.path.exists(owner.path)


def test_what_a_killed_process_left_is_swept_and_what_others_use_is_not(
    owner: Owner,
) -> None:
    assert scratch.sweep() == []
    assert os.path.exists(owner.path)
    owner.process.send_signal(signal.SIGKILL)
    owner.process.wait()
    assert [str(path) for path in scratch.sweep()] == [owner.path]
    assert not os.path.exists(owner.path)


def test_a_fork_leaves_its_parents_directory_alone(status_of: Callable[[int], int]) -> None:
    mine = scratch.Scratch()
    child = os.fork()
    if child == 0:
        mine.close()
        os._exit(0)
    assert status_of(child) == 0
    assert mine.is_usable
    mine.close()
    assert not mine.path.exists()


def test_directories_without_an_owner_go_by_their_age(temporary: Path) -> None:
    old, new = (temporary / f"tinyquant-{digit * 16}" for digit in "ab")
    hidden = temporary / f".tinyquant-{'c' * 16}"
    for path in (old, new, hidden):
        path.mkdir()
    then = time.time() - 2 * 24 * 3600
    for path in (old, hidden):
        os.utime(path, (then, then))
    assert sorted(scratch.sweep()) == sorted((old, hidden))
    assert new.exists()


def test_one_that_its_owner_removes_meanwhile_is_nobodys(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs that end and begin at the same time look at each other's."""
    path, old = (temporary / f"tinyquant-{digit * 16}" for digit in "ef")
    path.mkdir()
    old.mkdir()
    os.utime(old, (0, 0))
    scan = os.scandir

    class Scan:
        def __init__(self, parent: Path) -> None:
            self.entries = sorted(scan(parent), key=lambda entry: entry.name)
            path.rmdir()

        def __enter__(self) -> Iterator[os.DirEntry[str]]:
            return iter(self.entries)

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(os, "scandir", Scan)
    assert scratch.sweep() == [old]


@pytest.mark.parametrize("name", ["tinyquant-locks", "other", "tinyquant-" + "g" * 16])
def test_other_names_are_nobodys_business(temporary: Path, name: str) -> None:
    path = temporary / name
    path.mkdir()
    os.utime(path, (0, 0))
    assert scratch.sweep() == []
    assert path.exists()


def test_a_link_is_never_followed(
    temporary: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "kept").touch()
    (temporary / f"tinyquant-{'d' * 16}").symlink_to(elsewhere)
    assert scratch.sweep() == []
    assert (elsewhere / "kept").exists()
