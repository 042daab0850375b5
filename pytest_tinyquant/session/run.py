"""What one run of pytest shares between its hooks, its fixtures and its worker processes."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Iterable
from functools import cached_property
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from pytest_tinyquant.errors import located
from pytest_tinyquant.session.options import read_settings


if TYPE_CHECKING:
    from pytest_tinyquant.baselines.judge import Judge
    from pytest_tinyquant.boards.bench.pool import Pool
    from pytest_tinyquant.boards.bench.set_aside import BoardHealth
    from pytest_tinyquant.boards.farm.farm import Farm
    from pytest_tinyquant.history.creep import Release
    from pytest_tinyquant.paired.session import PairedRun
    from pytest_tinyquant.project.bench import PhysicalBoard
    from pytest_tinyquant.project.case import Case
    from pytest_tinyquant.project.project import Project
    from pytest_tinyquant.session.canary import Canary
    from pytest_tinyquant.stages.journal import RunJournal
    from pytest_tinyquant.stages.outcomes import OutcomeStore
    from pytest_tinyquant.stages.pipeline import EstimateCycles
    from pytest_tinyquant.stages.pipeline import Stages
    from pytest_tinyquant.system.progress import Progress
    from pytest_tinyquant.system.scratch import Scratch

WORKER_KEY = "tinyquant_work_dir"
ATTACHED_KEY = "tinyquant_attached"
BOARDS_DIR = "boards"


def look_for_boards(bench: Iterable[PhysicalBoard]) -> Iterable[PhysicalBoard]:
    """Return the boards of `bench` that are attached; the debugger's library is imported now."""
    from pytest_tinyquant.boards.bench.attached import attached

    return attached(bench)


class Run:
    """One run of pytest, seen from one of its processes; everything is made when first used."""

    def __init__(self, config: pytest.Config) -> None:
        self.settings = read_settings(config)
        worker_input = getattr(config, "workerinput", None)
        self.is_worker = worker_input is not None
        name = f"tinyquant-{os.urandom(8).hex()}"
        self.work_dir = Path((worker_input or {}).get(WORKER_KEY) or _temporary_root() / name)
        self._attached: list[str] | None = (worker_input or {}).get(ATTACHED_KEY)
        self._said: list[str] = (worker_input or {}).get("mainargv", sys.argv)[1:]
        self.usage_error: Exception | None = None
        self.scratch: Scratch | None = None
        self.notes: list[str] = []

    @property
    def command(self) -> str:
        """The command line, as others may read it."""
        from pytest_tinyquant.system.database_url import hide_password

        return shlex.join(["pytest", *(hide_password(argument) for argument in self._said)])

    @cached_property
    def project(self) -> Project:
        """The project, read from its files."""
        from pytest_tinyquant.project.project import load_project

        return load_project(
            self.settings, self.work_dir, attached=self._attached, look=look_for_boards
        )

    @cached_property
    def combinations(self) -> tuple[Case, ...]:
        """What the user selected."""
        from pytest_tinyquant.session.matrix import select

        return select(self.project, self.settings)

    @property
    def is_selected(self) -> bool:
        """Whether anybody asked what is selected: otherwise the run is about other tests."""
        return self._made("combinations") is not None

    def _made(self, name: str) -> Any:
        """Return what was made when it was first used; None if nobody used it."""
        return vars(self).get(name)

    @cached_property
    def stages(self) -> Stages:
        """The way a model takes to its measurement."""
        from pytest_tinyquant.stages.pipeline import Stages

        return Stages(
            self.project,
            device_timeout=self.settings.timeout,
            pool=self.pool,
            progress=self.progress,
            journal=self.journal,
            estimate_cycles=self._estimate_cycles(),
            recording=self.settings.records,
        )

    def _estimate_cycles(self) -> EstimateCycles:
        """Return whether to estimate cycles; an A/B run has no use for estimates."""
        if self.settings.ab:
            return "never"
        return "always" if self.settings.estimate_cycles else "cheap"

    @cached_property
    def journal(self) -> RunJournal | None:
        """What an interrupted run of this project measured; an A/B run keeps nothing."""
        if self.settings.ab:
            return None
        from pytest_tinyquant.stages.journal import RunJournal
        from pytest_tinyquant.stages.journal import journal_directory

        return RunJournal(
            journal_directory(self.settings.root),
            self.work_dir.name,
            resume=self.settings.resume,
        )

    @cached_property
    def canary(self) -> Canary | None:
        """The combination that is measured before and after; None without one."""
        if not self.settings.canary:
            return None
        from pytest_tinyquant.session.canary import Canary

        boards = dict.fromkeys(combination.board for combination in self.combinations)
        return Canary(self.settings.canary, self.stages, tuple(boards))

    @cached_property
    def pool(self) -> Pool:
        """The real boards, leased for one measurement at a time."""
        from pytest_tinyquant.boards.bench.lease import LeaseDirectory
        from pytest_tinyquant.boards.bench.pool import PROGRESS_SECONDS
        from pytest_tinyquant.boards.bench.pool import Pool

        return Pool(
            LeaseDirectory(),
            self.health,
            command=self.command,
            timeout=self.settings.lease_timeout,
            tell=self.progress.say,
            progress_seconds=self.settings.progress_interval or PROGRESS_SECONDS,
            farm=self.farm,
        )

    @cached_property
    def farm(self) -> Farm | None:
        """The places of labgrid that this run may hold; None if the bench has no such rows."""
        if not any(physical.labgrid for physical in self.project.bench):
            return None
        from pytest_tinyquant.boards.bench.lease import LeaseDirectory
        from pytest_tinyquant.boards.farm.farm import Farm

        timeout = self.settings.lease_timeout
        tell = partial(self.progress.say, "labgrid")
        return Farm(self.work_dir, LeaseDirectory().root, timeout=timeout, tell=tell)

    @cached_property
    def health(self) -> BoardHealth:
        """How the real boards do in this run, shared with the other workers."""
        from pytest_tinyquant.boards.bench.set_aside import BoardHealth

        return BoardHealth(self.work_dir / BOARDS_DIR, limit=self.settings.set_aside_after)

    @cached_property
    def progress(self) -> Progress:
        """Where this process notes what it does."""
        from pytest_tinyquant.system.progress import Progress

        return Progress(self.progress_path)

    @property
    def progress_path(self) -> Path:
        """The file in which every process of this run notes what it does."""
        return self.work_dir / "progress.jsonl"

    @cached_property
    def outcomes(self) -> OutcomeStore:
        """Measurements and typed errors of this run, shared with the other workers."""
        from pytest_tinyquant.stages.outcomes import OutcomeStore

        return OutcomeStore(self.work_dir / "outcomes")

    @cached_property
    def paired(self) -> PairedRun | None:
        """The two sides of an A/B run; None for any other run."""
        if not self.settings.ab:
            return None
        from pytest_tinyquant.paired.session import PairedRun
        from pytest_tinyquant.paired.session import choose_sides

        sides = choose_sides(self.settings.ab, self.settings.root)
        return PairedRun(sides, self.stages, self.settings, self.work_dir)

    @cached_property
    def gate(self) -> Judge:
        """The judge: over the project's baselines, or over the other side of an A/B run."""
        if self.paired is not None:
            from pytest_tinyquant.paired.gate import PairedGate

            return PairedGate(self.paired, self.project.baselines_dir, self.project.tolerance)
        from pytest_tinyquant.baselines.gate import Gate

        return Gate(
            self.project.baselines_dir,
            proposals=self.work_dir / "proposals",
            missing=self.settings.missing,
            update=None if self.settings.update == "none" else self.settings.update,
            tolerances=self.project.tolerance,
        )

    @cached_property
    def release(self) -> Release | None:
        """The baselines that growth is counted from; None if nobody asked, or in an A/B run."""
        if not self.settings.creep_since or self.settings.ab:
            return None
        from pytest_tinyquant.history.creep import Release
        from pytest_tinyquant.metrics.tolerances import parse_ini

        limits: dict[str, Any] = {}
        with located("--tq-creep-limit"):
            for line in self.settings.creep_limit:
                limits |= parse_ini([line])
        return Release(self.settings.creep_since, self.project.baselines_dir, limits)

    def close(self) -> None:
        """End the processes that this one started for the run, and leave its journal."""
        paired = self._made("paired")
        if paired is not None:
            paired.close()
        journal = self._made("journal")
        if journal is not None:
            journal.close()
        self._leave_farm()
        if self.scratch is not None:
            self.scratch.close()

    def live(self) -> None:
        """Let the farm see that this run lives; a worker leaves that to the controller."""
        if self.is_worker or self._made("project") is None or self.farm is None:
            return
        self.farm.live()

    def _leave_farm(self) -> None:
        """Give back what any process of the run holds; a worker leaves that to the controller."""
        if self.is_worker or self._made("project") is None or self.farm is None:
            return
        from pytest_tinyquant.errors import TinyQuantError

        try:
            self.farm.close()
        except TinyQuantError as error:
            print(f"tinyquant: {error}; the next run gives it back", file=sys.stderr)

    def worker_input(self) -> dict[str, object]:
        """Return what a worker must not find out for itself: every worker has to agree on it."""
        values: dict[str, object] = {WORKER_KEY: str(self.work_dir)}
        if self._made("project") is not None:
            values[ATTACHED_KEY] = sorted(self.project.attached)
        return values

    @property
    def concerns_project(self) -> bool:
        """Tell whether there is anything here that the run could be about."""
        return self.settings.explicit or self.has_own_files or self.settings.models_dir.is_dir()

    @property
    def has_own_files(self) -> bool:
        """Tell whether the project has files that no other tool would leave there."""
        own = (
            self.settings.root / "boards.toml",
            self.settings.models_dir / "known_issues.toml",
        )
        return any(map(os.path.lexists, own))


RUN: pytest.StashKey[Run] = pytest.StashKey()


def _temporary_root() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except OSError:
        # No directory can be written. Whoever needs one says so; most runs of pytest do not.
        return Path("/tmp")
