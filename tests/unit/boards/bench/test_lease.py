"""Leases of boards, with real locks and real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_tinyquant.boards.bench.lease import Lease
from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.project.bench import PhysicalBoard


A = PhysicalBoard("nucleo-a", "nucleo-l4r5zi", "0AA", "usb:0AA")
ALIAS = PhysicalBoard("other-name", "nucleo-l4r5zi", "stlink:0aa", "usb:0AA")
B = PhysicalBoard("nucleo-b", "nucleo-l4r5zi", "0BB", "usb:0BB")

HOLD = """
import sys, time
from pathlib import Path
from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.project.bench import PhysicalBoard
board = PhysicalBoard("nucleo-a", "nucleo-l4r5zi", "0AA", "usb:0AA")
lease = LeaseDirectory(Path(sys.argv[1])).try_take(board, command="pytest -n 4", test="cnn_4")
lease.note_loaded("image-1")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def leases(tmp_path: Path) -> LeaseDirectory:
    return LeaseDirectory(tmp_path / "leases")


@pytest.fixture
def other_process(leases: LeaseDirectory) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds board A until it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, leases.root], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def take(leases: LeaseDirectory, board: PhysicalBoard = A) -> Lease | None:
    return leases.try_take(board, command="pytest", test="cnn_4-int8-nucleo-l4r5zi")


def test_a_board_has_one_holder(leases: LeaseDirectory) -> None:
    lease = take(leases)
    assert lease is not None
    assert take(leases) is None
    assert take(leases, ALIAS) is None
    assert not leases.is_free(A)
    assert take(leases, B) is not None
    lease.release()
    lease.release()
    assert leases.is_free(A)
    assert take(leases, ALIAS) is not None


def test_another_process_is_kept_out_and_told_who_holds_the_board(
    leases: LeaseDirectory, other_process: subprocess.Popen[bytes]
) -> None:
    assert take(leases) is None
    holder = leases.state(A).holder
    assert holder is not None
    assert holder.pid == other_process.pid
    assert str(holder).startswith(f"pid {other_process.pid} of ")
    assert "(pytest -n 4) for cnn_4, " in str(holder)
    assert 0 <= holder.age < 60


def test_the_board_of_a_killed_process_is_free_at_once(
    leases: LeaseDirectory, other_process: subprocess.Popen[bytes]
) -> None:
    os.kill(other_process.pid, signal.SIGKILL)
    other_process.wait()
    lease = take(leases)
    assert lease is not None
    assert lease is not None
    assert lease.loaded == "image-1"


def test_what_the_board_holds_outlives_the_lease(leases: LeaseDirectory) -> None:
    lease = take(leases)
    assert lease is not None
    assert lease.loaded is None
    lease.note_loaded("image-1")
    lease.release()
    assert leases.state(A).loaded == "image-1"
    assert leases.state(A).holder is None
    assert leases.state(B).loaded is None
    again = take(leases, ALIAS)
    assert again is not None
    assert again.loaded == "image-1"
    again.note_loaded(None)
    assert leases.state(A).loaded is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"holder": 1}', '{"holder": {}, "loaded": 1}'])
def test_a_damaged_file_says_nothing(leases: LeaseDirectory, content: str) -> None:
    lease = take(leases)
    assert lease is not None
    lease.note_loaded("image-1")
    lease.release()
    (file,) = leases.root.glob("*.json")
    file.write_text(content)
    assert leases.state(A).loaded is None
    again = take(leases)
    assert again is not None
    assert again.loaded is None


def test_the_file_beside_the_lock_is_readable_by_others(leases: LeaseDirectory) -> None:
    lease = take(leases)
    assert lease is not None
    lease.note_loaded("image-1")
    (file,) = leases.root.glob("*.json")
    document = json.loads(file.read_text())
    assert document["holder"]["pid"] == os.getpid()
    assert document["loaded"] == "image-1"


def test_a_directory_that_cannot_be_used_is_an_error_of_the_bench(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BenchError, match=r"file.*cannot be leased .*TINYQUANT_LEASE_DIR"):
        take(LeaseDirectory(tmp_path / "file"))


def test_the_directory_is_that_of_the_environment_or_the_users_state(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TINYQUANT_LEASE_DIR", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert LeaseDirectory().root == tmp_path / "pytest-tinyquant" / "leases"
    monkeypatch.setenv("TINYQUANT_LEASE_DIR", str(tmp_path / "shared"))
    assert LeaseDirectory().root == tmp_path / "shared"
