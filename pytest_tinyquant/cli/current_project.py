"""The project that a command line outside of pytest is about."""

from __future__ import annotations

import os
from pathlib import Path

from pytest_tinyquant.boards.bench.attached import attached
from pytest_tinyquant.project.project import Project
from pytest_tinyquant.project.project import load_project
from pytest_tinyquant.project.settings import EXTRA_MODELS_VARIABLE
from pytest_tinyquant.project.settings import Settings
from pytest_tinyquant.project.settings import extra_models


def current_project(
    model: str = "", *, work_dir: Path | None = None, settings: Settings | None = None
) -> Project:
    """Return the project of the current directory.

    :param model: the path of a model beside the project's own; any other text means none.
    :param work_dir: for files that running a model leaves; None if none is run.
    :param settings: what pytest was told about the project; None if nothing.
    :raises ConfigurationError: a file of it says something impossible.
    """
    settings = settings or default_settings()
    # A command names its own models, schemes and boards: a run's selection is none of its business.
    chosen = (model,) if model else ()
    settings = settings._replace(models=chosen, schemes=(), boards=())
    return load_project(settings, work_dir or settings.root, look=attached)


def default_settings() -> Settings:
    """Return the settings of a project that says nothing about itself."""
    root = _root(Path.cwd())
    return Settings(
        root=root,
        models_dir=root / Settings.default("models_dir"),
        baselines_dir=root / Settings.default("baselines_dir"),
        extra_models=extra_models(os.environ.get(EXTRA_MODELS_VARIABLE, "")),
    )


def _root(start: Path) -> Path:
    """Return the nearest directory above `start` that has a models folder, else `start`."""
    for directory in (start, *start.parents):
        if (directory / Settings.default("models_dir")).is_dir():
            return directory
    return start
