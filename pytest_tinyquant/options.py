"""What the user asked for with command-line options, ini keys and the environment."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Literal

import pytest

from pytest_tinyquant.add_options import INI_KEYS


if TYPE_CHECKING:
    from pytest_tinyquant.boards.inventory import TargetChoice

CreepAction = Literal["fail", "warn"]
UpdateChoice = Literal["none", "new", "all"]
MissingChoice = Literal["fail", "record", "skip"]

_NO_WRITES = ("none", "fail")

EXTRA_MODELS_VARIABLE = "TINYQUANT_EXTRA_MODELS"


@dataclass(frozen=True)
class Settings:
    """What the command line, the ini file and the environment say, unchecked.

    :param models: model patterns and paths; empty for all, likewise `schemes` and `boards`.
    :param tolerance: ``METRIC:SLACK`` texts of the command line; they win over `ini_tolerance`.
    :param extra_models: directories of models beside `models_dir`.
    :param explicit: the user named this plugin's options or ini keys, so errors in the project's
        files are to be reported even if no test uses them.
    """

    root: Path
    models_dir: Path
    baselines_dir: Path
    extra_models: tuple[Path, ...] = ()
    models: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    boards: tuple[str, ...] = ()
    target: TargetChoice = "auto"
    update: UpdateChoice = "none"
    missing: MissingChoice = "fail"
    tolerance: tuple[str, ...] = ()
    ini_tolerance: tuple[str, ...] = ()
    timeout: float = 600.0
    lease_timeout: float = 900.0
    set_aside_after: int = 3
    resume: bool = False
    canary: str = ""
    estimate_cycles: bool = False
    cache_dir: Path | None = None
    json_path: Path | None = None
    ab: str = ""
    history_path: Path | None = None
    creep_since: str = ""
    creep_limit: tuple[str, ...] = ()
    creep_action: CreepAction = "fail"
    html_path: Path | None = None
    markdown_path: Path | None = None
    github_summary: bool = False
    progress_interval: float = 30.0
    explicit: bool = False

    @property
    def wants_files(self) -> bool:
        """Tell whether the run is to leave a report in any file."""
        paths = (self.json_path, self.html_path, self.markdown_path)
        return self.github_summary or any(path is not None for path in paths)


def read_settings(config: pytest.Config) -> Settings:
    """Return what the user asked for; files are not looked at."""
    options = config.option
    root = config.rootpath
    ini = config.getini
    models = split_names(options.model)
    schemes = split_names(options.scheme)
    boards = split_names(options.board)
    if options.tq_timeout <= 0:
        raise pytest.UsageError(f"--tq-timeout must be above 0, not {options.tq_timeout:g}")
    _check_paired(options)
    if not options.tq_progress >= 0:
        raise pytest.UsageError(f"--tq-progress must be 0 or above, not {options.tq_progress:g}")
    return Settings(
        root=root,
        models_dir=root / (ini("tinyquant_models_dir") or "models"),
        baselines_dir=root / (ini("tinyquant_baselines") or "baselines"),
        extra_models=extra_models(os.environ.get(EXTRA_MODELS_VARIABLE, "")),
        models=models or split_names(ini("tinyquant_models")),
        schemes=schemes or split_names(ini("tinyquant_schemes")),
        boards=boards or split_names(ini("tinyquant_boards")),
        target=options.tq_target,
        update=options.tq_update_baselines,
        missing=options.tq_missing_baseline,
        tolerance=tuple(options.tq_tolerance),
        ini_tolerance=tuple(ini("tinyquant_tolerance")),
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


def split_names(values: Iterable[str]) -> tuple[str, ...]:
    """Return the names in `values`, each of which may be a comma list, once and in order."""
    names = (name.strip() for value in values for name in value.split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def extra_models(variable: str) -> tuple[Path, ...]:
    """Return the directories that the environment variable lists."""
    return tuple(Path(part).absolute() for part in variable.split(os.pathsep) if part)


def _path(config: pytest.Config, value: str | None) -> Path | None:
    """Return a path from the command line, relative to where pytest was called."""
    return None if value is None else config.invocation_params.dir / value
