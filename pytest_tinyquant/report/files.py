"""The files that a run leaves for readers: JSON, HTML and Markdown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_tinyquant.errors import ConfigurationError


if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_tinyquant.report.beside import Beside
    from pytest_tinyquant.report.results import Results
    from pytest_tinyquant.session.run import Run


def write_files(results: Results, run: Run, beside: Beside) -> None:
    """Write whichever files the user asked for; their directories are made if need be.

    :param beside: is told of those that cannot be written.
    """
    settings = run.settings
    wanted: tuple[tuple[str, Path | None, Callable[[Results, Run], str]], ...] = (
        ("--tq-json", settings.json_path, _json),
        ("--tq-html", settings.html_path, _html),
        ("--tq-markdown", settings.markdown_path, _markdown),
    )
    for option, path, text in wanted:
        if path is not None:
            with beside.guarded(option):
                _write(path, text(results, run))
    if settings.github_summary:
        with beside.guarded("--tq-github-summary"):
            _append_github_summary(_markdown(results, run))


def _json(results: Results, run: Run) -> str:
    from pytest_tinyquant.report.json_file import text

    return text(results, run)


def _html(results: Results, run: Run) -> str:
    from pytest_tinyquant.report.html.page import page

    return page(results, run)


def _markdown(results: Results, run: Run) -> str:
    from pytest_tinyquant.report.choosing import choices_of
    from pytest_tinyquant.report.markdown import markdown
    from pytest_tinyquant.report.published import read_all
    from pytest_tinyquant.session.heading import run_summary

    found = choices_of(run) if results.results else ()
    published = read_all(run.project.baselines_dir / "published") if found else ()
    return markdown(results, run_summary(run), found, published)


def _write(path: Path, text: str) -> None:
    from pytest_tinyquant.system.atomic import write_text

    try:
        write_text(path, text)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror}; make room there, or name another file"
        ) from error


def _append_github_summary(text: str) -> None:
    """Append to the job's summary, which other steps of the job write to as well."""
    from pytest_tinyquant.session.writable import SUMMARY_VARIABLE
    from pytest_tinyquant.system.atomic import append_bytes

    name = os.environ.get(SUMMARY_VARIABLE, "")
    try:
        append_bytes(Path(name), text.encode())
    except OSError as error:
        raise ConfigurationError(
            f"{name} cannot be written: {error.strerror}; use --tq-markdown=FILE instead"
        ) from error
