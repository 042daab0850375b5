"""What ended runs left at labgrid, whose coordinator may be away for a while, or for ever."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from played_coordinator import ROW
from played_coordinator import Coordinator

from pytest_tinyquant.boards.farm.client import Client
from pytest_tinyquant.boards.farm.client import FarmError
from pytest_tinyquant.boards.farm.client import NoAnswerError
from pytest_tinyquant.boards.farm.farm import Farm
from pytest_tinyquant.boards.farm.leftovers import REST_SECONDS
from pytest_tinyquant.boards.farm.leftovers import Leftovers
from pytest_tinyquant.boards.farm.notes import give_back
from pytest_tinyquant.system.scratch import Scratch
from pytest_tinyquant.system.scratch import new_path


class Network:
    """Two coordinators, told apart by their addresses."""

    def __init__(self) -> None:
        self.of = {"here:1": Coordinator("p1", "p2"), "old:1": Coordinator("q1")}
        self.asked: list[str] = []

    def client(self, owner: str, address: str) -> Client:
        self.asked.append(address)
        return self.of[address].client(owner, address)


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


@pytest.fixture
def dead_runs(network: Network, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs that ended without a word: one held a place of each coordinator."""
    runs = [Scratch(new_path()) for _ in range(2)]
    for address, run in zip(("old:1", "here:1"), runs, strict=True):
        monkeypatch.setenv("LG_COORDINATOR", address)
        with Farm(run.path, notes, timeout=0, client=network.client).reach(ROW):
            pass
    for run in runs:
        run.close()
    assert network.of["old:1"].places["q1"]
    assert network.of["here:1"].places["p1"]


def test_each_place_goes_back_to_the_coordinator_that_it_is_of(
    dead_runs: None, network: Network, notes: Path
) -> None:
    assert sorted(Leftovers(notes, network.client).release()) == ["p1", "q1"]
    assert not any(network.of["old:1"].places.values())
    assert not any(network.of["here:1"].places.values())
    assert not list(notes.iterdir())


def test_one_that_is_away_is_told_once_and_asked_again_a_minute_later(
    dead_runs: None, network: Network, notes: Path
) -> None:
    told: list[str] = []
    seconds = [0.0]
    leftovers = Leftovers(notes, network.client, tell=told.append, now=lambda: seconds[0])
    network.of["old:1"].away = True
    assert leftovers.release() == ["p1"], "the other is given back all the same"
    (line,) = told
    assert line.startswith("q1 of old:1, which a run that ended holds, cannot be given back yet (")
    assert str(notes) in line
    network.asked.clear()
    seconds[0] = REST_SECONDS - 1
    assert leftovers.release() == []
    assert network.asked == []
    seconds[0] = REST_SECONDS
    assert leftovers.release() == []
    assert network.asked == ["old:1"]
    assert told == [line]
    network.of["old:1"].away = False
    seconds[0] = 2 * REST_SECONDS
    assert leftovers.release() == ["q1"]
    assert not network.of["old:1"].places["q1"]


def test_a_run_measures_while_what_another_left_cannot_be_given_back(
    dead_runs: None, network: Network, notes: Path
) -> None:
    told: list[str] = []
    network.of["old:1"].away = True
    scratch = Scratch(new_path())
    farm = Farm(scratch.path, notes, timeout=0, client=network.client, tell=told.append)
    with farm.reach(ROW) as (board, _):
        assert board.probe
    farm.close()
    scratch.close()
    assert len(told) == 1
    assert len(list(notes.glob("labgrid-*.json"))) == 1, "only the other run's note is left"


def test_a_coordinator_that_does_not_answer_is_asked_only_once_for_a_place(
    dead_runs: None, network: Network, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each question of one that the network lost takes a minute."""
    calls: list[str] = []

    def lost(self: Client, *arguments: str, token: str = "", timeout: float = 60) -> str:
        calls.append(arguments[-1])
        raise NoAnswerError("no answer")

    monkeypatch.setattr("played_coordinator.PlayedClient.call", lost)
    file = min(notes.glob("labgrid-*.json"))
    with pytest.raises(NoAnswerError):
        give_back(file, network.client)
    assert calls == ["release"]
    assert file.exists()


def test_the_end_of_a_run_gives_back_the_others_if_one_is_not_taken(
    network: Network, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LG_COORDINATOR", "here:1")
    scratch = Scratch(new_path())
    farm = Farm(scratch.path, notes, timeout=0, client=network.client)
    with farm.reach(dataclasses.replace(ROW, name="a")), farm.reach(ROW):
        pass
    here = network.of["here:1"]
    taken = []

    def cancel(self: Client, c: Coordinator, *arguments: str) -> str:
        taken.append(arguments[-1])
        if len(taken) == 1:
            raise FarmError("played")
        return ""

    monkeypatch.setattr("played_coordinator.PlayedClient._cancel_reservation", cancel)
    with pytest.raises(FarmError, match="played"):
        farm.close()
    scratch.close()
    assert not any(here.places.values())
    assert len(list(notes.glob("labgrid-*.json"))) == 1
