"""Runs that ended without a word, on whichever host, and boards that labgrid switches off and on.

The coordinator is the played one of the tests beside this one.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from played_coordinator import ROW
from played_coordinator import Coordinator
from played_coordinator import PlayedClient

from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.boards.bench.pool import Pool
from pytest_tinyquant.boards.bench.set_aside import BoardHealth
from pytest_tinyquant.boards.farm.client import FarmError
from pytest_tinyquant.boards.farm.farm import Farm
from pytest_tinyquant.boards.farm.heartbeat import BEAT_SECONDS
from pytest_tinyquant.boards.farm.heartbeat import DEAD_SECONDS
from pytest_tinyquant.boards.farm.heartbeat import Heart
from pytest_tinyquant.boards.farm.heartbeat import Janitor
from pytest_tinyquant.cli.janitor import look
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.system.scratch import Scratch
from pytest_tinyquant.system.scratch import new_path


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def coordinator() -> Coordinator:
    return Coordinator("p1", "p2")


@pytest.fixture
def elsewhere(tmp_path: Path, coordinator: Coordinator) -> Iterator[Farm]:
    """A run on another host, which holds a place."""
    scratch = Scratch(new_path())
    farm = Farm(scratch.path, tmp_path / "there", timeout=0, client=coordinator.client)
    with farm.reach(ROW):
        pass
    yield farm
    scratch.close()


@pytest.fixture
def janitor(tmp_path: Path, coordinator: Coordinator, clock: Clock) -> Janitor:
    return Janitor(coordinator.client("tinyquant-janitor"), tmp_path / "here", now=clock)


def test_a_run_that_makes_no_sign_loses_its_place(
    elsewhere: Farm, janitor: Janitor, coordinator: Coordinator, clock: Clock
) -> None:
    assert janitor.sweep() == []
    clock.wait(DEAD_SECONDS - 1)
    assert janitor.sweep() == []
    clock.wait(1)
    assert janitor.sweep() == ["p1"]
    assert not any(coordinator.places.values())
    assert not coordinator.reservations


def test_a_run_that_lives_keeps_it_however_long(
    elsewhere: Farm, janitor: Janitor, coordinator: Coordinator, clock: Clock
) -> None:
    for _ in range(100):
        elsewhere.beat()
        assert janitor.sweep() == []
        clock.wait(BEAT_SECONDS)
    assert coordinator.places["p1"]
    for _ in range(4):
        clock.wait(BEAT_SECONDS)
        janitor.sweep()
    assert not coordinator.places["p1"]


@pytest.mark.parametrize("owner", ["somebody", "ci-tinyquant-12", "tinyquant-0123456789abcdef"])
def test_what_is_held_by_hand_is_left_alone(
    janitor: Janitor, coordinator: Coordinator, clock: Clock, owner: str
) -> None:
    coordinator.places["p1"] = owner
    for _ in range(10):
        janitor.sweep()
        clock.wait(DEAD_SECONDS)
    assert coordinator.places["p1"] == owner


def test_one_process_goes_on_where_another_ended_and_damage_begins_anew(
    elsewhere: Farm, tmp_path: Path, coordinator: Coordinator, clock: Clock
) -> None:
    def fresh() -> Janitor:
        return Janitor(coordinator.client("tinyquant-janitor"), tmp_path / "here", now=clock)

    fresh().sweep()
    clock.wait(DEAD_SECONDS)
    (tmp_path / "here/farm-seen.json").write_text('{"p1": 5}')
    assert fresh().sweep() == []
    clock.wait(DEAD_SECONDS)
    assert fresh().sweep() == ["p1"]


def test_a_clock_that_was_set_back_gives_time_anew(
    elsewhere: Farm, janitor: Janitor, clock: Clock
) -> None:
    janitor.sweep()
    clock.wait(-10_000)
    assert janitor.sweep() == []
    clock.wait(DEAD_SECONDS)
    assert janitor.sweep() == ["p1"]


def test_who_took_the_place_in_between_keeps_it(
    elsewhere: Farm,
    janitor: Janitor,
    coordinator: Coordinator,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = PlayedClient._release_from

    def kicked_before(client: PlayedClient, c: Coordinator, *arguments: str) -> str:
        c.places["p1"] = "somebody"
        return release(client, c, *arguments)

    monkeypatch.setattr(PlayedClient, "_release_from", kicked_before)
    janitor.sweep()
    clock.wait(DEAD_SECONDS)
    janitor.sweep()
    assert coordinator.places["p1"] == "somebody"


def test_a_run_that_waits_looks_for_dead_ones(
    elsewhere: Farm, tmp_path: Path, coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks again and again, and between two times it looks; then the place is its own."""
    monkeypatch.setattr("pytest_tinyquant.boards.farm.place.WAIT_SECONDS", 0.0)
    coordinator.places["p2"] = "somebody"
    seconds = iter(range(0, 10_000, 61))
    monkeypatch.setattr(
        "pytest_tinyquant.boards.farm.farm.Janitor",
        lambda client, notes: Janitor(client, notes, now=lambda: float(next(seconds))),
    )
    scratch = Scratch(new_path())
    farm = Farm(scratch.path, tmp_path / "here", timeout=60, client=coordinator.client)
    with farm.reach(ROW):
        assert coordinator.places["p1"].endswith(scratch.path.name)
    farm.close()
    scratch.close()


def test_killed_fifty_times_nothing_is_held_after_the_janitors_period(
    tmp_path: Path, coordinator: Coordinator, janitor: Janitor, clock: Clock
) -> None:
    """Killed at a random one of its calls of labgrid, each time on a host that never comes back."""
    draw = random.Random(17)
    for n in range(50):
        scratch = Scratch(new_path())
        farm = Farm(scratch.path, tmp_path / f"host-{n}", timeout=0, client=coordinator.client)
        coordinator.dies_in = draw.randrange(1, 6)
        with pytest.raises(SystemExit), farm.reach(ROW):
            farm.beat()
            raise SystemExit  # at the latest
        coordinator.dead = ""
        scratch.close()
        list(look(janitor, watch=False, now=clock, sleep=clock.wait))
        assert not any(coordinator.places.values())
        # One that stands in line expires by labgrid itself, a minute after nobody asks for it.
        coordinator.reservations.clear()


def test_a_coordinator_that_does_not_answer_ends_the_command_and_not_the_service(
    janitor: Janitor, coordinator: Coordinator, clock: Clock
) -> None:
    coordinator.fails = "places"
    with pytest.raises(FarmError, match="played"):
        list(look(janitor, watch=False, now=clock, sleep=clock.wait))
    naps = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(look(janitor, watch=True, now=clock, sleep=nap))


def test_a_place_that_is_not_taken_back_does_not_keep_others_from_it(
    janitor: Janitor, coordinator: Coordinator, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    coordinator.places = dict.fromkeys(("p1", "p2"), f"ci-tinyquant-{'0' * 16}")
    release = PlayedClient._release_from
    refused = ["p1"]

    def release_from(self: PlayedClient, c: Coordinator, token: str, *arguments: str) -> str:
        if arguments[1] in refused:
            raise FarmError("played: not that one")
        return release(self, c, token, *arguments)

    monkeypatch.setattr(PlayedClient, "_release_from", release_from)
    assert janitor.sweep() == []
    clock.wait(DEAD_SECONDS)
    with pytest.raises(FarmError, match="not that one"):
        janitor.sweep()
    assert coordinator.places["p1"]
    assert not coordinator.places["p2"]
    refused.clear()
    assert janitor.sweep() == ["p1"], "it is not watched for three minutes anew"


def test_a_heart_beats_until_it_is_stopped() -> None:
    beats = threading.Semaphore(0)
    heart = Heart(beats.release, seconds=0.001)
    assert all(beats.acquire(timeout=60) for _ in range(3))
    heart.stop()
    heart.stop()


def test_a_coordinator_that_is_away_for_a_while_does_not_end_the_beats(
    elsewhere: Farm, coordinator: Coordinator
) -> None:
    coordinator.fails = "set-tags"
    elsewhere.beat()
    coordinator.fails = ""
    elsewhere.beat()
    assert "tq_beat" in coordinator.tags["p1"]


# ---- power ----


def pool_of(farm: Farm, tmp_path: Path) -> Pool:
    health = BoardHealth(tmp_path / "boards", limit=2)
    return Pool(LeaseDirectory(tmp_path / "leases"), health, command="p", timeout=0, farm=farm)


def fail(pool: Pool) -> None:
    with pytest.raises(BenchError, match="dead"), pool.hold([ROW], test="one"):
        raise BenchError("dead")


@pytest.fixture
def pool(tmp_path: Path, coordinator: Coordinator) -> Iterator[Pool]:
    scratch = Scratch(new_path())
    yield pool_of(Farm(scratch.path, tmp_path, timeout=0, client=coordinator.client), tmp_path)
    scratch.close()


def test_labgrid_switches_a_board_once_before_it_is_set_aside(
    pool: Pool, coordinator: Coordinator
) -> None:
    fail(pool)
    assert coordinator.switched == []
    fail(pool)
    assert coordinator.switched == ["p1"]
    assert not any(coordinator.places.values()), "and then gives it back"
    fail(pool)
    assert coordinator.switched == ["p1"]
    with pytest.raises(BenchError, match=r"switched off and on before the last of them"):
        pool.hold([ROW], test="two").__enter__()


def test_a_place_that_cannot_be_switched_is_set_aside_with_the_reason(
    pool: Pool, coordinator: Coordinator
) -> None:
    coordinator.fails = "power"
    fail(pool)
    fail(pool)
    with pytest.raises(
        BenchError, match=r"set aside after 2 failures in a row \(.*power: .*played"
    ):
        pool.hold([ROW], test="two").__enter__()


def test_a_place_that_cannot_be_had_counts_as_a_failure_and_is_not_switched(
    pool: Pool, coordinator: Coordinator
) -> None:
    coordinator.fails = "reserve"
    for _ in range(2):
        with pytest.raises(FarmError):
            pool.hold([ROW], test="one").__enter__()
    assert coordinator.switched == []
    with pytest.raises(BenchError, match="every board that could do it is set aside"):
        pool.hold([ROW], test="two").__enter__()
