"""Runs that keep a place for the session and want one more do not wait for each other for ever."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from played_coordinator import ROW
from played_coordinator import Coordinator

from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.boards.bench.pool import Pool
from pytest_tinyquant.boards.bench.set_aside import BoardHealth
from pytest_tinyquant.boards.farm.farm import Farm
from pytest_tinyquant.system.scratch import Scratch
from pytest_tinyquant.system.scratch import new_path


SECOND = dataclasses.replace(ROW, name="second-nucleo")
OTHER_TYPE = dataclasses.replace(ROW, name="any-rx", type="other")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program's waiting takes no time, so that it is asked again and again."""
    monkeypatch.setattr("pytest_tinyquant.boards.farm.place.WAIT_SECONDS", 0.0)


@pytest.fixture
def coordinator() -> Coordinator:
    return Coordinator("p1", "p2")


@pytest.fixture
def farm(tmp_path: Path, coordinator: Coordinator) -> Iterator[Farm]:
    scratch = Scratch(new_path())
    yield Farm(scratch.path, tmp_path / "notes", timeout=60, client=coordinator.client)
    scratch.close()


def test_who_has_a_place_already_waits_for_that_and_not_for_a_second(
    farm: Farm, tmp_path: Path, coordinator: Coordinator
) -> None:
    """Another run, which wants one more just so, has the second place."""
    coordinator.places["p2"] = "another-run"
    health = BoardHealth(tmp_path / "boards")
    pool = Pool(LeaseDirectory(tmp_path / "leases"), health, command="p", timeout=60, farm=farm)
    got: list[str] = []

    def second_worker() -> None:
        with pool.hold([ROW, SECOND], test="two") as lease:
            got.append(lease.physical.name)

    with pool.hold([ROW, SECOND], test="one") as lease:
        assert lease.physical.name == ROW.name
        worker = threading.Thread(target=second_worker, daemon=True)
        worker.start()
        while "wait" not in coordinator.calls[5:]:
            assert worker.is_alive()
            worker.join(0.01)
    worker.join(60)
    assert got == [ROW.name]
    assert coordinator.places["p2"] == "another-run"
    assert list(coordinator.reservations.values()) == ["p1"], "it stands in no line any more"
    assert not health.set_aside()


def test_who_waits_gives_back_what_the_run_keeps_for_later(
    farm: Farm, coordinator: Coordinator
) -> None:
    coordinator.places["p2"] = "another-run"
    with farm.reach(ROW):
        pass
    assert coordinator.places["p1"]
    with farm.reach(OTHER_TYPE):
        assert list(coordinator.reservations.values()) == ["p1"]
    farm.close()
    assert coordinator.places == {"p1": "", "p2": "another-run"}


def test_what_a_process_of_the_run_uses_is_not_given_back(
    farm: Farm, coordinator: Coordinator
) -> None:
    coordinator.places["p2"] = "another-run"
    lease = farm.leases.try_take(ROW, command="p", test="one")
    assert lease is not None
    with farm.reach(ROW):
        waiting = threading.Thread(target=lambda: farm.reach(OTHER_TYPE).__enter__(), daemon=True)
        waiting.start()
        while coordinator.calls.count("wait") < 5:
            assert waiting.is_alive()
            waiting.join(0.01)
        assert coordinator.places["p1"]
        coordinator.places["p2"] = ""  # lets the other one go
        waiting.join(60)
    lease.release()
    farm.close()
