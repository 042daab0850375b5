"""Hooks of the process that talks to the user: with pytest-xdist, the one without tests."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from pytest_tinyquant.report.beside import TROUBLES
from pytest_tinyquant.report.beside import Beside
from pytest_tinyquant.session.plugins import is_implemented
from pytest_tinyquant.session.run import BOARDS_DIR


if TYPE_CHECKING:
    from pytest_tinyquant.report.results import Results
    from pytest_tinyquant.session.canary import Sighting
    from pytest_tinyquant.session.run import Run
    from pytest_tinyquant.system.database_url import DatabaseUrl


_CRASH = "???"
"""The phase in which pytest-xdist reports the test that a worker died in."""


class Controller:
    """Gathers the results and tells them."""

    def __init__(self, config: pytest.Config, run: Run) -> None:
        self._config = config
        self._run = run
        self._results: Results | None = None
        self._silent: tuple[str, ...] = ()
        self._session: pytest.Session | None = None
        self._beside = Beside()
        self._started = time.time()

    @property
    def results(self) -> Results:
        """The results so far."""
        if self._results is None:
            from pytest_tinyquant.report.results import Results

            self._results = Results()
        return self._results

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note what is to run in this process."""
        if self._run.is_selected:
            self.results.expect(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        """Note what is to run in the workers."""
        self.results.expect(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in a report, from here or from a worker."""
        self._beside.add(*getattr(report, TROUBLES, ()))
        with self._beside.guarded(report.nodeid):
            self.results.add(report)
            if report.when == _CRASH and self._run.is_selected:
                self.results.add_crash(report, self._run.combinations)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Look at the bench before and after the tests, and show what is being done."""
        if self._config.option.collectonly or not self._run.is_selected:
            return (yield)
        from pytest_tinyquant.report.bench import look_after
        from pytest_tinyquant.report.bench import look_before

        before: list[Sighting] = []
        with self._progress():
            with self._beside.guarded("the bench before the run"):
                before = look_before(session, self._run)
            result = yield
            with self._beside.guarded("the bench after the run"):
                look_after(session, self._run, self.results, before)
        return result

    def _progress(self) -> contextlib.AbstractContextManager[None]:
        """Return the context in which the progress is shown; a quiet run shows none."""
        if self._config.get_verbosity() < 0 or not self._run.settings.progress_interval:
            return contextlib.nullcontext()
        from pytest_tinyquant.report.live import shown

        return shown(self._config, self._run, self.results)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write baselines and reports, and let no run pass that left out what it was to do."""
        if self._config.option.collectonly:
            return
        self._session = session
        settings = self._run.settings
        if settings.records and self._run.is_selected:
            with self._beside.guarded("baselines"):
                self._record_baselines()
        with self._beside.guarded("the failures' text"):
            self._shorten_repeated()
        if self._results is not None:
            self._add_sections(self._results)
        if settings.wants_files:
            from pytest_tinyquant.report.files import write_files

            write_files(self.results, self._run, self._beside)
        if settings.history is not None:
            with self._beside.guarded("--tq-history"):
                self._append_history(settings.history, session)
        if self._results is not None and self._results.unreported:
            self._silent = self._results.silent(c.id for c in self._run.combinations)
        self._fail_if(bool(self._silent or self._beside.troubles))
        if not self._config.pluginmanager.hasplugin("terminalreporter"):
            for trouble in self._beside.troubles:
                print(f"tinyquant: {trouble}", file=sys.stderr)

    def _add_sections(self, results: Results) -> None:
        """Add what every report says beside the numbers, and what other plugins have to say."""
        from pytest_tinyquant.report.confusion import confusions
        from pytest_tinyquant.report.second_opinion import second_opinions

        if results.results:
            with self._beside.guarded("what stands beside the numbers"):
                measurements = self._run.outcomes.measurements()
                results.sections += [*second_opinions(measurements), *confusions(measurements)]
        if is_implemented(self._config, "pytest_tinyquant_report"):
            from pytest_tinyquant.report.plugin_sections import sections_of

            with self._beside.guarded("sections of plugins"):
                results.sections += sections_of(self._config, results, self._run)

    def _fail_if(self, incomplete: bool) -> None:
        """Make the exit status of a run that passed say that it is not complete."""
        if incomplete and self._session and self._session.exitstatus == pytest.ExitCode.OK:
            self._session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _record_baselines(self) -> None:
        """Record what tests judged that passed."""
        from pytest_tinyquant.system import scratch

        with scratch.beside(self._run.settings.baselines_dir, self._cache_directory()) as staging:
            problems = self._run.gate.record(self.results.recordable, staging=staging)
        for board in sorted(self.results.distrusted):
            self._beside.add(
                f"no baseline of {board} was recorded: by the canary, its numbers of this run "
                "cannot be trusted"
            )
        self._beside.add(*problems)

    def _cache_directory(self) -> list[Path]:
        """Return a directory in pytest's cache, if there is one."""
        cache = getattr(self._config, "cache", None)
        if cache is not None:
            with contextlib.suppress(OSError):
                return [cache.mkdir("tinyquant-staging")]
        return []

    def _shorten_repeated(self) -> None:
        """Tell each cause once on the terminal."""
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None and self._results is not None:
            from pytest_tinyquant.report.repeated import shorten_repeated

            shorten_repeated([*terminal.getreports("error"), *terminal.getreports("failed")])

    def _append_history(self, place: Path | DatabaseUrl, session: pytest.Session) -> None:
        """Append the run to its history."""
        from pytest_tinyquant.history.record import append_run

        append_run(
            place,
            self._run.settings.root,
            self._run.outcomes.measurements(),
            [verdict for result in self.results.results for verdict in result.verdicts],
            started=self._started,
            passed=session.exitstatus == pytest.ExitCode.OK,
            cache_root=self._run.project.cache_root,
        )

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell the verdicts, and even in a quiet run what was left out."""
        from pytest_tinyquant.report.tell import tell

        if self._silent:
            tell(
                terminalreporter,
                f"tinyquant: selected tests that did not run: {len(self._silent)}, "
                f"the first of them {self._silent[0]}",
                red=True,
            )
        with self._beside.guarded("the boards' health"):
            self._tell_of_boards(terminalreporter)
        with self._beside.guarded("the summary"):
            self._tell_verdicts(terminalreporter)
        for trouble in self._beside.troubles:
            tell(terminalreporter, f"tinyquant: {trouble}", red=True)
        self._fail_if(bool(self._beside.troubles))

    def _tell_verdicts(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._results is None or self._config.get_verbosity() < 0:
            return
        if self._results.results:
            from pytest_tinyquant.report.terminal import show

            told_all = self._config.get_verbosity() > 0
            show(terminalreporter, self._results, self._run, show_all=told_all)
            if self._run.paired is not None:
                from pytest_tinyquant.report.paired import show_pairs

                show_pairs(terminalreporter, self._results, self._run.paired.description)

    def _tell_of_boards(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell, even in a quiet run, which real boards it went on without."""
        if not (self._run.work_dir / BOARDS_DIR).is_dir():
            return
        from pytest_tinyquant.boards.bench.set_aside import cause
        from pytest_tinyquant.report.tell import tell

        for record in self._run.health.set_aside():
            tell(terminalreporter, f"tinyquant: board {cause(record)}", red=True)
        for record in self._run.health.switched():
            tell(
                terminalreporter,
                f"tinyquant: board {record.name}: kept failing, was switched off "
                "and on, and is in use again",
            )
