"""Hooks that other plugins and conftest files can implement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest


if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_tinyquant.baselines.verdict import Verdict
    from pytest_tinyquant.measure.measurement import Measurement
    from pytest_tinyquant.metrics.spec import MetricSpec
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.project.kinds import Kind
    from pytest_tinyquant.report.section import Section
    from pytest_tinyquant.schemes.scheme import Scheme
    from pytest_tinyquant.support.runtimes import Runtime


@pytest.hookspec
def pytest_tinyquant_metrics(config: pytest.Config) -> Iterable[MetricSpec] | None:
    """Return metrics beside the built-in ones; called once, before anything is read.

    A board has such a metric once the ``metrics`` of its table in boards.toml name it, and a test
    named after it (``test_heat``) judges it. How a metric is described stands in
    :mod:`pytest_tinyquant.metrics.registry`.
    """


@pytest.hookspec
def pytest_tinyquant_kinds(config: pytest.Config) -> Iterable[Kind] | None:
    """Return kinds of boards beside the built-in ones; called once, before anything is read.

    A board is of such a kind by ``kind = "NAME"`` in its table. How a kind is written stands in
    :mod:`pytest_tinyquant.boards.cores.core`.
    """


@pytest.hookspec
def pytest_tinyquant_runtimes(config: pytest.Config) -> Iterable[Runtime] | None:
    """Return runtimes beside the built-in ones; called once, before anything is read.

    A board has such a runtime by ``runtime = "NAME"`` in its table. How a runtime is written stands
    in :mod:`pytest_tinyquant.firmware.runtimes.runtime`.
    """


@pytest.hookspec
def pytest_tinyquant_boards(config: pytest.Config) -> Iterable[Path] | None:
    """Return boards.toml files beside the project's, each of which must exist.

    They are read after the built-in boards and before the project's own file, which can change
    single keys of theirs; paths in them are relative to them.
    """


@pytest.hookspec
def pytest_tinyquant_schemes(config: pytest.Config) -> Iterable[Path] | None:
    """Return schemes.toml files beside the project's, each of which must exist.

    They are read after the built-in schemes and before the project's own file, which can build on
    theirs; paths in them are relative to them.
    """


@pytest.hookspec
def pytest_tinyquant_report(
    config: pytest.Config, measurements: Sequence[Measurement], verdicts: Sequence[Verdict]
) -> Iterable[Section] | None:
    """Return sections to add to every report of the run; called once, when all tests have run.

    :param measurements: what was measured in this run, by whichever process.
    :param verdicts: what the tests said of it.
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
