"""Two images take turns on one device, so that what drifts falls on both alike."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any
from typing import Literal

import pytest

from pytest_tinyquant.boards.clock import Clock
from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.device import LoadableImage
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.paired.measure import FirstSideError
from pytest_tinyquant.paired.measure import measure_in_turns
from pytest_tinyquant.paired.protocol import SideImage
from pytest_tinyquant.paired.protocol import dump_record


A, B = SideImage(Path("a"), "a", "a"), SideImage(Path("b"), "b", "b")


class PlayedBoard:
    """A board whose counts go up by one with every run."""

    def __init__(self, counter_class: Literal["exact", "measured"]) -> None:
        self.counter_class: Literal["exact", "measured"] = counter_class
        self.runs: list[str] = []
        self.image: SideImage | None = None

    def flash(self, image: LoadableImage | HostImage) -> None:
        assert isinstance(image, SideImage)
        self.image = image

    def run(self) -> RunRecord:
        assert self.image is not None
        self.runs.append(self.image.image_id)
        count = (100 if self.image is A else 200) + len(self.runs)
        return RunRecord((b"out",), count, "cycles", self.counter_class, (count,), 0, 8, None, "")

    def close(self) -> None:
        """Nothing is held."""


def test_counts_that_scatter_are_taken_in_changing_order() -> None:
    board = PlayedBoard("measured")
    a, b = measure_in_turns(board, (A, B), rounds=3)
    assert "".join(board.runs) == "abbaab"
    assert (a.counter, b.counter) == (104, 203), "medians of 101, 104, 105 and 202, 203, 206"
    assert a.op_counters == (104,)


def test_exact_counts_need_one_turn() -> None:
    board = PlayedBoard("exact")
    a, b = measure_in_turns(board, (A, B))
    assert "".join(board.runs) == "ab"
    assert (a.counter, b.counter) == (101, 202)


class HaltingBoard(PlayedBoard):
    """A board that halts on one image."""

    def __init__(self, image: SideImage, error: ConsoleError | DeviceHaltedError) -> None:
        super().__init__("exact")
        self.halts, self.error = image, error

    def run(self) -> RunRecord:
        if self.image is self.halts:
            raise self.error
        return super().run()


def test_an_image_that_halts_is_blamed_on_its_side() -> None:
    halt = DeviceHaltedError("the core locked up")
    with pytest.raises(FirstSideError) as info:
        measure_in_turns(HaltingBoard(A, halt), (A, B))
    assert info.value.cause is halt
    with pytest.raises(DeviceHaltedError):
        measure_in_turns(HaltingBoard(B, halt), (A, B))


def test_trouble_with_the_bench_is_no_sides() -> None:
    with pytest.raises(ConsoleError):
        measure_in_turns(HaltingBoard(A, ConsoleError("a line is lost")), (A, B))


def test_a_real_boards_record_can_be_told_to_the_other_package() -> None:
    ones: list[Any] = [1] * len(dataclasses.fields(Clock))
    clock = Clock(*ones)
    record = RunRecord(
        (b"\x00\xff",), 5, "cycles", "measured", (5,), 0, 8, None, "", (4, 5, 6), clock
    )
    document = json.loads(json.dumps(dump_record(record)))
    assert document["outputs"] == ["AP8="]
    assert document["repeats"] == [4, 5, 6]


class RepeatingBoard(PlayedBoard):
    """A board that tells how often it ran as its repeats."""

    def run(self) -> RunRecord:
        return dataclasses.replace(super().run(), repeats=(len(self.runs),))


def test_the_spread_is_that_of_all_turns() -> None:
    board = RepeatingBoard("measured")
    a, _ = measure_in_turns(board, (A, B), rounds=2)
    assert a.repeats == (1, 4)
