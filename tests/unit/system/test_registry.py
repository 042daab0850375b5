"""Things by name, of which other packages may bring more."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_tinyquant.boards.cores.core import Core
from pytest_tinyquant.boards.cores.core import core_of
from pytest_tinyquant.boards.cores.rx import RX
from pytest_tinyquant.boards.open import open_device
from pytest_tinyquant.errors import BoardNotFoundError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.firmware.runtimes.runtime import BoardRuntime
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.project.kinds import KINDS
from pytest_tinyquant.project.kinds import Kind
from pytest_tinyquant.support.runtimes import RUNTIMES
from pytest_tinyquant.system.registry import Registry


@dataclass(frozen=True)
class Planet(Kind):
    moons: int = 0


EARTH = Planet(name="earth", moons=1)


@pytest.fixture
def registry() -> Registry[Kind]:
    return Registry("kind", Kind, {"rx": "pytest_tinyquant.boards.cores.rx:RX"})


def test_what_is_built_in_is_imported_when_it_is_asked_for(registry: Registry[Kind]) -> None:
    assert list(registry) == ["rx"]
    assert registry["rx"] is RX


def test_what_is_registered_stands_beside_it(registry: Registry[Kind]) -> None:
    registry.register(EARTH)
    assert dict(registry) == {"rx": RX, "earth": EARTH}
    assert "mars" not in registry
    registry.unregister("earth")
    registry.unregister("mars")
    assert list(registry) == ["rx"]


def test_what_is_built_in_stays(registry: Registry[Kind]) -> None:
    registry.unregister("rx")
    assert "rx" in registry


def test_a_name_is_taken_once(registry: Registry[Kind]) -> None:
    registry.register(EARTH)
    registry.register(Planet(name="earth", moons=1))
    with pytest.raises(ConfigurationError, match="kind 'earth' is registered twice; rename one"):
        registry.register(Planet(name="earth", moons=2))
    with pytest.raises(ConfigurationError, match="kind 'rx' is registered twice"):
        registry.register(Planet(name="rx"))


def test_what_is_registered_is_of_the_registrys_sort(registry: Registry[Kind]) -> None:
    with pytest.raises(ConfigurationError, match="'one' is no kind; register an instance of Kind"):
        registry.register("one")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_can_be_opened(name: str) -> None:
    assert isinstance(KINDS[name], Core)
    assert KINDS[name].name == name


IN_FIRMWARE = sorted({b.runtime for b in load_boards([]).values() if b.runs_firmware})


@pytest.mark.parametrize("name", IN_FIRMWARE)
def test_every_runtime_of_a_board_with_firmware_can_be_built(name: str) -> None:
    runtime = RUNTIMES[name]
    assert isinstance(runtime, BoardRuntime)
    assert runtime.name == name
    assert "CONV_2D" in runtime.operators


def test_a_kind_that_cannot_be_opened_says_what_it_lacks() -> None:
    KINDS.register(EARTH)
    try:
        board = dataclasses.replace(load_boards([])["host"], kind="earth")
        with pytest.raises(BoardNotFoundError, match=r"Planet is no pytest_tinyquant.*\.Core"):
            core_of(board)
    finally:
        KINDS.unregister("earth")


def test_a_machine_that_nothing_emulates_is_named_with_those_that_are(tmp_path: Path) -> None:
    board = dataclasses.replace(load_boards([])["nucleo-l4r5zi"], machine="vax")
    with pytest.raises(BoardNotFoundError, match=r"no emulated machine 'vax' .* mps2-an386"):
        open_device(board, work_dir=tmp_path, timeout=1)
