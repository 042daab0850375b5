"""Every metric of every scheme with steps against its baseline."""

from __future__ import annotations

from typing import Any


def test_error(measurement: Any, baseline: Any) -> None:
    """The outputs against the float model's."""
    baseline.check("error", measurement)


def test_latency(measurement: Any, baseline: Any) -> None:
    """Instructions of one inference."""
    baseline.check("latency", measurement)


def test_flash(measurement: Any, baseline: Any) -> None:
    """Bytes of flash."""
    baseline.check("flash", measurement)


def test_ram(measurement: Any, baseline: Any) -> None:
    """Bytes of RAM."""
    baseline.check("ram", measurement)


def test_compressed(measurement: Any, baseline: Any) -> None:
    """The file's size by gzip."""
    baseline.check("compressed", measurement)
