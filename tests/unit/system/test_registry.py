"""Things by name, of which other packages may bring more."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from pytest_tinyquant.boards.cores.core import Core
from pytest_tinyquant.boards.cores.core import core_of
from pytest_tinyquant.boards.open import open_device
from pytest_tinyquant.errors import BoardNotFoundError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.firmware.runtimes.runtime import BoardRuntime
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.project.kinds import KINDS
from pytest_tinyquant.project.kinds import Kind
from pytest_tinyquant.support.runtimes import RUNTIMES
from pytest_tinyquant.system.registry import Registry


@pytest.fixture
def registry() -> Registry[type]:
    return Registry("number", type, {"decimal": "decimal:Decimal"})


def test_what_is_built_in_is_imported_when_it_is_asked_for(registry: Registry[type]) -> None:
    assert list(registry) == ["decimal"]
    assert registry["decimal"] is Decimal


def test_what_is_registered_stands_beside_it(registry: Registry[type]) -> None:
    registry.register("fraction", Fraction)
    assert dict(registry) == {"decimal": Decimal, "fraction": Fraction}
    assert "float" not in registry
    registry.forget_registered()
    assert list(registry) == ["decimal"]


def test_a_name_is_taken_once(registry: Registry[type]) -> None:
    registry.register("fraction", Fraction)
    registry.register("fraction", Fraction)
    with pytest.raises(ConfigurationError, match="there is a number 'fraction' already"):
        registry.register("fraction", int)
    with pytest.raises(ConfigurationError, match="there is a number 'decimal' already"):
        registry.register("decimal", int)


def test_what_is_registered_is_of_the_registrys_sort(registry: Registry[type]) -> None:
    with pytest.raises(ConfigurationError, match="number 'one' is 1; register an instance of type"):
        registry.register("one", 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_can_be_opened(name: str) -> None:
    assert isinstance(KINDS[name], Core)
    assert KINDS[name].name == name


@pytest.mark.parametrize("name", RUNTIMES)
def test_every_runtime_can_be_built(name: str) -> None:
    runtime = RUNTIMES[name]
    assert isinstance(runtime, BoardRuntime)
    assert runtime.name == name
    assert "CONV_2D" in runtime.operators


def test_a_kind_that_cannot_be_opened_says_what_it_lacks() -> None:
    KINDS.register("bare", Kind(name="bare"))
    board = load_boards([])["host"]
    try:
        with pytest.raises(BoardNotFoundError, match=r"Kind is no pytest_tinyquant.*\.Core"):
            core_of(_with(board, kind="bare"))
    finally:
        KINDS.forget_registered()


def test_a_machine_that_nothing_emulates_is_named_with_those_that_are(tmp_path) -> None:
    board = load_boards([])["nucleo-l4r5zi"]
    with pytest.raises(BoardNotFoundError, match=r"no emulated machine 'vax' .* mps2-an386"):
        open_device(_with(board, machine="vax"), work_dir=tmp_path, timeout=1)


def _with(board, **changes):
    import dataclasses

    return dataclasses.replace(board, **changes)
