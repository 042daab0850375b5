"""The run as Markdown, short enough for the summary of a CI job."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Final

from pytest_tinyquant.baselines.message import number_name
from pytest_tinyquant.baselines.verdict import Verdict
from pytest_tinyquant.report.choosing import Choice
from pytest_tinyquant.report.choosing_text import BEST
from pytest_tinyquant.report.choosing_text import rows
from pytest_tinyquant.report.choosing_text import titles
from pytest_tinyquant.report.columns import COLUMNS
from pytest_tinyquant.report.columns import cells
from pytest_tinyquant.report.numbers import number_rows
from pytest_tinyquant.report.published import Published
from pytest_tinyquant.report.published_beside import cells_beside
from pytest_tinyquant.report.published_beside import heads_beside
from pytest_tinyquant.report.published_beside import rows_beside
from pytest_tinyquant.report.published_beside import title_beside
from pytest_tinyquant.report.results import BAD
from pytest_tinyquant.report.results import NOTABLE
from pytest_tinyquant.report.results import Result
from pytest_tinyquant.report.results import Results
from pytest_tinyquant.report.section import Section
from pytest_tinyquant.report.wording import ESTIMATED
from pytest_tinyquant.report.wording import MOST_ESTIMATES
from pytest_tinyquant.report.wording import changed_outputs
from pytest_tinyquant.report.wording import counts_text
from pytest_tinyquant.report.wording import estimate_rows
from pytest_tinyquant.report.wording import known_gaps
from pytest_tinyquant.report.wording import limit_rows
from pytest_tinyquant.system.plain_text import harmless


#: Rows of one table: a job's summary ends at 1 MiB, and nobody reads more.
MOST_ROWS: Final = 100

#: Tables of schemes, one per model and board.
MOST_CHOICES: Final = 12
_MOST_CHARACTERS: Final = 300
_BESIDE: Final = "".join(f" {column.title.lower()} |" for column in COLUMNS)
_JUDGED: Final = (
    f"| combination | metric | numbers |{_BESIDE} verdict |",
    f"|---|---|---|{'---:|' * len(COLUMNS)}---|",
)
_LIMITS: Final = (
    "| combination | metric | number | limit | head-room |",
    "|---|---|---:|---:|---:|",
)
_ESTIMATED: Final = ("| combination | metric | number | class and source |", "|---|---|---:|---|")


def markdown(
    results: Results,
    summary: str | None,
    found: Sequence[Choice] = (),
    published: Sequence[Published] = (),
) -> str:
    """Return the counts, a table of what is not as in the baselines, schemes, and known gaps.

    :param found: the schemes to choose from, by model and board.
    :param published: what studies published; of it, what is of these models and boards stands below
        their tables.
    """
    counts = results.counts()
    lines = ["## tinyquant", "", f"**{counts_text(counts) or 'no results'}**", ""]
    if summary:
        lines += [_cell(line.removeprefix("tinyquant: ")) for line in summary.splitlines()]
        lines += [""]
    notable = sorted(
        (result for result in results.results if result.outcome in NOTABLE),
        key=lambda result: (result.outcome not in BAD, result.combination, result.nodeid),
    )
    lines += _table(_JUDGED, [row for result in notable for row in _rows(result)])
    if not notable and not found:
        head, *numbers = number_rows(results)
        ruler = f"|{'---|' * len(head)}"
        lines += _table((f"| {' | '.join(map(_cell, head))} |", ruler), numbers)
    heading, *changed = changed_outputs(results.results) or [""]
    if changed:
        lines += [heading, "", *(f"- {_cell(line.strip())}" for line in changed), ""]
    rows = estimate_rows(results)
    limits = [*limit_rows(results.results, kept=False), *limit_rows(results.results, kept=True)]
    lines += _table(_LIMITS, limits)
    estimates = _table(_ESTIMATED, rows if len(rows) <= MOST_ESTIMATES else [])
    if estimates:
        lines += [f"{ESTIMATED}:", "", *estimates]
    for section in results.sections:
        lines += _section(section)
    for choice in found[:MOST_CHOICES]:
        lines += [*choice_table(choice), *published_table(rows_beside(choice, published))]
    if len(found) > MOST_CHOICES:
        lines += [f"{len(found) - MOST_CHOICES} models and boards more: `tinyquant compare`.", ""]
    gaps = known_gaps(results.results)
    if gaps:
        lines += ["<details><summary>Known gaps</summary>", ""]
        lines += [f"- {_cell(gap)}" for gap in gaps]
        lines += ["", "</details>", ""]
    return "\n".join(lines)


def _section(section: Section) -> list[str]:
    """Return the lines of a section that a plugin adds."""
    lines = [f"### {_cell(section.title)}", ""]
    if section.text:
        lines += [_cell(section.text), ""]
    head = (f"| {' | '.join(map(_cell, section.columns))} |", "|---" * len(section.columns) + "|")
    return lines + _table(head, [tuple(row) for row in section.rows])


def choice_table(choice: Choice) -> list[str]:
    """Return the lines of a table of schemes, and which of them to take."""
    lines = [f"### {_cell(choice.title)}", ""]
    heads = titles(choice)
    lines.append(f"| {' | '.join(['scheme', *map(_cell, heads)])} |")
    lines.append(f"|---|{'---:|' * len(heads)}")
    for row in rows(choice):
        cells = [_cell(cell.removesuffix(BEST)) for cell in row.cells]
        marked = [
            f"**{short}**" if cell.endswith(BEST) else short
            for cell, short in zip(row.cells, cells, strict=True)
        ]
        if row.gap:
            left = len(heads) - len(cells)
            marked = [*cells, f"known gap: {_cell(row.gap)}", *[""] * (left - 1)]
        lines.append(f"| {' | '.join([row.scheme, *marked])} |")
    for text in filter(None, (choice.note, choice.sentence())):
        lines += ["", _cell(text)]
    return [*lines, ""]


def published_table(rows: Sequence[Published]) -> list[str]:
    """Return the lines of a table of what a study published; none for no rows."""
    if not rows:
        return []
    heads = ["runtime", "scheme", *heads_beside(rows)]
    return [
        f"*{_cell(title_beside(rows))}*",
        "",
        f"| {' | '.join(map(_cell, heads))} |",
        f"|---|---|{'---:|' * (len(heads) - 2)}",
        *(f"| {' | '.join(map(_cell, cells))} |" for cells in cells_beside(rows)),
        "",
    ]


def _rows(result: Result) -> Iterable[tuple[str, ...]]:
    """Yield one row per number that is not as in its baseline, or one for the error."""
    if result.error is not None:
        first = result.error["message"].partition("\n")[0]
        text = f"{result.error['class']}: {first.removeprefix(f'{result.combination}: ')}"
        yield (result.combination, "", text, *cells(None), result.outcome)
        return
    for verdict in result.verdicts:
        for comparison in verdict.comparisons:
            if comparison.status != "ok":
                name = number_name(verdict.metric, comparison.part)
                number = comparison.numbers_text
                yield (
                    result.combination, name, _with_cause(number, verdict),
                    *cells(comparison), comparison.status,
                )  # fmt: skip
    if not result.verdicts:
        name = result.nodeid.rpartition("::")[2]
        yield (result.combination, name, "", *cells(None), result.outcome)


def _with_cause(number: str, verdict: Verdict) -> str:
    """Return a number with the first cause of its change."""
    return f"{number}\n{verdict.causes[0].text}" if verdict.causes else number


def _table(head: Sequence[str], rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    lines = [*head]
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in rows[:MOST_ROWS]]
    if len(rows) > MOST_ROWS:
        lines += ["", f"{len(rows) - MOST_ROWS} rows more are in the run's other reports."]
    return [*lines, ""]


def _cell(text: str) -> str:
    """Return text of the run so that Markdown takes none of it for its own."""
    short = "\n".join(
        textwrap.shorten(line, _MOST_CHARACTERS) for line in text.splitlines() if line.strip()
    )
    short = harmless(short)
    for character in "\\`*_[]<>|#":
        short = short.replace(character, f"\\{character}")
    return short.replace("\n", "<br>")
