"""Looks before the first test whether what the run is to write can be written at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.system.atomic import is_stream


if TYPE_CHECKING:
    from pytest_tinyquant.project.settings import Settings

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"


def check_writable(settings: Settings) -> None:
    """Check whatever the user asked the run to write.

    :raises ConfigurationError: for what certainly cannot be written. A disk may still fill up and
        a directory go until the end of the run.
    """
    files = {
        "--tq-json": settings.json_path,
        "--tq-html": settings.html_path,
        "--tq-markdown": settings.markdown_path,
        "--tq-history": settings.history if isinstance(settings.history, Path) else None,
        "--tq-github-summary": _summary() if settings.github_summary else None,
    }
    for option, path in files.items():
        if path is not None:
            _check_file(option, path)
    if settings.update != "none":
        _check_directory("--tq-update-baselines", settings.baselines_dir)
    elif settings.missing == "record":
        _check_directory("--tq-missing-baseline", settings.baselines_dir)


def _summary() -> Path:
    """Return the file of the job's summary."""
    name = os.environ.get(SUMMARY_VARIABLE, "")
    if not name:
        raise ConfigurationError(
            f"--tq-github-summary: ${SUMMARY_VARIABLE} is not set, so this is no step of a GitHub "
            "workflow; use --tq-markdown=FILE"
        )
    return Path(name)


def _check_file(option: str, path: Path) -> None:
    if path.is_dir():
        raise ConfigurationError(f"{option}: {path} cannot be written: it is a directory")
    if not is_stream(path):
        _check_directory(option, Path(os.path.realpath(path)).parent, path)


def _check_directory(option: str, directory: Path, wanted: Path | None = None) -> None:
    """Make a file in a directory, or in the nearest one above it that exists, and delete it."""
    while not os.path.lexists(directory) and directory != directory.parent:
        directory = directory.parent
    try:
        with tempfile.TemporaryFile(dir=directory):
            return
    except OSError as error:
        raise ConfigurationError(
            f"{option}: {wanted or directory} cannot be written: {directory}: "
            f"{error.strerror or error}"
        ) from error
