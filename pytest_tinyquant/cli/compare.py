"""The commands of ``tinyquant`` that compare: diff and history."""

from __future__ import annotations

import argparse
from contextlib import closing
from functools import partial
from pathlib import Path

from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.errors import located
from pytest_tinyquant.metrics.built_in import LATENCY
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.session.table import DEFAULT_HISTORY as DEFAULT_FILE
from pytest_tinyquant.system.database_url import DatabaseUrl
from pytest_tinyquant.system.plain_console import complain
from pytest_tinyquant.system.scratch import scratch_directory


_TROUBLE = 2


def add_diff(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``tinyquant diff``."""
    side = "a run's JSON file, an ELF image, a baseline file or directory, or a git revision"
    parser.add_argument("a", metavar="A", help=side)
    parser.add_argument(
        "b", metavar="B", nargs="?", default="", help="the same; default: the project's baselines"
    )
    _add_baselines(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--layers",
        action="store_true",
        help="run model files that differ, if the cache has them, and name where they part",
    )
    parser.epilog = "Exit status: 0 if nothing differs, 1 if something does, 2 for trouble."


def run_diff(options: argparse.Namespace) -> int:
    """Print what differs: 0 for nothing, 1 for something, 2 for trouble, as diff(1) does."""
    from pytest_tinyquant.cli.current_project import current_project
    from pytest_tinyquant.diff.show import show_difference
    from pytest_tinyquant.stages.pipeline import Stages

    baselines = _baselines(options)
    second = options.b or str(baselines)
    try:
        with scratch_directory() as work_dir:
            layers = options.layers
            project = partial(current_project, work_dir=Path(work_dir), settings=options.settings)
            stages = Stages(project()) if layers else None
            return show_difference(
                options.a, second, baselines, as_json=options.json, stages=stages
            )
    except BrokenPipeError:
        raise  # whoever reads has had enough
    except (TinyQuantError, OSError) as error:
        complain("tinyquant diff", error)
        return _TROUBLE


def add_history(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``tinyquant history``."""
    parser.add_argument(
        "metric",
        nargs="?",
        default=LATENCY.name,
        help=f"{', '.join(METRICS)} (default: {LATENCY.name}); or a part, such as flash.weights",
    )
    for name in ("model", "scheme", "board"):
        parser.add_argument(f"--{name}", default="", metavar="GLOB", help=f"only these {name}s")
    parser.add_argument(
        "--file",
        default=DEFAULT_FILE,
        metavar="FILE|URL",
        help="default: %(default)s",
    )
    parser.add_argument("--last", type=int, default=0, metavar="N", help="only the last N runs")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--creep", action="store_true", help="what grew too much in many steps")
    parser.add_argument("--against", default="", metavar="REV", help="since this revision")
    parser.add_argument("--limit", default="", metavar="SLACK", help="such as 2%% or 2%%+256B")
    _add_baselines(parser)
    parser.epilog = "Exit status: 0, with --creep 1 if anything crept, 2 for trouble."


def run_history(options: argparse.Namespace) -> int:
    """Print a number over the runs; with --creep 1 if it crept."""
    from pytest_tinyquant.history.creep import Release
    from pytest_tinyquant.history.record import open_to_read
    from pytest_tinyquant.history.show import HistoryFilter
    from pytest_tinyquant.history.show import show_creep
    from pytest_tinyquant.history.show import show_history
    from pytest_tinyquant.metrics.tolerances import parse_mapping

    names = (options.model, options.scheme, options.board)
    choice = HistoryFilter(options.metric, names, max(options.last, 0))
    metric = options.metric.partition(".")[0]
    try:
        url = DatabaseUrl.is_meant(options.file)
        place = DatabaseUrl.parse(options.file) if url else Path(options.file)
        with closing(open_to_read(place)) as history:
            if not options.creep:
                return show_history(history, choice, as_json=options.json)
            baselines = _baselines(options)
            release = Release(options.against, baselines, {}) if options.against else None
            with located("--limit"):
                limit = options.limit and parse_mapping({metric: options.limit})
            return show_creep(history, choice, release, limit[metric] if limit else None)
    except BrokenPipeError:
        raise  # whoever reads has had enough
    except (TinyQuantError, OSError) as error:
        complain("tinyquant history", error)
        return _TROUBLE


def _add_baselines(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--baselines",
        default="",
        metavar="DIR",
        help="the baselines that a revision stands for (default: the project's)",
    )


def _baselines(options: argparse.Namespace) -> Path:
    """Return the directory that was named, or that of the project."""
    named: str = options.baselines
    directory: Path = options.settings.baselines_dir
    return Path(named).absolute() if named else directory
