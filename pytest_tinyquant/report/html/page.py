"""The page: what its template is given."""

from __future__ import annotations

import importlib.metadata
import json
from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import UTC
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

import jinja2
from markupsafe import Markup

from pytest_tinyquant.baselines.message import verdict_text
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.report.choosing import Choice
from pytest_tinyquant.report.choosing import choices_of
from pytest_tinyquant.report.choosing_text import BEST
from pytest_tinyquant.report.choosing_text import rows
from pytest_tinyquant.report.choosing_text import titles
from pytest_tinyquant.report.columns import COLUMNS
from pytest_tinyquant.report.html.chart import HEIGHT
from pytest_tinyquant.report.html.chart import LEFT
from pytest_tinyquant.report.html.chart import RIGHT
from pytest_tinyquant.report.html.chart import WIDTH
from pytest_tinyquant.report.html.chart import glyph
from pytest_tinyquant.report.html.drawn_limits import drawn_limits
from pytest_tinyquant.report.html.figures import figures
from pytest_tinyquant.report.html.pareto import scatters
from pytest_tinyquant.report.html.rows import HEADINGS
from pytest_tinyquant.report.html.rows import SIGNS
from pytest_tinyquant.report.html.rows import Row
from pytest_tinyquant.report.html.rows import kind_of
from pytest_tinyquant.report.html.rows import metric_of
from pytest_tinyquant.report.html.rows import row_of
from pytest_tinyquant.report.html.rows import table_order
from pytest_tinyquant.report.published import RUNTIME
from pytest_tinyquant.report.published import Published
from pytest_tinyquant.report.published import columns
from pytest_tinyquant.report.published import read_all
from pytest_tinyquant.report.results import OUTCOMES
from pytest_tinyquant.report.results import Results
from pytest_tinyquant.report.wording import ESTIMATED
from pytest_tinyquant.report.wording import counts_text
from pytest_tinyquant.report.wording import estimate_rows
from pytest_tinyquant.schemes.scheme import in_order
from pytest_tinyquant.session.heading import run_summary
from pytest_tinyquant.system.natural_order import natural_order
from pytest_tinyquant.system.plain_text import harmless


if TYPE_CHECKING:
    from pytest_tinyquant.measure.measurement import Measurement
    from pytest_tinyquant.session.run import Run

#: Rows that the table of verdicts shows at first; laying out thousands takes a browser seconds.
FIRST_ROWS: Final = 300

#: Changes that stand open with their causes above everything else.
MOST_OPEN: Final = 40


def page(results: Results, run: Run) -> str:
    """Return the page of a run."""
    if not results.results:
        # No test of ours ran, perhaps because this is no project of ours.
        return render(results, (), (), {})
    families = {model.name: model.family for model in run.project.models.values()}
    return render(
        results,
        run.outcomes.measurements(),
        read_all(run.project.baselines_dir / "published"),
        families,
        found=choices_of(run),
        summary=run_summary(run) or "",
    )


def render(
    results: Results,
    measurements: Iterable[Measurement],
    published: Iterable[Published],
    families: Mapping[str, str],
    *,
    found: Sequence[Choice] = (),
    summary: str = "",
    made: datetime | None = None,
) -> str:
    """Return the page's text.

    :param families: family of every model, by name.
    :param found: the schemes to choose from, by model and board.
    :param made: when; by default now.
    """
    measurements = tuple(measurements)
    published = tuple(published)
    table = sorted((row_of(result) for result in results.results), key=table_order)
    measured = {measurement.combination.lower(): measurement for measurement in measurements}
    attention = _attention(table)
    # What other software needs stands with each combination; it is no line of this one's figures.
    own = [row for row in published if row.runtime == RUNTIME]
    drawn = figures(measurements, own, families)
    template = _environment().get_template("page.html.j2")
    return template.render(
        summary=summary.removeprefix("tinyquant: "),
        version=importlib.metadata.version("pytest-tinyquant"),
        made=(made or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC"),
        counts=_counted(results),
        signs=SIGNS,
        rows=table,
        first_rows=FIRST_ROWS,
        choices=_choices(table),
        attention=attention[:MOST_OPEN],
        attention_left=len(attention[MOST_OPEN:]),
        choosing=[_offered(choice, results) for choice in found],
        columns=COLUMNS,
        headings=HEADINGS,
        best=BEST,
        estimated=ESTIMATED,
        estimates=estimate_rows(results),
        sections=results.sections,
        figures=drawn if any(figure.has_published for figure in drawn) else (),
        schemes=in_order(row.scheme for row in table),
        details=_details(results, measured, published),
        glyph=glyph,
        chart={"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT},
    )


def _attention(table: Iterable[Row]) -> list[Row]:
    """Return what stands open on top.

    A first run has nothing but new numbers: they must not stand above what they are read for.
    """
    return [row for row in table if row.kind in ("bad", "changed") and row.outcome != "new"]


def _offered(choice: Choice, results: Results) -> tuple[Any, ...]:
    """Return a choice with the heads and rows of its table, and its charts."""
    limits = drawn_limits(results.results, choice)
    return choice, titles(choice), list(rows(choice)), scatters(choice, limits)


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("pytest_tinyquant.report.html"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalized,
    )


def _counted(results: Results) -> list[tuple[str, str]]:
    """Return how many tests had each outcome, in words, with the outcome's kind."""
    counts = results.counts()
    return [
        (counts_text(Counter({outcome: counts[outcome]})), kind_of(outcome))
        for outcome in OUTCOMES
        if counts[outcome]
    ]


def _choices(table: Iterable[Row]) -> dict[str, list[str]]:
    """Return what each filter of the table offers."""
    table = tuple(table)
    outcomes = {row.outcome for row in table}
    return {
        "model": sorted({row.model for row in table}, key=natural_order),
        "scheme": in_order(row.scheme for row in table),
        "board": sorted({row.board for row in table}),
        "metric": sorted({row.metric for row in table}),
        "outcome": [outcome for outcome in OUTCOMES if outcome in outcomes],
    }


def _details(
    results: Results, measured: Mapping[str, Measurement], published: Iterable[Published]
) -> dict[str, Markup]:
    """Return the data of each combination's page as the text of a script element."""
    theirs: dict[str, list[Published]] = {}
    for row in published:
        theirs.setdefault(row.combination.lower(), []).append(row)
    held = columns()
    details = {}
    for combination, group in results.by_combination().items():
        measurement = measured.get(combination.lower())
        data = {
            "name": combination,
            "tests": [
                {
                    "name": metric_of(result.nodeid),
                    "outcome": result.outcome,
                    "kind": kind_of(result.outcome),
                    "text": row_of(result).text or "\n".join(map(verdict_text, result.verdicts)),
                    "gap": result.gap,
                }
                for result in group
            ],
            "measurement": measurement.to_json() if measurement else None,
            "count_unit": measurement.count_unit if measurement else "",
            "published": [
                {
                    "figure": name,
                    "value": value,
                    "unit": held[name].holds,
                    "source": row.source
                    if row.runtime == RUNTIME
                    else f"{row.source}, {row.runtime}",
                }
                for row in theirs.get(combination.lower(), ())
                for name, value in row.figures.items()
                if name in METRICS
            ],
        }
        # In a script element only the end tag and a comment's start have a meaning.
        text = json.dumps(_harmless(data), separators=(",", ":"), ensure_ascii=False)
        details[combination] = Markup(text.replace("<", "\\u003c"))
    return details


def _finalized(value: Any) -> Any:
    """Return a value as the page shows it; markup is of this package's own making."""
    return harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _harmless(value: Any) -> Any:
    """Return JSON types with every text in them harmless."""
    if isinstance(value, dict):
        return {_harmless(key): _harmless(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_harmless(item) for item in value]
    return harmless(value) if isinstance(value, str) else value
