"""The summary on the terminal: counts, then one row for whatever is worth telling."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_tinyquant.baselines.message import number_name
from pytest_tinyquant.baselines.verdict import Comparison
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.report.columns import cells
from pytest_tinyquant.report.numbers import number_rows
from pytest_tinyquant.report.repeated import suggested_rows
from pytest_tinyquant.report.results import BAD
from pytest_tinyquant.report.results import NOTABLE
from pytest_tinyquant.report.results import Result
from pytest_tinyquant.report.results import Results
from pytest_tinyquant.report.side_by_side import side_by_side
from pytest_tinyquant.report.tell import tell
from pytest_tinyquant.report.wording import ESTIMATED
from pytest_tinyquant.report.wording import MOST_ESTIMATES
from pytest_tinyquant.report.wording import changed_outputs
from pytest_tinyquant.report.wording import counts_text
from pytest_tinyquant.report.wording import estimate_rows
from pytest_tinyquant.report.wording import known_gaps
from pytest_tinyquant.report.wording import limit_rows
from pytest_tinyquant.report.wording import operator_estimate_rows


if TYPE_CHECKING:
    import pytest

    from pytest_tinyquant.baselines.recording import ChangedNumber
    from pytest_tinyquant.session.run import Run

#: Of a sentence in a summary; the whole of it stands above.
_LONGEST = 240
#: Combinations in the table of a run in which nothing changed.
_MOST_GREEN = 10


def show(terminal: pytest.TerminalReporter, results: Results, run: Run, *, show_all: bool) -> None:
    """Write the summary of a run; `show_all` adds every combination's numbers."""
    counts = results.counts()
    bad = any(counts[outcome] for outcome in BAD)
    terminal.write_sep("=", f"tinyquant: {counts_text(counts)}", red=bad, green=not bad, bold=True)
    notable = [result for result in results.results if result.outcome in NOTABLE]
    if show_all:
        _write_table(terminal, number_rows(results))
    elif not (notable or run.settings.ab or run.settings.boards):
        _write_first(terminal, number_rows(results))
    # The whole study's table would hide what it says below: only for boards that were asked for.
    if run.settings.boards and not run.settings.ab:
        boards = side_by_side(results.results, tuple(run.project.boards), tuple(METRICS))
        for line in boards:
            tell(terminal, line)
        if not (boards or notable or show_all):
            _write_first(terminal, number_rows(results))
    # An error that all tests of a combination share is told once.
    _write_table(terminal, list(dict.fromkeys(_notable_rows(notable))))
    _write_table(terminal, limit_rows(results.results, kept=False))
    if show_all:
        _write_table(terminal, limit_rows(results.results, kept=True))
    for line in changed_outputs(results.results):
        tell(terminal, line, yellow=True)
    for line in known_gaps(results.results):
        tell(terminal, textwrap.shorten(line, _LONGEST), yellow=True)
    _write_estimates(terminal, results, run.settings.estimate_cycles)
    for line in suggested_rows(results.results):
        tell(terminal, line)
    for section in results.sections:
        terminal.write_line(f"{section.title}: {section.text}".removesuffix(": "))
        if section.rows:
            _write_table(terminal, [tuple(section.columns), *map(tuple, section.rows)])
    for line in _retries(results.retries()):
        tell(terminal, line, yellow=True)
    if counts["improved"] and not run.settings.ab:
        tell(terminal, "improved: --tq-update-baselines=all makes it the new baseline")
    elif counts["regressed"] and not run.settings.ab:
        tell(
            terminal,
            "regressed: if that is intended, --tq-update-baselines=all records it, and git diff "
            "shows every number",
        )
    for line in _written(run):
        tell(terminal, line)


def _write_first(terminal: pytest.TerminalReporter, rows: Sequence[tuple[str, ...]]) -> None:
    """Write the head of a table and its first rows, where nothing else holds a number."""
    if len(rows) > 1:
        _write_table(terminal, rows[: _MOST_GREEN + 1])
    if len(rows) > _MOST_GREEN + 1:
        tell(terminal, f"and {len(rows) - _MOST_GREEN - 1} combinations more; -v shows all")


def _write_estimates(terminal: pytest.TerminalReporter, results: Results, asked: bool) -> None:
    """Write what was estimated; of much that nobody asked for only how much."""
    estimates = estimate_rows(results)
    if not estimates:
        return
    if not asked and len(estimates) > MOST_ESTIMATES:
        tell(
            terminal,
            f"cycles estimated for {len(estimates)} combinations: in the JSON and HTML reports, "
            "and here with --tq-estimate-cycles",
        )
        return
    tell(terminal, f"{ESTIMATED}:")
    _write_table(terminal, estimates)
    if asked:
        _write_table(terminal, operator_estimate_rows(results))


def _notable_rows(results: Iterable[Result]) -> Iterable[tuple[str, ...]]:
    """Yield one row per number that is not as in its baseline, and one per error."""
    for result in sorted(results, key=lambda result: (result.combination, result.nodeid)):
        if result.error is not None:
            first = result.error["message"].partition("\n")[0]
            text = first.removeprefix(f"{result.combination}: ")
            yield (result.combination, result.error["class"], textwrap.shorten(text, _LONGEST))
        for verdict in result.verdicts:
            for comparison in verdict.comparisons:
                if comparison.status != "ok":
                    name = number_name(verdict.metric, comparison.part)
                    yield (result.combination, name, *_numbers(comparison))
        if result.error is None and not result.verdicts:
            yield (result.combination, result.nodeid.rpartition("::")[2], result.outcome.upper())


def _numbers(comparison: Comparison) -> tuple[str, ...]:
    """Return baseline -> number, change and status of one comparison."""
    return (comparison.numbers_text, *cells(comparison), comparison.status.upper())


def _retries(retries: Mapping[str, Sequence[str]]) -> list[str]:
    """Return how often boards ran again after trouble on their consoles, and why."""
    if not retries:
        return []
    count = sum(map(len, retries.values()))
    lines = [f"run again after trouble on the console: {count} time{'s' if count > 1 else ''}"]
    for combination, causes in retries.items():
        lines += [f"  {combination}  {textwrap.shorten(cause, _LONGEST)}" for cause in causes]
    return lines


def _written(run: Run) -> list[str]:
    """Return the baselines that this run wrote."""
    if not run.settings.records:
        return []
    written = run.gate.written()
    changed = [entry for entry in written if entry.changed]
    lines = [f"baselines written: {len(changed)} of {len(written)} changed"]
    for entry in changed:
        within = entry.path.is_relative_to(run.settings.root)
        path = entry.path.relative_to(run.settings.root) if within else entry.path
        lines.append(f"  {path}" + (f"  new: {', '.join(entry.metrics)}" if entry.is_new else ""))
        lines += [f"    {line}" for line in map(_changed_number, entry.changes)]
    return lines


def _changed_number(change: ChangedNumber) -> str:
    """Return one number of a baseline that the run changed, such as ``flash total  8 -> 9 B``."""
    before, after = (
        "none" if number is None else number_text(number.rounded().value)
        for number in (change.before, change.after)
    )
    known = change.after or change.before
    unit = known.unit if known and known.unit != "1" else ""
    return f"{change.metric} {change.part}  {before} -> {after} {unit}".rstrip()


def _write_table(terminal: pytest.TerminalReporter, rows: Sequence[tuple[str, ...]]) -> None:
    """Write rows with their columns aligned; the last column of a row is not padded."""
    widths: dict[int, int] = {}
    for row in rows:
        for column, cell in enumerate(row[:-1]):
            widths[column] = max(widths.get(column, 0), len(cell))
    for row in rows:
        padded = [cell.ljust(widths[column]) for column, cell in enumerate(row[:-1])]
        text = "  ".join([*padded, row[-1]])
        tell(terminal, text, red=row[-1].lower() in BAD)
