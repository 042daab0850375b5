"""A metric is described once, and whatever asks for it asks its description."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any
from typing import get_args

import pytest

from pytest_tinyquant.baselines.attribution import EXPLANATIONS
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.metrics.built_in import BUILT_IN
from pytest_tinyquant.metrics.built_in import LATENCY
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.registry import MetricRegistry
from pytest_tinyquant.metrics.spec import Explanation
from pytest_tinyquant.metrics.spec import MetricSpec
from pytest_tinyquant.metrics.spec import Part
from pytest_tinyquant.metrics.tolerance import Tolerance
from pytest_tinyquant.stages.investigation import SEARCHES


def described(**changes: Any) -> MetricSpec:
    values: dict[str, Any] = {
        "name": "heat",
        "title": "Energy",
        "description": "Of one inference.",
        "parts": (Part("total", gates=True), Part("recall_*", higher_is_better=True)),
        "classes": {"hardware": "measured"},
        "measure": lambda observation: {},
    }
    return MetricSpec(**values | changes)


@pytest.mark.parametrize("spec", BUILT_IN, ids=lambda spec: spec.name)
def test_every_built_in_metric_is_measured_by_a_function_of_one_run(spec: MetricSpec) -> None:
    assert list(inspect.signature(spec.measuring()).parameters) == ["observation"]


def test_every_kind_of_cause_has_something_that_finds_it() -> None:
    assert {*EXPLANATIONS, *SEARCHES} == set(get_args(Explanation))


def test_reports_show_the_metrics_in_the_order_in_which_they_were_added() -> None:
    registry = MetricRegistry(BUILT_IN)
    registry.register(described())
    assert list(registry) == [
        "error", "latency", "flash", "ram", "bandwidth", "macc", "energy", "heat",
    ]  # fmt: skip


def test_two_metrics_of_one_name_are_refused() -> None:
    registry = MetricRegistry(BUILT_IN)
    with pytest.raises(ConfigurationError, match="'latency' is described twice"):
        registry.register(described(name="latency"))


def test_a_metric_goes_as_it_came() -> None:
    registry = MetricRegistry(BUILT_IN)
    registry.register(described())
    registry.unregister("heat")
    assert list(registry) == list(METRICS)


@pytest.mark.parametrize(
    ("test", "metric"),
    [
        ("test_latency", "latency"),
        ("test_small_latency", "latency"),
        ("test_latency_sums", None),
        ("test_wake_time", "wake_time"),
        ("test_time", "time"),
    ],
)
def test_a_test_judges_the_metric_it_is_named_after(test: str, metric: str | None) -> None:
    registry = MetricRegistry(BUILT_IN)
    registry.register(described(name="time"))
    registry.register(described(name="wake_time"))
    assert registry.judged_by(test) == metric


def test_parts_that_are_known_at_run_time_only_are_described_once_for_all() -> None:
    spec = described()
    assert spec.higher_is_better("recall_3")
    assert not spec.higher_is_better("total")
    assert spec.part("spread") is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "Energy"}, "lower-case words"),
        ({"parts": (Part("total"),)}, "must gate"),
        ({"classes": {"moon": "exact"}}, "'moon'"),
        ({"classes": {"hardware": "guessed"}}, "'guessed'"),
        ({"explained_by": ("gossip",)}, "'gossip'"),
    ],
)
def test_a_description_that_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        described(**changes)


def test_only_measured_numbers_of_a_metric_that_scatters_have_noise() -> None:
    assert [LATENCY.has_noise(c) for c in ("exact", "measured")] == [False, True]
    assert not dataclasses.replace(LATENCY, scatters=False).has_noise("measured")


def test_an_image_built_anew_has_the_slack_of_its_own_only_where_numbers_scatter() -> None:
    rebuilt = [
        LATENCY.default_tolerance(c, same_image=False) for c in ("exact", "measured", "estimated")
    ]
    assert rebuilt == [Tolerance(), LATENCY.rebuilt, Tolerance()]
