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


def current_project(model: str = "", *, work_dir: Path | None = None) -> Project:
    """Return the project of the current directory.

    :param model: the path of a model beside the project's own; any other text means none.
    :param work_dir: for files that running a model leaves; None if none is run.
    :raises ConfigurationError: a file of it says something impossible.
    """
    root = _root(Path.cwd())
    settings = Settings(
        root=root,
        models_dir=root / "models",
        baselines_dir=root / "baselines",
        extra_models=extra_models(os.environ.get(EXTRA_MODELS_VARIABLE, "")),
        models=(model,) if model else (),
    )
    return load_project(settings, work_dir or root, look=attached)


def _root(start: Path) -> Path:
    """Return the nearest directory above `start` that has a models folder, else `start`."""
    for directory in (start, *start.parents):
        if (directory / "models").is_dir():
            return directory
    return start
