"""Hooks that other plugins and conftest files can implement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest


if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_tinyquant.measure.measurement import Measurement
    from pytest_tinyquant.metrics.spec import MetricSpec
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.schemes.scheme import Scheme


@pytest.hookspec
def pytest_tinyquant_metrics(config: pytest.Config) -> Iterable[MetricSpec] | None:
    """Return metrics beside the built-in ones; called once, before anything is read.

    A board has such a metric once the ``metrics`` of its table in boards.toml name it, and a test
    named after it (``test_energy``) judges it. How a metric is described stands in
    :mod:`pytest_tinyquant.metrics.registry`.
    """


@pytest.hookspec(firstresult=True)
def pytest_tinyquant_measure(
    config: pytest.Config, model: Model, scheme: Scheme, board: Board
) -> Measurement | None:
    """Measure one combination; called once per combination and run, whatever its tests.

    Return None to leave it to the next implementation; the last one takes the model through this
    package's own stages. A TinyQuantError fails the combination's tests with its text, a
    BenchError among them makes them errors.
    """
