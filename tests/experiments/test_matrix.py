"""The study: every metric of every model, scheme and board against its baseline."""

from __future__ import annotations


def test_error(measurement, baseline):
    baseline.check("error", measurement)


def test_latency(measurement, baseline):
    baseline.check("latency", measurement)


def test_flash(measurement, baseline):
    baseline.check("flash", measurement)


def test_ram(measurement, baseline):
    baseline.check("ram", measurement)
