"""The pool of boards: who gets which one when, and which boards are set aside."""

from __future__ import annotations

import dataclasses
import functools
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.boards.bench.pool import Pool
from pytest_tinyquant.boards.bench.power import cycle
from pytest_tinyquant.boards.bench.set_aside import BoardHealth
from pytest_tinyquant.boards.bench.set_aside import cause
from pytest_tinyquant.boards.bench.ticket_files import TicketFiles
from pytest_tinyquant.boards.bench.waiting_line import WaitingLine
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import BoardBusyError
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import FlashError
from pytest_tinyquant.project.bench import PhysicalBoard


A, B, C = (PhysicalBoard(f"m4-{n}", "bench-m4", f"0{n}", f"/dev/tty{n}") for n in "ABC")


@pytest.fixture
def leases(tmp_path: Path) -> LeaseDirectory:
    return LeaseDirectory(tmp_path / "leases")


@pytest.fixture
def pool(leases: LeaseDirectory, tmp_path: Path) -> Pool:
    return Pool(leases, BoardHealth(tmp_path / "boards"), command="pytest", timeout=0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[float], object]]:
    """A clock on which only waiting takes time; returns what to call at each wait."""
    seconds = [0.0]
    calls: list[Callable[[float], object]] = []

    def sleep(duration: float) -> None:
        seconds[0] += 1.0
        for call in calls:
            call(seconds[0])

    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])
    monkeypatch.setattr(time, "sleep", sleep)
    return calls


def test_any_free_board_will_do(pool: Pool) -> None:
    with pool.hold([A, B], test="one") as first, pool.hold([A, B], test="two") as second:
        assert (first.physical, second.physical) == (A, B)
    with pool.hold([A, B], test="three") as third:
        assert third.physical == A


def test_a_board_that_has_the_image_already_comes_first(pool: Pool) -> None:
    with pool.hold([B], test="one") as lease:
        lease.note_loaded("image")
    with pool.hold([A, B], digest="image", test="two") as lease:
        assert lease.physical == B
    with pool.hold([A, B], digest="other", test="three") as lease:
        assert lease.physical == A


def test_waiting_ends_with_the_names_of_those_who_hold_the_boards(pool: Pool) -> None:
    with (
        pool.hold([A], test="first"),
        pool.hold([B], test="second"),
        pytest.raises(BoardBusyError) as caught,
        pool.hold([A, B], test="third"),
    ):
        pass
    message = str(caught.value)
    assert message.startswith("third: waits for a bench-m4 for 0 s; m4-A is held by pid ")
    assert "(pytest) for first, " in message
    assert "m4-B is held by pid" in message
    assert message.endswith("or allow more than that with --tq-lease-timeout")
    assert "for first, " in caught.value.holder
    assert caught.value.age >= 0


def test_who_waits_is_told_now_and_then(
    leases: LeaseDirectory, tmp_path: Path, clock: list[Callable[[float], object]]
) -> None:
    told = []
    pool = Pool(
        leases,
        BoardHealth(tmp_path / "boards"),
        command="pytest",
        timeout=70,
        tell=lambda board, line: told.append(f"{board}: {line}"),
        progress_seconds=30,
    )
    with (
        pool.hold([A], test="first"),
        pytest.raises(BoardBusyError),
        pool.hold([A], test="second"),
    ):
        pass
    assert [line.partition(";")[0] for line in told] == [
        "bench-m4: second: waits for a bench-m4 for 30 s",
        "bench-m4: second: waits for a bench-m4 for 60 s",
    ]


def test_who_waits_gets_the_board_that_becomes_free(
    leases: LeaseDirectory, tmp_path: Path, clock: list[Callable[[float], object]]
) -> None:
    pool = Pool(leases, BoardHealth(tmp_path / "boards"), command="pytest", timeout=100)
    held = leases.try_take(A, command="pytest", test="first")
    assert held is not None

    def release(seconds: float) -> None:
        if seconds == 5:
            held.release()

    clock.append(release)
    with pool.hold([A], test="second") as lease:
        assert lease.physical == A


def test_nobody_overtakes_who_waits_for_the_same_board(leases: LeaseDirectory) -> None:
    leases.root.mkdir()
    line = WaitingLine(TicketFiles(leases.root))
    with line.join() as first, line.join() as second:
        with first.turn(["A", "B"]) as mine:
            assert mine == {"A", "B"}
        with second.turn(["B", "C"]) as mine:
            assert mine == {"C"}
        with first.turn(["A"]) as mine:
            assert mine == {"A"}
        with second.turn(["B", "C"]) as mine:
            assert mine == {"B", "C"}
    with line.join() as third, third.turn(["A"]) as mine:
        assert mine == {"A"}


WAIT = """
import os, sys
from pathlib import Path
from pytest_tinyquant.boards.bench.ticket_files import TicketFiles
from pytest_tinyquant.boards.bench.waiting_line import WaitingLine
with WaitingLine(TicketFiles(Path(sys.argv[1]))).join() as ticket:
    with ticket.turn(["A"]) as mine:
        os.kill(os.getpid(), 9) if sys.argv[2] == "in line" else None
    os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("when", ["in line", "waiting"])
def test_the_ticket_of_a_killed_process_holds_up_nobody(leases: LeaseDirectory, when: str) -> None:
    leases.root.mkdir()
    command = [sys.executable, "-c", WAIT, str(leases.root), when]
    killed = subprocess.run(command, timeout=60, check=False)
    assert killed.returncode == -9
    assert list(leases.root.glob("*.ticket"))
    with WaitingLine(TicketFiles(leases.root)).join() as ticket, ticket.turn(["A"]) as mine:
        assert mine == {"A"}
        assert len(list(leases.root.glob("*.ticket"))) == 1


def fail(pool: Pool, boards: list[PhysicalBoard], error: Exception) -> PhysicalBoard:
    with pytest.raises(type(error)), pool.hold(boards, test="some") as lease:
        failed = lease.physical
        raise error
    return failed


def test_a_board_that_fails_three_times_in_a_row_is_set_aside(pool: Pool) -> None:
    for text in ("first\nmore", "second", "third"):
        assert fail(pool, [A], ConsoleError(text)) == A
    with pool.hold([A, B], test="next") as lease:
        assert lease.physical == B
    (record,) = pool.health.set_aside()
    assert (record.name, record.failures, record.set_aside) == ("m4-A", 3, True)
    assert record.first_cause == "ConsoleError: first\nmore"


def test_the_next_test_takes_a_twin_that_did_not_fail(pool: Pool) -> None:
    assert fail(pool, [A, B], FlashError("worn out")) == A
    with pool.hold([A, B], test="next") as lease:
        assert lease.physical == B
    with pool.hold([A, B, C], test="next") as lease, pool.hold([A, B], test="other") as other:
        assert (lease.physical, other.physical) == (B, A)


@pytest.mark.parametrize("model_error", [None, DeviceHaltedError("UsageFault")])
def test_a_board_that_works_once_starts_anew(
    pool: Pool, model_error: DeviceHaltedError | None
) -> None:
    fail(pool, [A], ConsoleError("one"))
    fail(pool, [A], ConsoleError("two"))
    if model_error is None:
        with pool.hold([A], test="good"):
            pass
    else:
        fail(pool, [A], model_error)
    fail(pool, [A], ConsoleError("three"))
    assert pool.health.set_aside() == ()
    assert pool.health.record(A).first_cause == "ConsoleError: three"


def test_without_a_board_left_the_first_cause_of_each_is_told(pool: Pool) -> None:
    for board, text in ((A, "no echo"), (B, "worn out")):
        for _ in range(3):
            fail(pool, [board], FlashError(text))
    message = (
        "(?s)set aside:\n  m4-A: set aside after 3 failures in a row; the first: "
        "FlashError: no echo\n  m4-B: .*worn out$"
    )
    with pytest.raises(BenchError, match=message), pool.hold([A, B], test="next"):
        pass


def test_workers_of_one_run_share_what_they_know_of_the_boards(
    pool: Pool, leases: LeaseDirectory, tmp_path: Path
) -> None:
    other_worker = Pool(leases, BoardHealth(tmp_path / "boards"), command="pytest", timeout=0)
    other_run = Pool(leases, BoardHealth(tmp_path / "other"), command="pytest", timeout=0)
    for worker in (pool, other_worker, pool):
        fail(worker, [A], ConsoleError("silent"))
    for worker, first in ((other_worker, B), (other_run, A)):
        with worker.hold([A, B], test="next") as lease:
            assert lease.physical == first


def switched_board(tmp_path: Path, script: str) -> tuple[PhysicalBoard, BoardHealth]:
    """A board whose power command is a shell script, and that comes back at once."""
    board = dataclasses.replace(A, power=shlex.join(["sh", "-c", script]))
    back = functools.partial(cycle, timeout=5, returns=0, is_back=lambda physical: True)
    return board, BoardHealth(tmp_path / "boards", cycle=back)


def test_before_a_board_is_set_aside_its_power_is_switched_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    board, health = switched_board(tmp_path, f"echo cycled >> {log}")
    for _ in range(2):
        health.failed(board, BenchError("silent"))
    assert not log.exists()
    health.failed(board, BenchError("silent"))
    assert health.set_aside() == ()
    assert [record.name for record in health.switched()] == ["m4-A"]
    for _ in range(3):
        health.worked(board)
        health.failed(board, BenchError("silent again"))
        health.failed(board, BenchError("silent again"))
    health.failed(board, BenchError("silent again"))
    (record,) = health.set_aside()
    assert log.read_text() == "cycled\n"
    assert "3 failures in a row (switched off and on before the last of them)" in cause(record)
    assert health.switched() == ()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo no hub >&2; exit 3", r"failed \(exit code 3\)\n  no hub"),
        ("sleep 60", r"did not finish in 0\.2 s and was stopped"),
        ("true", r"not back after 0 s; see whether the command switches the right port"),
    ],
)
def test_a_power_command_that_does_not_help_is_named(
    tmp_path: Path, script: str, words: str
) -> None:
    board, _ = switched_board(tmp_path, script)
    with pytest.raises(BenchError, match=words):
        cycle(board, timeout=0.2, returns=0, is_back=lambda physical: False)
    health = BoardHealth(
        tmp_path / "boards",
        limit=1,
        cycle=functools.partial(cycle, timeout=0.2, returns=0, is_back=lambda physical: False),
    )
    health.failed(board, BenchError("silent"))
    (record,) = health.set_aside()
    assert re.search(words, record.power)


def test_a_power_command_that_is_not_installed(tmp_path: Path) -> None:
    board = dataclasses.replace(A, power="no-such-hub-control -p 2")
    with pytest.raises(BenchError, match="cannot be run: No such file or directory"):
        cycle(board)
