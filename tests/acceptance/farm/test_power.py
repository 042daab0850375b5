"""A board whose place has a switch of labgrid's own drivers behind it, switched off and on."""

from __future__ import annotations

import contextlib
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.boards.bench.pool import Pool
from pytest_tinyquant.boards.bench.set_aside import BoardHealth
from pytest_tinyquant.boards.farm.farm import Farm as Places
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.system.scratch import Scratch
from pytest_tinyquant.system.scratch import new_path


if TYPE_CHECKING:
    from emulated_farm import Farm

    from tests.acceptance.farm.conftest import MakeFarm


ROW = PhysicalBoard("farm-1", "bench-m4", "", "", labgrid=(("board", "m4"),))


class Switch:
    """A power switch in the network, as labgrid's driver `simplerest` asks for it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.held: list[str] = []
        self.status = 200
        self.farm: Farm | None = None
        switch = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                _, index, value = self.path.strip("/").split("/")
                switch.asked.append((index, "on" if value == "1" else "off"))
                if switch.farm is not None:
                    switch.held += switch.farm.held()
                self.send_response(switch.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/relay/{{index}}/{{value}}"


@pytest.fixture
def switch() -> Iterator[Switch]:
    made = Switch()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def farm(make_farm: MakeFarm, switch: Switch) -> Farm:
    return make_farm(power=switch.url)


@pytest.fixture
def pool(farm: Farm, tmp_path: Path) -> Iterator[Pool]:
    scratch = Scratch(new_path())
    places = Places(scratch.path, tmp_path / "notes", timeout=60)
    health = BoardHealth(tmp_path / "boards", limit=2)
    yield Pool(LeaseDirectory(tmp_path / "leases"), health, command="p", timeout=60, farm=places)
    places.close()
    scratch.close()


def fail(pool: Pool) -> str:
    """Let the bench fail while a place is held, and return which."""
    with pytest.raises(BenchError, match="dead"), pool.hold([ROW], test="one") as lease:
        place = lease.physical.probe
        raise BenchError("dead")
    return place


def test_labgrid_switches_the_place_that_the_run_holds(
    farm: Farm, pool: Pool, switch: Switch
) -> None:
    fail(pool)
    assert switch.asked == []
    switch.farm = farm
    fail(pool)
    ((index, off), (same, on)) = switch.asked
    assert (off, on) == ("off", "on")
    assert index == same
    # It was held while it was switched, by the run and by nobody else.
    assert len(switch.held) == 2
    assert all(re.search(rf"exporter-p{index}\b", line) for line in switch.held)
    assert farm.held() == [], "and given back"
    with pool.hold([ROW], test="two") as lease:
        assert lease.physical.probe


def test_a_switch_that_refuses_sets_the_board_aside_with_its_words(
    farm: Farm, pool: Pool, switch: Switch
) -> None:
    switch.status = 500
    fail(pool)
    fail(pool)
    assert [value for _, value in switch.asked] == ["off"]
    with pytest.raises(BenchError, match=r"farm-1: set aside after 2 failures .*power.*500"):
        pool.hold([ROW], test="two").__enter__()
    assert farm.held() == []


def test_a_place_without_a_switch_sets_the_board_aside(make_farm: MakeFarm, tmp_path: Path) -> None:
    farm = make_farm()
    scratch = Scratch(new_path())
    places = Places(scratch.path, tmp_path / "notes", timeout=60)
    health = BoardHealth(tmp_path / "boards", limit=1)
    pool = Pool(LeaseDirectory(tmp_path / "leases"), health, command="p", timeout=60, farm=places)
    with contextlib.closing(places):
        fail(pool)
        with pytest.raises(BenchError, match=r"set aside .*no compatible resource"):
            pool.hold([ROW], test="two").__enter__()
    scratch.close()
    assert farm.held() == []
