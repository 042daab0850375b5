"""The hooks by which pytest knows this plugin; what they do lives in the modules they import."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING
from typing import Any

import pytest

from pytest_tinyquant.report.controller import Controller
from pytest_tinyquant.session.add_options import add_options
from pytest_tinyquant.session.fixtures import JUDGED
from pytest_tinyquant.session.fixtures import baseline
from pytest_tinyquant.session.fixtures import board
from pytest_tinyquant.session.fixtures import converted_model
from pytest_tinyquant.session.fixtures import firmware_image
from pytest_tinyquant.session.fixtures import flashed_device
from pytest_tinyquant.session.fixtures import measurement
from pytest_tinyquant.session.fixtures import model
from pytest_tinyquant.session.fixtures import scheme
from pytest_tinyquant.session.plugins import register_all
from pytest_tinyquant.session.plugins import unregister_all
from pytest_tinyquant.session.run import RUN
from pytest_tinyquant.session.run import Run


if TYPE_CHECKING:
    from pytest_tinyquant.errors import TinyQuantError
    from pytest_tinyquant.measure.measurement import Measurement
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.schemes.scheme import Scheme

__all__ = [
    "baseline",
    "board",
    "converted_model",
    "firmware_image",
    "flashed_device",
    "measurement",
    "model",
    "scheme",
]

SETUP_ERROR: pytest.StashKey[TinyQuantError] = pytest.StashKey()

_MARKER = (
    "tinyquant(models=, schemes=, boards=, metrics=, tolerance={}): narrow the combinations of a "
    "test, say which metrics it judges, or allow them to grow."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the options."""
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the hooks that others may implement."""
    from pytest_tinyquant import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """Refuse a run that pytest takes for another project's, before anything of it is loaded.

    A conftest.py that adds an option of ours once more is told so.
    """
    from pytest_tinyquant.session.command_line import check_root

    check_root(early_config)
    try:
        return (yield)
    except ValueError as error:
        from pytest_tinyquant.session.option_clash import check_clash

        check_clash(error)
        raise


def pytest_configure(config: pytest.Config) -> None:
    """Read the options; the process that talks to the user also gathers the results."""
    config.addinivalue_line("markers", _MARKER)
    run = config.stash[RUN] = Run(config)
    if not run.is_worker:
        config.pluginmanager.register(Controller(config, run), "tinyquant-controller")
    register_all(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what the run left in its scratch directory."""
    unregister_all(config)
    run = config.stash.get(RUN, None)
    if run is not None:
        run.close()
    if run is not None and not run.is_worker and run.work_dir.exists():
        import shutil

        shutil.rmtree(run.work_dir, ignore_errors=True)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist what it shares with the others."""
    node.workerinput.update(node.config.stash[RUN].worker_input())


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Check the project's files, before anything is collected."""
    from pytest_tinyquant.session.opening import check_configuration
    from pytest_tinyquant.session.opening import open_run

    run = session.config.stash[RUN]
    open_run(run)
    if run.concerns_project:
        from pytest_tinyquant.session import passed_over

        check_configuration(run)
        run.live()
        passed_over.warn(session.config, run)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is selected, how its boards are reached and what builds their firmware."""
    run = config.stash[RUN]
    if not run.concerns_project:
        return []
    from pytest_tinyquant.session.heading import header
    from pytest_tinyquant.system.plain_text import harmless

    return [harmless(line, one_line=True) for text in header(run) for line in text.split("\n")]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Generate a test's combinations."""
    if not {"model", "scheme", "board"} & set(metafunc.fixturenames):
        return
    from pytest_tinyquant.errors import ConfigurationError
    from pytest_tinyquant.session.collection import parametrize

    run = metafunc.config.stash[RUN]
    try:
        parametrize(metafunc, run)
    except ConfigurationError as error:
        # Raised here it would be one collection error among others, with a traceback.
        run.usage_error = run.usage_error or error


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Report a wrong configuration, and take out tests for which nothing is selected."""
    run = config.stash[RUN]
    if run.usage_error is not None:
        from pytest_tinyquant.session.opening import refused

        raise refused(run.usage_error)
    if not run.is_selected:
        return
    from pytest_tinyquant.session.collection import by_combination
    from pytest_tinyquant.session.collection import without_nothing

    kept, empty = without_nothing(items)
    if empty:
        config.hook.pytest_deselected(items=empty)
        items[:] = kept
    if run.is_worker:
        items[:] = by_combination(items)


@pytest.hookimpl(trylast=True)
def pytest_tinyquant_measure(
    config: pytest.Config, model: Model, scheme: Scheme, board: Board
) -> Measurement:
    """Measure a combination for real."""
    from pytest_tinyquant.project.case import Case

    run, case = config.stash[RUN], Case(model, scheme, board)
    if run.paired is not None:
        return run.paired.measure(case)
    return run.stages.measure(case)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Keep an error about the model for the call: it is the test's result, not its set-up's."""
    from pytest_tinyquant.errors import BenchError
    from pytest_tinyquant.errors import TinyQuantError

    try:
        return (yield)
    except BenchError:
        raise
    except TinyQuantError as error:
        item.stash[SETUP_ERROR] = error
        return None


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail with the error that set-up met, in place of the test's body, or if that says nothing."""
    error = item.stash.get(SETUP_ERROR, None)
    if error is not None:
        raise error
    yield
    judged = item.stash.get(JUDGED, None)
    if judged is not None:
        from pytest_tinyquant.session.judged import shortcoming

        text = shortcoming(item, judged)
        if text:
            pytest.fail(text, pytrace=False)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the verdicts into the report, and plain words in place of tracebacks."""
    from pytest_tinyquant.report.beside import TROUBLES
    from pytest_tinyquant.report.beside import Beside
    from pytest_tinyquant.report.item import complete
    from pytest_tinyquant.report.item import plainly_told
    from pytest_tinyquant.report.item import prepare

    beside = Beside()
    with beside.guarded(item.nodeid):
        prepare(item, call)
    with plainly_told(call):
        report = yield
    with beside.guarded(item.nodeid):
        complete(report, item, call)
    if beside.troubles:
        setattr(report, TROUBLES, beside.troubles)
    return report
