"""Command-line options about other revisions and other runs."""

from __future__ import annotations

import pytest


DEFAULT_HISTORY = "tinyquant-history.sqlite"


def add_comparisons(group: pytest.OptionGroup) -> None:
    """Register the options about other revisions and other runs."""
    group.addoption(
        "--tq-ab",
        metavar="A[..B]",
        default="",
        help="Measure two sides in turns and judge B by A instead of by baselines. A side is a git "
        "revision or a directory of kernels; B is the working tree by default.",
    )
    group.addoption(
        "--tq-history",
        nargs="?",
        const=DEFAULT_HISTORY,
        metavar="PATH",
        help=f"Append what the run measures to this SQLite file (default: {DEFAULT_HISTORY}).",
    )
    group.addoption(
        "--tq-creep",
        metavar="REV",
        help="Judge the sum of all changes since this revision's baselines, such as a release.",
    )
    group.addoption(
        "--tq-creep-limit",
        action="append",
        default=[],
        metavar="METRIC:SLACK",
        help="How much a metric may have grown since then; may be given several times.",
    )
    group.addoption(
        "--tq-creep-action",
        choices=("fail", "warn"),
        default="fail",
        help="What growth beyond that does: fail the test (default), or warn.",
    )
