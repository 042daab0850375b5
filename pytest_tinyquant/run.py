"""What one run of pytest shares between its hooks, its fixtures and its worker processes."""

from __future__ import annotations

import os
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_tinyquant.options import read_settings


if TYPE_CHECKING:
    from pytest_tinyquant.baselines.gate import Gate
    from pytest_tinyquant.matrix import Combination
    from pytest_tinyquant.outcomes import OutcomeStore
    from pytest_tinyquant.pipeline import Stages
    from pytest_tinyquant.project import Project

WORKER_KEY = "tinyquant_work_dir"
ATTACHED_KEY = "tinyquant_attached"


class Run:
    """One run of pytest, seen from one of its processes; everything is made when first used."""

    def __init__(self, config: pytest.Config) -> None:
        self.settings = read_settings(config)
        worker_input = getattr(config, "workerinput", None)
        self.is_worker = worker_input is not None
        name = f"tinyquant-{os.urandom(8).hex()}"
        self.work_dir = Path((worker_input or {}).get(WORKER_KEY) or _temporary_root() / name)
        self._attached: list[str] | None = (worker_input or {}).get(ATTACHED_KEY)
        self.usage_error: Exception | None = None

    @cached_property
    def project(self) -> Project:
        """The project, read from its files."""
        from pytest_tinyquant.project import load_project

        return load_project(self.settings, self.work_dir, attached=self._attached)

    @cached_property
    def combinations(self) -> tuple[Combination, ...]:
        """What the user selected."""
        from pytest_tinyquant.matrix import select

        return select(self.project, self.settings)

    @cached_property
    def stages(self) -> Stages:
        """The way a model takes to its measurement."""
        from pytest_tinyquant.pipeline import Stages
        from pytest_tinyquant.progress import Progress

        return Stages(
            self.project,
            device_timeout=self.settings.timeout,
            progress=Progress(self.progress_path),
        )

    @property
    def progress_path(self) -> Path:
        """The file in which every process of this run notes what it does."""
        return self.work_dir / "progress.jsonl"

    @cached_property
    def outcomes(self) -> OutcomeStore:
        """Measurements and typed errors of this run, shared with the other workers."""
        from pytest_tinyquant.outcomes import OutcomeStore

        return OutcomeStore(self.work_dir / "outcomes")

    @cached_property
    def gate(self) -> Gate:
        """The judge over the project's baselines."""
        from pytest_tinyquant.baselines.gate import Gate

        return Gate(
            self.project.baselines_dir,
            journal=self.work_dir / "journal",
            missing=self.settings.missing,
            update=None if self.settings.update == "none" else self.settings.update,
            tolerances=self.project.tolerance,
        )

    def worker_input(self) -> dict[str, object]:
        """Return what a worker must not find out for itself: every worker has to agree on it."""
        values: dict[str, object] = {WORKER_KEY: str(self.work_dir)}
        if "project" in vars(self):
            values[ATTACHED_KEY] = sorted(self.project.attached)
        return values

    def check_configuration(self) -> None:
        """Read the project and the selection if the user has configured either.

        :raises pytest.UsageError: for anything that cannot be followed. Without any configuration
            the error waits for a test that needs the project: this may be someone else's
            repository, whose ``models/`` is none of ours.
        """
        from pytest_tinyquant.errors import ConfigurationError

        try:
            _ = self.combinations
        except ConfigurationError as error:
            if self.settings.explicit or self._has_own_files():
                raise pytest.UsageError(str(error)) from error

    def summary(self) -> str | None:
        """Return the selection in one line, None if this is no project of ours."""
        from pytest_tinyquant.errors import ConfigurationError
        from pytest_tinyquant.matrix import summary

        try:
            wanted = self.project.models or self.settings.explicit
            return summary(self.combinations, self.project) if wanted else None
        except ConfigurationError:
            return None

    @property
    def concerns_project(self) -> bool:
        """Tell whether there is anything here that the run could be about."""
        return self.settings.explicit or self._has_own_files() or self.settings.models_dir.is_dir()

    def _has_own_files(self) -> bool:
        """Tell whether the project has files that no other tool would leave there."""
        return (self.settings.root / "boards.toml").is_file() or (
            self.settings.models_dir / "known_issues.toml"
        ).is_file()


RUN: pytest.StashKey[Run] = pytest.StashKey()


def _temporary_root() -> Path:
    return Path(tempfile.gettempdir())
