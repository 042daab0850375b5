"""What the device said, in the report of a test that failed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final

import pytest

from pytest_tinyquant.session.run import RUN
from pytest_tinyquant.system.plain_text import harmless


if TYPE_CHECKING:
    from pytest_tinyquant.project.case import Case

SECTION: Final = "device log"
_DIRECTORY: Final = "tinyquant-device-logs"
_LINES: Final = 20
_WIDTH: Final = 160
_RESULT: Final = re.compile(r"#[0-9a-f]{4} [A-Z]+ ")


def attach(
    report: pytest.TestReport, item: pytest.Item, combination: Case, *, results: bool
) -> None:
    """Add the last lines that the combination's device said, and where all of them are kept.

    :param results: show its results too; who reads about a regression has them already.

    The whole log outlives the run in pytest's cache directory, one file for each combination; the
    next failing run replaces it. Without that plugin of pytest only the last lines are kept.
    """
    from pytest_tinyquant.boards.open import CONSOLE_LOG
    from pytest_tinyquant.boards.open import device_directory

    work_dir = item.config.stash[RUN].work_dir
    folders = [device_directory(work_dir, name) for name in (combination.id, item.name)]
    logs = [log for log in (folder / CONSOLE_LOG for folder in folders) if log.is_file()]
    if not logs:
        return
    lines = logs[0].read_text(encoding="ascii", errors="backslashreplace").splitlines()
    shown = [line for line in lines if results or not _RESULT.match(line)]
    plain = [harmless(line, one_line=True) for line in shown[-_LINES:]]
    text = [line if len(line) <= _WIDTH else f"{line[:_WIDTH]} ..." for line in plain]
    try:
        kept = _keep(logs[0], item.config)
        end = "" if kept is None else f"[{len(lines)} lines in all: {kept}]"
    except OSError as error:  # a checkout may be read-only
        end = f"[{len(lines)} lines in all, which could not be kept: {error}]"
    text += [harmless(end, one_line=True)] if end else []
    if text:
        report.sections.append((SECTION, "\n".join(text)))


def _keep(log: Path, config: pytest.Config) -> Path | None:
    """Copy the log to where it outlives the run; return the copy."""
    cache = getattr(config, "cache", None)
    if cache is None:
        return None
    kept: Path = cache.mkdir(_DIRECTORY) / f"{log.parent.name}.log"
    partial = kept.with_suffix(".partial")
    shutil.copyfile(log, partial)
    partial.replace(kept)
    return kept
