"""Files of another user where boards are leased: what is in the way is named, with its owner.

The tests change to other users, which only root may.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.boards.bench.pool import Pool
from pytest_tinyquant.boards.bench.set_aside import BoardHealth
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.project.bench import PhysicalBoard


pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")

BOARD = PhysicalBoard("nucleo-a", "nucleo-l4r5zi", "0AA", "usb:0AA")
ROOT, ALICE, BOB = 0, 61001, 61002


@contextlib.contextmanager
def user(number: int) -> Iterator[None]:
    """Be another user in a ``with`` block."""
    if number == ROOT:
        yield
        return
    os.setegid(number)
    os.seteuid(number)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that all users may write, as one of a bench that several of them use."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        root = Path(directory) / "leases"
        root.mkdir()
        root.chmod(0o777)
        yield root


def hold(root: Path) -> None:
    pool = Pool(LeaseDirectory(root), BoardHealth(root.parent / "none"), command="c", timeout=0)
    lease = pool._wait([BOARD], None, "t")
    lease.release()


def leased_by(owner: int, root: Path) -> dict[str, Path]:
    """Return the files that another user's lease left."""
    with user(owner):
        hold(root)
    (board,) = root.glob("[0-9a-f]*.lock")
    return {"board": board, "line": root / "line.lock", "state": board.with_suffix(".json")}


def test_users_share_a_directory_that_all_of_them_may_write(shared: Path) -> None:
    for owner in (ALICE, BOB, ALICE):
        leased_by(owner, shared)


@pytest.mark.parametrize("what", ["board", "line"])
@pytest.mark.parametrize("mode", [0o600, 0o644])
@pytest.mark.parametrize("owner", [ROOT, ALICE])
def test_a_lock_that_its_owner_keeps_from_others(
    shared: Path, what: str, mode: int, owner: int
) -> None:
    lock = leased_by(owner, shared)[what]
    lock.chmod(mode)
    name = "root" if owner == ROOT else f"user {ALICE}"
    words = rf"{lock.name} belongs to {name} and has mode {mode:04o}, so that user {BOB} cannot"
    with user(BOB), pytest.raises(BenchError, match=rf"{words}.*chmod 666 {lock}"):
        hold(shared)
    with user(owner):
        hold(shared)


def test_a_directory_in_which_nobody_may_replace_what_others_wrote(shared: Path) -> None:
    files = leased_by(ALICE, shared)
    shared.chmod(0o1777)
    words = rf"belongs to user {ALICE}, and the directory's sticky bit .*chmod 2770 {shared}"
    with user(BOB), pytest.raises(BenchError, match=words):
        hold(shared)
    assert sorted(files.values()) == sorted(shared.iterdir()), "nothing is held or left"
    with user(ALICE):
        hold(shared)


@pytest.mark.parametrize("how", ["a symbolic link", "a FIFO"])
def test_what_another_user_planted_in_place_of_a_lock(shared: Path, how: str) -> None:
    lock = leased_by(ALICE, shared)["board"]
    precious = shared.parent / "precious"
    precious.write_text("keep")
    precious.chmod(0o666)
    with user(ALICE):
        lock.unlink()
        lock.symlink_to(precious) if how == "a symbolic link" else os.mkfifo(lock, 0o666)
    with user(BOB), pytest.raises(BenchError, match=rf"{lock.name} is {how}.*remove it"):
        hold(shared)
    assert precious.read_text() == "keep"


def test_a_directory_of_another_user_that_others_may_not_write(shared: Path) -> None:
    shared.chmod(0o755)
    with user(BOB), pytest.raises(BenchError, match=r"make the directory writable, or set TINY"):
        hold(shared)
