"""Bandwidth of the boards whose compiler tells it, against its baseline."""

from __future__ import annotations

from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.session.fixtures import Baseline


def test_bandwidth(measurement: Measurement, baseline: Baseline) -> None:
    baseline.check("bandwidth", measurement)
