"""Places of labgrid: held by one run, given back whatever becomes of it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest
from played_coordinator import ROW
from played_coordinator import SHOWN
from played_coordinator import Coordinator

from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.boards.bench.pool import Pool
from pytest_tinyquant.boards.bench.set_aside import BoardHealth
from pytest_tinyquant.boards.farm.client import VARIABLE
from pytest_tinyquant.boards.farm.client import Client
from pytest_tinyquant.boards.farm.client import FarmError
from pytest_tinyquant.boards.farm.client import NoSuchPlaceError
from pytest_tinyquant.boards.farm.farm import Farm
from pytest_tinyquant.boards.farm.place import acquire
from pytest_tinyquant.boards.farm.place import places_with
from pytest_tinyquant.boards.farm.place import read_place
from pytest_tinyquant.boards.farm.place import reserve
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import BoardBusyError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.system.scratch import Scratch
from pytest_tinyquant.system.scratch import new_path


@pytest.fixture
def coordinator() -> Coordinator:
    return Coordinator("p1", "p2")


@pytest.fixture
def run() -> Iterator[Path]:
    """The scratch directory of a run that lives."""
    scratch = Scratch(new_path())
    yield scratch.path
    scratch.close()


def farm_of(run: Path, tmp_path: Path, coordinator: Coordinator, timeout: float = 0) -> Farm:
    return Farm(run, tmp_path / "notes", timeout=timeout, client=coordinator.client)


def test_a_place_is_reached_by_its_probe_and_its_console(
    run: Path, tmp_path: Path, coordinator: Coordinator
) -> None:
    with farm_of(run, tmp_path, coordinator).reach(ROW) as (board, is_new):
        assert board.probe == "remote:127.0.0.1:5555"
        assert board.port == "rfc2217://127.0.0.1:7001?ign_set_control&timeout=10"
        assert is_new


def test_a_session_takes_its_place_once_and_its_end_gives_it_back(
    run: Path, tmp_path: Path, coordinator: Coordinator
) -> None:
    for _ in range(3):  # each by another process of the run
        with farm_of(run, tmp_path, coordinator).reach(ROW):
            pass
    assert coordinator.calls.count("acquire") == 1
    (owner,) = filter(None, coordinator.places.values())
    assert owner.endswith(run.name), "labgrid shows which run holds it"
    farm_of(run, tmp_path, coordinator).close()
    assert not any(coordinator.places.values())
    assert not coordinator.reservations


def test_a_place_may_be_held_for_one_measurement_only(
    run: Path, tmp_path: Path, coordinator: Coordinator
) -> None:
    row = dataclasses.replace(ROW, hold="measurement")
    for _ in range(2):
        with farm_of(run, tmp_path, coordinator).reach(row) as (_, is_new):
            assert is_new, "in between somebody else may have put another image on it"
        assert not any(coordinator.places.values())


def test_trouble_with_a_place_gives_it_back_for_another(
    run: Path, tmp_path: Path, coordinator: Coordinator
) -> None:
    farm = farm_of(run, tmp_path, coordinator)
    with pytest.raises(BenchError), farm.reach(ROW):
        raise BenchError("the probe went away")
    assert not any(coordinator.places.values())


def test_two_rows_hold_two_places(run: Path, tmp_path: Path, coordinator: Coordinator) -> None:
    farm = farm_of(run, tmp_path, coordinator)
    other = dataclasses.replace(ROW, name="another")
    with farm.reach(ROW), farm.reach(other):
        assert all(coordinator.places.values())


def test_a_place_without_the_tags_is_not_waited_for(
    run: Path, tmp_path: Path, coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_tinyquant.boards.farm.place.WAIT_SECONDS", 0.0)
    for place in coordinator.places:
        coordinator.tags[place] = {"board": "other"}
        coordinator.places[place] = "somebody"
    with (
        pytest.raises(NoSuchPlaceError, match=r"any-nucleo: no place has the tags board=nucleo-"),
        farm_of(run, tmp_path, coordinator, timeout=900).reach(ROW),
    ):
        pass
    assert coordinator.calls.count("wait") == 1
    assert not coordinator.reservations
    assert not list((tmp_path / "notes").glob("*"))


@pytest.mark.parametrize("command", ["reserve", "show", "places"])
def test_what_another_version_prints_names_the_one_that_is_read(
    tmp_path: Path, command: str
) -> None:
    client = Client("me", program=program(tmp_path, "echo 'Hello, labgrid 42 speaking'"))
    calls: dict[str, Callable[[], object]] = {
        "reserve": lambda: reserve(client, ROW.labgrid),
        "show": lambda: acquire(client, "T", 60),
        "places": lambda: places_with(client, ROW.labgrid),
    }
    with pytest.raises(FarmError, match=rf"{command}: .*Hello.*is not 26\.0\.1, install it"):
        calls[command]()


def test_waiting_ends_and_leaves_no_reservation(
    run: Path, tmp_path: Path, coordinator: Coordinator
) -> None:
    coordinator.places = dict.fromkeys(coordinator.places, "somebody")
    with (
        pytest.raises(BoardBusyError, match=r"any-nucleo: no place with board=nucleo-l4r5zi was"),
        farm_of(run, tmp_path, coordinator).reach(ROW),
    ):
        pass
    assert not coordinator.reservations


@pytest.mark.parametrize("command", ["reserve", "wait", "acquire", "show"])
def test_whatever_fails_nothing_is_held(
    run: Path, tmp_path: Path, coordinator: Coordinator, command: str
) -> None:
    coordinator.fails = command
    farm = farm_of(run, tmp_path, coordinator, timeout=100)
    with pytest.raises(FarmError, match="played"), farm.reach(ROW):
        pass
    assert not any(coordinator.places.values())
    assert not coordinator.reservations
    assert not list((tmp_path / "notes").glob("*"))


def test_the_next_run_gives_back_what_a_killed_one_held(
    run: Path, tmp_path: Path, coordinator: Coordinator
) -> None:
    killed = Scratch(new_path())
    with farm_of(killed.path, tmp_path, coordinator).reach(ROW):
        pass
    assert farm_of(run, tmp_path, coordinator).release_dead() == [], "it lives"
    killed.close()
    coordinator.fails = "cancel-reservation"
    assert farm_of(run, tmp_path, coordinator).release_dead() == []
    coordinator.fails = ""
    with farm_of(run, tmp_path, coordinator).reach(ROW):
        assert list(coordinator.places.values()).count("") == 1
    farm_of(run, tmp_path, coordinator).close()
    assert not any(coordinator.places.values())


def test_who_was_kicked_out_forgets_the_place(
    run: Path, tmp_path: Path, coordinator: Coordinator
) -> None:
    farm = farm_of(run, tmp_path, coordinator)
    with farm.reach(ROW):
        coordinator.places["p1"] = "vm/somebody"
    farm.close()
    assert coordinator.places["p1"] == "vm/somebody"
    assert not list((tmp_path / "notes").glob("*"))


def test_a_pool_leases_the_row_within_the_run_and_the_place_from_labgrid(
    run: Path, tmp_path: Path, coordinator: Coordinator
) -> None:
    farm = farm_of(run, tmp_path, coordinator)
    health = BoardHealth(tmp_path / "boards")
    pool = Pool(LeaseDirectory(tmp_path / "leases"), health, command="p", timeout=0, farm=farm)
    with pool.hold([ROW], test="one") as lease:
        assert lease.physical.probe == "remote:127.0.0.1:5555"
        lease.note_loaded("image")
        with pytest.raises(BoardBusyError, match="any-nucleo is held by pid"):
            pool.hold([ROW], test="two").__enter__()
    with pool.hold([ROW], digest="image", test="three") as lease:
        assert lease.loaded == "image", "the same place holds what the run put there"
        with contextlib.suppress(BenchError):
            raise BenchError("within")
    with pytest.raises(BenchError), pool.hold([ROW], test="four"):
        raise BenchError("the place went away")
    with pool.hold([ROW], test="five") as lease:
        assert lease.loaded is None, "another place may hold anything"


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ("", "no place in what it printed"),
        ("Place 'p1':\n  tags: a=b\n", "place p1 has no NetworkService .* and no serial port"),
        (
            "Place 'p1':\nAcquired resource 'x' (e/g/x):\n  {'cls': __import__('os')}\n",
            "a resource that cannot be read",
        ),
        ("Place 'p1':\nAcquired resource 'x' (e/g/x):\n  [1]\n", "a resource that cannot be read"),
    ],
)
def test_what_a_place_lacks_is_named(shown: str, words: str) -> None:
    with pytest.raises(FarmError, match=words):
        read_place(shown, "T")


PLACES = """\
Place 'p1':
  tags: board=nucleo-l4r5zi, desk=3
  matches:
    exp1/bench-1/*
Place 'p2':
  tags: board=nucleo-l4r5zi
Place 'p3':
  created: 2026-11-28 18:41:39.892239
"""


def test_doctor_counts_places_and_reserves_none(tmp_path: Path) -> None:
    client = Client("d", program=program(tmp_path, f"cat <<'E'\n{PLACES}\nE"))
    assert places_with(client, (("board", "nucleo-l4r5zi"),)) == ["p1", "p2"]
    assert places_with(client, (("board", "nucleo-l4r5zi"), ("desk", "3"))) == ["p1"]
    with pytest.raises(FarmError, match=r"no place has the tags board=rx65n; .*set-tags board="):
        places_with(client, (("board", "rx65n"),))


def test_a_raw_port_is_a_socket() -> None:
    shown = SHOWN.format(name="p1", token="T").replace("rfc2217", "raw")
    assert read_place(shown, "T").port == "socket://127.0.0.1:7001"


# ---- the program ----


def program(tmp_path: Path, script: str) -> str:
    path = tmp_path / "labgrid-client"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_the_program_says_who_asks_and_nothing_of_our_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("LG_PLACE", "another")
    client = Client("me-run", program=program(tmp_path, "env"))
    seen = client.call("places", token="T").splitlines()
    assert {"LG_USERNAME=me-run", "LG_TOKEN=T"} <= set(seen)
    assert not [line for line in seen if line.startswith(("PYTHONPATH", "LG_PLACE"))]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            "echo 'Server error: Error: Could not connect to coordinator' >&2; exit 1",
            r"labgrid-client places: Server error: .* \(at 127.0.0.1:20408\); see whether",
        ),
        (
            # As 23.0.6 says, which looks for its coordinator where another variable leads.
            'echo "Could not connect to coordinator: [Errno 111] Connect call failed '
            "('127.0.0.1', 20408)\"; exit 1",
            r"labgrid is 25\.0 or later on both sides: before, it spoke another protocol",
        ),
        ("exit 1", "it said nothing"),
        ("sleep 60", r"no answer from 127.0.0.1:20408 in 0.2 s"),
    ],
)
def test_a_coordinator_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    monkeypatch.delenv("LG_COORDINATOR", raising=False)
    with pytest.raises(FarmError, match=words):
        Client("me", program=program(tmp_path, f"exec 2>&1; {script}")).call("places", timeout=0.2)


def test_a_program_that_is_absent_names_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TINYQUANT_CACHE", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(ToolchainNotFoundError, match="tinyquant toolchain labgrid"):
        Client("me").call("places")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "absent"))
    with pytest.raises(ToolchainNotFoundError, match="absent cannot be run"):
        Client("me").call("places")


KILLED = """
import os, signal, sys
from pathlib import Path
from pytest_tinyquant.boards.farm.farm import Note, write
from pytest_tinyquant.system.scratch import Scratch, new_path

scratch = Scratch(new_path())
write(Path(sys.argv[1]) / f"labgrid-{scratch.path.name}-row.json",
      Note(str(scratch.path), "owner", "T1", "p1", "remote:a:1", "socket://a:2"))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_killed_by_the_kernel_is_seen_to_have_ended(
    run: Path, tmp_path: Path, coordinator: Coordinator
) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    subprocess.run([sys.executable, "-c", KILLED, str(notes)], check=False, timeout=60)
    coordinator.places["p1"] = "owner"
    coordinator.reservations["T1"] = "p1"
    assert farm_of(run, tmp_path, coordinator).release_dead() == ["p1"]
    assert coordinator.places["p1"] == ""


def test_a_damaged_note_is_left_alone(run: Path, tmp_path: Path, coordinator: Coordinator) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    for index, text in enumerate(("", "[]", "{}", json.dumps({"run": 1, "owner": 2, "token": 3}))):
        (notes / f"labgrid-{index}.json").write_text(text)
    assert farm_of(run, tmp_path, coordinator).release_dead() == []
