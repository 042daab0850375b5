"""The study: every metric of every model, scheme and board against its baseline."""

from __future__ import annotations

from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.session.fixtures import Baseline


def test_error(measurement: Measurement, baseline: Baseline) -> None:
    baseline.check("error", measurement)


def test_latency(measurement: Measurement, baseline: Baseline) -> None:
    baseline.check("latency", measurement)


def test_flash(measurement: Measurement, baseline: Baseline) -> None:
    baseline.check("flash", measurement)


def test_ram(measurement: Measurement, baseline: Baseline) -> None:
    baseline.check("ram", measurement)
