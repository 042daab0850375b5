"""Bandwidth of the boards whose compiler tells it, against its baseline."""

from __future__ import annotations


def test_bandwidth(measurement, baseline):
    baseline.check("bandwidth", measurement)
