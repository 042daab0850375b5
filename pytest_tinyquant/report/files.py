"""The files that a run leaves for readers: JSON, HTML and Markdown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest


if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_tinyquant.report.results import Results
    from pytest_tinyquant.session.run import Run


def write_files(results: Results, run: Run) -> None:
    """Write whichever files the user asked for; their directories are made if need be.

    :raises pytest.UsageError: for the first that cannot be written.
    """
    settings = run.settings
    if settings.json_path is not None:
        from pytest_tinyquant.report.json_file import text

        _write("--tq-json", settings.json_path, lambda: text(results, run))
    if settings.html_path is not None:
        from pytest_tinyquant.report.html.page import page

        _write("--tq-html", settings.html_path, lambda: page(results, run))
    if settings.markdown_path is not None:
        _write("--tq-markdown", settings.markdown_path, lambda: _markdown(results, run))
    if settings.github_summary:
        _append_github_summary(_markdown(results, run))


def _markdown(results: Results, run: Run) -> str:
    from pytest_tinyquant.report.choosing import choices_of
    from pytest_tinyquant.report.markdown import markdown

    found = choices_of(run) if results.results else ()
    return markdown(results, run.summary(), found)


def _write(option: str, path: Path, text: Callable[[], str]) -> None:
    from pytest_tinyquant.system.atomic import write_text

    try:
        write_text(path, text())
    except OSError as error:
        raise pytest.UsageError(f"{option}: {path} cannot be written: {error.strerror}") from error


def _append_github_summary(text: str) -> None:
    """Append to the job's summary, which other steps of the job write to as well."""
    from pytest_tinyquant.system.atomic import append_bytes

    name = os.environ.get("GITHUB_STEP_SUMMARY", "")
    if not name:
        raise pytest.UsageError(
            "--tq-github-summary: $GITHUB_STEP_SUMMARY is not set, so this is no step of a GitHub "
            "workflow; use --tq-markdown=FILE"
        )
    try:
        append_bytes(Path(name), text.encode())
    except OSError as error:
        raise pytest.UsageError(
            f"--tq-github-summary: {name} cannot be written: {error.strerror}"
        ) from error
