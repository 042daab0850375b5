"""What counts as a drift of the canary."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_tinyquant.baselines.noise import NoiseFloor
from pytest_tinyquant.baselines.noise import noise_file
from pytest_tinyquant.baselines.noise import write_noise
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.tolerances import Tolerances
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.session.canary import Canary
from pytest_tinyquant.session.canary import drift_text


def took(recorded: Measurement, cycles: int) -> Measurement:
    """Return the measurement on a real board with this latency."""
    latency = {"invoke": Metric(cycles, "cycles", "measured")}
    return dataclasses.replace(
        recorded,
        target="hardware",
        metrics={**recorded.metrics, "latency": latency},
        identity={**recorded.identity, "image": "f" * 64},
    )


@pytest.fixture
def allowed(tmp_path: Path, recorded: Measurement) -> Callable[..., Tolerances]:
    """Return what the canary allows in a project and model with these tolerances."""

    def allowed(project: Any = None, model: Any = None) -> Tolerances:
        experiments = SimpleNamespace(
            schemes=SCHEMES,
            models={"cnn_4": SimpleNamespace(name="cnn_4", tolerance=model or {})},
            tolerance=project or {},
            baselines_dir=tmp_path,
        )
        stages: Any = SimpleNamespace(project=experiments)
        return Canary("cnn_4-int8-only", stages, ())._tolerances(took(recorded, 1))

    return allowed


def test_the_same_numbers_are_no_drift(
    recorded: Measurement, allowed: Callable[..., Tolerances]
) -> None:
    assert drift_text(took(recorded, 100_000), took(recorded, 100_000), allowed()) == ""


@pytest.mark.parametrize("cycles", [100_200, 99_800])
def test_faster_is_a_drift_as_much_as_slower(
    recorded: Measurement, allowed: Callable[..., Tolerances], cycles: int
) -> None:
    text = drift_text(took(recorded, 100_000), took(recorded, cycles), allowed())
    expected = f"from 100,000 to {cycles:,} cycles (limit 0.1 % or 64 cycles)"
    assert text == f"latency drifted {expected}"


@pytest.mark.parametrize("layer", ["project", "model"])
def test_the_users_tolerances_hold(
    recorded: Measurement, allowed: Callable[..., Tolerances], layer: str
) -> None:
    first, last = took(recorded, 100_000), took(recorded, 100_200)
    assert drift_text(first, last, allowed(**{layer: {"latency": "1%"}})) == ""
    narrow = drift_text(first, last, allowed(**{layer: {"latency": "150"}}))
    assert narrow.endswith("(limit 150 cycles)")


def test_a_drift_within_the_boards_noise_is_none(
    recorded: Measurement, allowed: Callable[..., Tolerances], tmp_path: Path
) -> None:
    first, last = took(recorded, 100_000), took(recorded, 100_200)
    floor = NoiseFloor("cnn_4", "int8-only", "cycles", "gcc", (100_000, 100_100))
    write_noise(noise_file(tmp_path, "nucleo-l4r5zi", "hardware"), floor)
    assert drift_text(first, last, allowed()) == ""
    assert drift_text(first, took(recorded, 100_400), allowed()) != ""


def test_other_outputs_are_a_drift(
    recorded: Measurement, allowed: Callable[..., Tolerances]
) -> None:
    last = dataclasses.replace(took(recorded, 1), output_sha256="1" * 64)
    assert drift_text(took(recorded, 1), last, allowed()).startswith("other outputs")


def test_a_counter_of_another_unit_is_a_drift(
    recorded: Measurement, allowed: Callable[..., Tolerances]
) -> None:
    other = {"invoke": Metric(1, "instructions", "measured")}
    last = dataclasses.replace(took(recorded, 1), metrics={**recorded.metrics, "latency": other})
    assert "is in cycles in the baseline" in drift_text(took(recorded, 1), last, allowed())


def test_a_combination_that_is_none_is_refused() -> None:
    stages: Any = SimpleNamespace(project=SimpleNamespace(models={}, schemes=SCHEMES))
    with pytest.raises(ConfigurationError, match="'cnn_9-int8' is no MODEL-SCHEME"):
        Canary("cnn_9-int8", stages, ())
