"""The command ``tinyquant compare``: what each scheme costs, and what it loses."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.system.plain_console import plain_console


if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from pytest_tinyquant.report.choosing import Choice
    from pytest_tinyquant.report.published import Published

    Beside = Sequence[tuple[Choice, Sequence[Published]]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``tinyquant compare``."""
    parser.add_argument("models", nargs="*", metavar="MODEL", help="names or globs; default: all")
    parser.add_argument("--board", default="", metavar="GLOB", help="only these boards")
    parser.add_argument(
        "--from",
        dest="source",
        default="",
        metavar="SOURCE",
        help="a run's JSON file, a directory of baselines or a git revision; default: the "
        "project's baselines",
    )
    parser.add_argument(
        "--format",
        choices=("text", "csv", "json", "markdown"),
        default="text",
        help="default: text",
    )


def run(options: argparse.Namespace) -> int:
    """Print one table per model and board; 1 if there is nothing to compare."""
    from pytest_tinyquant.cli.current_project import current_project
    from pytest_tinyquant.diff.sources import load
    from pytest_tinyquant.report.choosing import choices
    from pytest_tinyquant.report.published import read_all
    from pytest_tinyquant.report.published_beside import rows_beside
    from pytest_tinyquant.stages.gap_figures import gap_figures

    project = current_project(settings=options.settings)
    source = options.source or str(project.baselines_dir)
    if not options.source and not project.baselines_dir.is_dir():
        raise ConfigurationError(
            f"{source} does not exist: record baselines with pytest --tq-missing-baseline=record, "
            "or name a run's JSON file with --from"
        )
    measured = load(source, project.baselines_dir).measurements.values()
    runtimes = {name: board.runtime for name, board in project.boards.items()}
    # Another revision's models may be others.
    figures = None if options.source else gap_figures(project)
    found = [
        choice
        for choice in choices(measured, project.known_issues, runtimes, figures, least=1)
        if _wanted(choice.model, options.models) and _wanted(choice.board, [options.board])
    ]
    if not found:
        print(
            f"nothing to compare in {source}: no such model and board is there; models with "
            "numbers: " + (", ".join(sorted({m.model for m in measured})) or "none"),
            file=sys.stderr,
        )
        return 1
    published = read_all(project.baselines_dir / "published")
    beside = [(choice, rows_beside(choice, published)) for choice in found]
    {"text": _text, "csv": _csv, "json": _json, "markdown": _markdown}[options.format](beside)
    return 0


def _wanted(name: str, patterns: Sequence[str]) -> bool:
    """Tell whether a name matches one of the patterns; no pattern matches everything."""
    given = [pattern for pattern in patterns if pattern]
    return not given or any(fnmatchcase(name, pattern) for pattern in given)


def _text(found: Beside) -> None:
    from rich.markup import escape
    from rich.table import Table

    from pytest_tinyquant.report.choosing_text import rows
    from pytest_tinyquant.report.choosing_text import titles

    # Into a pipe whole lines: a program that reads them has no width.
    console = plain_console(highlight=False)
    for choice, published in found:
        table = Table("scheme", title=escape(choice.title))
        for title in titles(choice):
            table.add_column(escape(title), justify="right")
        for row in rows(choice):
            style = "dim" if row.gap or row.dominated else ""
            table.add_row(row.scheme, *row.cells, style=style)
        console.print(table)
        for row in rows(choice):
            if row.gap:
                console.print(f"{row.scheme}: {row.gap}", style="dim", markup=False)
        if not choice.is_alone:
            console.print("* best of its column; dim: another scheme is nowhere worse", style="dim")
        if choice.note:
            console.print(choice.note, style="dim", markup=False)
        if choice.sentence():
            console.print(choice.sentence(), style="bold", markup=False)
        if published:
            console.print(_published(published))


def _published(rows: Sequence[Published]) -> Table:
    """Return the table of what a study published of other runtimes."""
    from rich.markup import escape
    from rich.table import Table

    from pytest_tinyquant.report.published_beside import cells_beside
    from pytest_tinyquant.report.published_beside import heads_beside
    from pytest_tinyquant.report.published_beside import title_beside

    table = Table("runtime", "scheme", title=escape(title_beside(rows)), style="dim")
    for head in heads_beside(rows):
        table.add_column(escape(head), justify="right")
    for cells in cells_beside(rows):
        table.add_row(*map(escape, cells))
    return table


def _csv(found: Beside) -> None:
    from pytest_tinyquant.report.choosing_text import csv_rows
    from pytest_tinyquant.report.published_beside import csv_beside

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerows(csv_rows([choice for choice, _ in found]))
    for _, published in found:
        writer.writerows(csv_beside(published))


def _json(found: Beside) -> None:
    from pytest_tinyquant.report.published_beside import json_beside

    document = [
        {
            "model": choice.model,
            "board": choice.board,
            "target": choice.target,
            "sentence": choice.sentence(),
            "schemes": [
                {
                    "scheme": option.scheme,
                    "known_gap": option.gap,
                    "dominated": choice.dominated(option),
                    "numbers": {name: n.to_json() for name, n in option.numbers.items()},
                    "interpreter": {name: n.to_json() for name, n in option.elsewhere.items()},
                }
                for option in choice.options
            ],
            "published": json_beside(published),
        }
        for choice, published in found
    ]
    print(json.dumps(document, indent=2))


def _markdown(found: Beside) -> None:
    from pytest_tinyquant.report.markdown import choice_table
    from pytest_tinyquant.report.markdown import published_table

    for choice, published in found:
        print("\n".join([*choice_table(choice), *published_table(published)]))
