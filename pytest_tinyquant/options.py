"""Command-line options and ini keys, and what the user asked for with them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Literal
from typing import cast

import pytest

from pytest_tinyquant.comparison_options import add_comparisons


if TYPE_CHECKING:
    from pytest_tinyquant.boards.inventory import TargetChoice

CreepAction = Literal["fail", "warn"]
UpdateChoice = Literal["none", "new", "all"]
MissingChoice = Literal["fail", "record", "skip"]

_NO_WRITES = ("none", "fail")

EXTRA_MODELS_VARIABLE = "TINYQUANT_EXTRA_MODELS"
_INI_KEYS = {
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
    "tinyquant_creep": ("string", "Revision that --tq-creep names by default"),
    "tinyquant_creep_limit": ("linelist", "METRIC:SLACK of growth since it, one a line"),
}


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


def add_options(parser: pytest.Parser) -> None:
    """Register every option and ini key of the plugin."""
    group = parser.getgroup("tinyquant", "model x scheme x board experiments")
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
        help="Where boards run: auto (default) takes an emulator for every board that has one.",
    )
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
        help="Also estimate the cycles of an inference where there is a model of the core (rx65n "
        "on the emulator); estimates are reported, never judged or kept.",
    )
    group.addoption(
        "--tq-cache-dir",
        metavar="DIR",
        help="Directory of converted models and built firmware (default: the user's cache).",
    )
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
    add_comparisons(group)
    for key, (kind, meaning) in _INI_KEYS.items():
        parser.addini(key, meaning, type=cast("Literal['args', 'string', 'linelist']", kind))


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
    if options.tq_ab and (options.tq_update_baselines, options.tq_missing_baseline) != _NO_WRITES:
        raise pytest.UsageError("--tq-ab judges by no baseline, so it cannot write one")
    if options.tq_ab and options.tq_history:
        raise pytest.UsageError("--tq-ab measures two sides, which are no run of a history")
    if options.tq_ab and options.tq_estimate_cycles:
        raise pytest.UsageError("--tq-ab judges numbers, and --tq-estimate-cycles gives estimates")
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
        or any(map(ini, _INI_KEYS)),
    )


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
