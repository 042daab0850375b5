"""What the user asked for with command-line options, ini keys and the environment."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

import pytest

from pytest_tinyquant.project.settings import EXTRA_MODELS_VARIABLE
from pytest_tinyquant.project.settings import Settings
from pytest_tinyquant.project.settings import extra_models
from pytest_tinyquant.project.settings import split_names
from pytest_tinyquant.session.add_options import INI_KEYS
from pytest_tinyquant.session.plugins import brought_files


_LONGEST = 1_000_000
"""Seconds, eleven days and a half."""

_NO_WRITES = ("none", "fail")


def read_settings(config: pytest.Config) -> Settings:
    """Return what the user asked for; files are not looked at."""
    options = config.option
    root = config.rootpath
    ini = config.getini
    models = split_names(options.model)
    schemes = split_names(options.scheme)
    boards = split_names(options.board)
    _check_seconds("--tq-timeout", options.tq_timeout)
    _check_seconds("--tq-lease-timeout", options.tq_lease_timeout, least="0 or above")
    _check_seconds("--tq-progress", options.tq_progress, least="0 or above")
    _check_paired(options)
    return Settings(
        root=root,
        models_dir=root / (ini("tinyquant_models_dir") or "models"),
        baselines_dir=root / (ini("tinyquant_baselines") or "baselines"),
        extra_models=extra_models(os.environ.get(EXTRA_MODELS_VARIABLE, "")),
        board_files=brought_files(config, "pytest_tinyquant_boards"),
        scheme_files=brought_files(config, "pytest_tinyquant_schemes"),
        models=models or split_names(ini("tinyquant_models")),
        schemes=schemes or split_names(ini("tinyquant_schemes")),
        boards=boards or split_names(ini("tinyquant_boards")),
        target=options.tq_target,
        update=options.tq_update_baselines,
        missing=options.tq_missing_baseline,
        tolerance=tuple(options.tq_tolerance),
        ini_tolerance=tuple(ini("tinyquant_tolerance")),
        limits=tuple(ini("tinyquant_limit")),
        timeout=options.tq_timeout,
        lease_timeout=options.tq_lease_timeout,
        resume=options.tq_resume,
        canary=options.tq_canary or ini("tinyquant_canary"),
        estimate_cycles=options.tq_estimate_cycles,
        set_aside_after=_count(ini("tinyquant_set_aside_after") or "3"),
        cache_dir=_path(config, options.tq_cache_dir),
        json_path=_path(config, options.tq_json),
        ab=options.tq_ab,
        html_path=_path(config, options.tq_html),
        markdown_path=_path(config, options.tq_markdown),
        github_summary=options.tq_github_summary,
        progress_interval=options.tq_progress,
        history_path=_path(config, options.tq_history),
        creep_since=options.tq_creep or ini("tinyquant_creep"),
        creep_limit=(*ini("tinyquant_creep_limit"), *options.tq_creep_limit),
        creep_action=options.tq_creep_action,
        explicit=any((options.tq_ab, options.tq_history, options.tq_creep, models, schemes, boards))
        or options.tq_estimate_cycles
        or any(map(ini, INI_KEYS)),
    )


def _check_seconds(option: str, seconds: float, *, least: str = "above 0") -> None:
    """Refuse a time that no clock and no call of the system can take, such as nan or inf."""
    if seconds < 0 or (seconds == 0 and least == "above 0"):
        raise pytest.UsageError(f"{option} must be {least}, not {seconds:g}")
    if not seconds <= _LONGEST:
        raise pytest.UsageError(f"{option} must be {_LONGEST:,} at most, not {seconds:g}")


def _check_paired(options: Namespace) -> None:
    """Refuse what makes no sense beside ``--tq-ab``."""
    if not options.tq_ab:
        return
    if (options.tq_update_baselines, options.tq_missing_baseline) != _NO_WRITES:
        raise pytest.UsageError("--tq-ab judges by no baseline, so it cannot write one")
    if options.tq_history:
        raise pytest.UsageError("--tq-ab measures two sides, which are no run of a history")
    if options.tq_estimate_cycles:
        raise pytest.UsageError("--tq-ab judges numbers, and --tq-estimate-cycles gives estimates")


def _count(text: str) -> int:
    """Return the number in an ini key that counts something."""
    if not text.isdecimal() or int(text) < 1:
        raise pytest.UsageError(f"tinyquant_set_aside_after must be 1 or more, not {text!r}")
    return int(text)


def _path(config: pytest.Config, value: str | None) -> Path | None:
    """Return a path from the command line, relative to where pytest was called."""
    return None if value is None else config.invocation_params.dir / value
