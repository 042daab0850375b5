"""A cause is a value: reports ask it, and none takes its text apart."""

from __future__ import annotations

import json

import pytest

from pytest_tinyquant.baselines.cause import Cause
from pytest_tinyquant.baselines.message import cause_lines


CAUSES = {
    "conv2d[3] 8x8  +250   tq_conv": Cause("layer", "conv2d[3] 8x8", 1000, 1250, about="tq_conv"),
    "tq_exp  +40   new": Cause("symbol", "tq_exp", None, 40),
    "tq_exp  -40   gone": Cause("symbol", "tq_exp", 40, None),
    "bss  +512   100 -> 612 bytes": Cause("part", "bss", 100, 612, "bytes"),
    "rmse 0.1 -> 0.2 of range": Cause("figure", "rmse", 0.1, 0.2, "of range"),
    "kernel a -> b": Cause("kernel", "kernel", about="a -> b"),
    "mean[3] 8  k: first output that differs": Cause(
        "first difference", "mean[3] 8  k", about="first output that differs"
    ),
    "nothing is known": Cause("note", about="nothing is known"),
    "and 4 more, +40 together": Cause("layer", "", 0, 40, count=4),
}


@pytest.mark.parametrize("text", CAUSES)
def test_every_kind_reads_as_a_line(text: str) -> None:
    assert CAUSES[text].text == text


@pytest.mark.parametrize("cause", CAUSES.values(), ids=lambda cause: cause.kind)
def test_causes_survive_json_and_say_there_what_they_are_in_words(cause: Cause) -> None:
    document = json.loads(json.dumps(cause.to_json()))
    assert document["text"] == cause.text
    assert Cause.from_json(document) == cause


def test_causes_of_one_kind_stand_below_each_other() -> None:
    causes = [
        Cause("part", "arena", 10, 1330, "bytes"),
        Cause("tensor", "conv", 1, 809, about="grown"),
        Cause("tensor", "scratch_1", None, 5, about="new"),
        Cause("note", about="no more"),
    ]
    assert cause_lines(causes) == [
        "arena  +1,320   10 -> 1,330 bytes",
        "conv       +808   grown",
        "scratch_1    +5   new",
        "no more",
    ]
