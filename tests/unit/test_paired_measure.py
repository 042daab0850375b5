"""Two images take turns on one device, so that what drifts falls on both alike."""

from __future__ import annotations

from pathlib import Path

from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.paired.measure import measure_in_turns
from pytest_tinyquant.paired.sides import SideImage


A, B = SideImage(Path("a"), "a", "a"), SideImage(Path("b"), "b", "b")


class PlayedBoard:
    """A board whose counts go up by one with every run."""

    def __init__(self, counter_class):
        self.counter_class = counter_class
        self.runs = []
        self.image = None

    def flash(self, image):
        self.image = image

    def run(self):
        self.runs.append(self.image.image_id)
        count = (100 if self.image is A else 200) + len(self.runs)
        return RunRecord((b"out",), count, "cycles", self.counter_class, (count,), 0, 8, None, "")


def test_counts_that_scatter_are_taken_in_changing_order():
    board = PlayedBoard("measured")
    a, b = measure_in_turns(board, (A, B), rounds=3)
    assert "".join(board.runs) == "abbaab"
    assert (a.counter, b.counter) == (104, 203), "medians of 101, 104, 105 and 202, 203, 206"
    assert a.op_counters == (104,)


def test_exact_counts_need_one_turn():
    board = PlayedBoard("exact")
    a, b = measure_in_turns(board, (A, B))
    assert "".join(board.runs) == "ab"
    assert (a.counter, b.counter) == (101, 202)
