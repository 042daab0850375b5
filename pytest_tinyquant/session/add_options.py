"""The command-line options and ini keys of the plugin."""

from __future__ import annotations

from typing import Literal
from typing import cast

import pytest


DEFAULT_HISTORY = "tinyquant-history.sqlite"
INI_KEYS = {
    "tinyquant_models": ("args", "Models to run by default: names or globs"),
    "tinyquant_schemes": ("args", "Schemes to run by default"),
    "tinyquant_boards": ("args", "Boards to run by default"),
    "tinyquant_baselines": ("string", "Directory of the baselines (default: baselines)"),
    "tinyquant_models_dir": ("string", "Directory of the models (default: models)"),
    "tinyquant_canary": ("string", "MODEL-SCHEME measured before and after, on each real board"),
    "tinyquant_set_aside_after": (
        "string",
        "Failures in a row after which a board is out (default: 3)",
    ),
    "tinyquant_tolerance": ("linelist", "METRIC:SLACK, one a line"),
    "tinyquant_limit": ("linelist", "METRIC:LIMIT that holds for every model, one a line"),
    "tinyquant_creep": ("string", "Revision that --tq-creep names by default"),
    "tinyquant_creep_limit": ("linelist", "METRIC:SLACK of growth since it, one a line"),
}


def add_options(parser: pytest.Parser) -> None:
    """Register every option and ini key of the plugin."""
    group = parser.getgroup("tinyquant", "model x scheme x board experiments")
    _add_selection(group)
    _add_baselines(group)
    _add_running(group)
    _add_reports(group)
    _add_comparisons(group)
    for key, (kind, meaning) in INI_KEYS.items():
        parser.addini(key, meaning, type=cast("Literal['args', 'string', 'linelist']", kind))


def _add_selection(group: pytest.OptionGroup) -> None:
    """Register the options that say which combinations run, and where."""
    for name, meaning in (
        ("model", "models: names, shell globs, or the path of a .tflite or .keras file"),
        ("scheme", "quantization schemes"),
        ("board", "boards"),
    ):
        group.addoption(
            f"--{name}",
            action="append",
            default=[],
            metavar=f"{name.upper()}[,...]",
            help=f"Run only these {meaning}; may be given several times.",
        )
    group.addoption(
        "--tq-target",
        choices=("auto", "emulator", "hardware"),
        default="auto",
        help="Where boards run: auto (default) takes a board that is attached, else its emulator.",
    )


def _add_baselines(group: pytest.OptionGroup) -> None:
    """Register the options about baselines and how strictly they judge."""
    group.addoption(
        "--tq-update-baselines",
        nargs="?",
        choices=("new", "all"),
        const="new",
        default="none",
        help="Write baselines: new (default) only missing ones, all whatever was measured.",
    )
    group.addoption(
        "--tq-missing-baseline",
        choices=("fail", "record", "skip"),
        default="fail",
        help="What a combination without a baseline does: fail (default), record it, or skip.",
    )
    group.addoption(
        "--tq-tolerance",
        action="append",
        default=[],
        metavar="METRIC:SLACK",
        help="Allow a metric to grow, such as latency:1%% or ram:64; may be given several times.",
    )


def _add_running(group: pytest.OptionGroup) -> None:
    """Register the options about time, devices and what is kept between runs."""
    group.addoption(
        "--tq-timeout",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="Time limit of one run on a board (default: 600).",
    )
    group.addoption(
        "--tq-lease-timeout",
        type=float,
        default=900.0,
        metavar="SECONDS",
        help="Time to wait for a real board that others hold (default: 900).",
    )
    group.addoption(
        "--tq-resume",
        action="store_true",
        help="Take up the outcomes of a run that was interrupted less than a day ago, each only "
        "for the very same image and board.",
    )
    group.addoption(
        "--tq-canary",
        metavar="MODEL-SCHEME",
        default="",
        help="Measure this before and after the run on each real board; if it drifts, that is "
        "trouble with the bench and no regression.",
    )
    group.addoption(
        "--tq-estimate-cycles",
        action="store_true",
        help="Show the estimated cycles of all inferences, by operator for a few, and estimate "
        "those of the emulated rx65n, too; estimates are reported, never judged or kept.",
    )
    group.addoption(
        "--tq-cache-dir",
        metavar="DIR",
        help="Directory of converted models and built firmware (default: the user's cache).",
    )


def _add_reports(group: pytest.OptionGroup) -> None:
    """Register the options that say how a run reports."""
    group.addoption(
        "--tq-json",
        metavar="PATH",
        help="Write every verdict, measured number and error of the run to this JSON file.",
    )
    group.addoption(
        "--tq-html",
        metavar="PATH",
        help="Write the run's report, with figures and a page per combination, to this HTML file.",
    )
    group.addoption(
        "--tq-markdown",
        metavar="PATH",
        help="Write a summary of the run to this Markdown file.",
    )
    group.addoption(
        "--tq-github-summary",
        action="store_true",
        help="Append that summary to the file that $GITHUB_STEP_SUMMARY names.",
    )
    group.addoption(
        "--tq-progress",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="Without a terminal, print a progress line this often (default: 30; 0 for never).",
    )


def _add_comparisons(group: pytest.OptionGroup) -> None:
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
