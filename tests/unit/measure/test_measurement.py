"""What a measurement is: plain numbers that keep their unit and their class."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import cast

import pytest

from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.metric import NumberClass
from pytest_tinyquant.metrics.metric import weakest_class


def test_json_round_trip_keeps_everything(recorded: Measurement) -> None:
    again = Measurement.from_json(json.loads(json.dumps(recorded.to_json())))
    assert again == recorded


def test_combination_is_spelt_as_in_test_ids(recorded: Measurement) -> None:
    assert recorded.combination == "cnn_4-int8-only-nucleo-l4r5zi"


def test_ram_gates_on_total_and_arena(recorded: Measurement) -> None:
    assert list(recorded.gating("ram")) == ["total", "arena"]


def test_a_board_without_total_gates_on_the_arena_alone(change: Callable[..., Measurement]) -> None:
    ram = {"arena": Metric(10, "bytes", "exact")}
    assert change(metrics={"ram": ram}).gating("ram") == ram


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_metric_is_finite(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Metric(value, "bytes", "exact")


def test_a_metric_is_no_numpy_scalar() -> None:
    numpy = pytest.importorskip("numpy")
    with pytest.raises(TypeError, match="int64"):
        Metric(numpy.int64(3), "bytes", "exact")


def test_a_metric_has_a_known_class() -> None:
    with pytest.raises(ValueError, match="guessed"):
        Metric(1, "bytes", cast(NumberClass, "guessed"))


def test_floats_are_stored_to_six_digits_and_integers_as_they_are() -> None:
    assert Metric(0.12345678901234, "1", "exact").rounded().value == 0.123457
    assert Metric(1234567890123, "bytes", "exact").rounded().value == 1234567890123


def test_a_sum_is_as_trustworthy_as_its_weakest_part() -> None:
    exact, measured, estimated = (Metric(1, "bytes", c) for c in ("exact", "measured", "estimated"))
    assert weakest_class(exact, measured) == "measured"
    assert weakest_class(measured, estimated, exact) == "estimated"


def test_a_measurement_of_an_earlier_version_can_be_read(recorded: Measurement) -> None:
    """Another revision's package may have written it, as in an A/B run."""
    document = recorded.to_json()
    del document["structure"], document["retries"]
    assert Measurement.from_json(document) == recorded
