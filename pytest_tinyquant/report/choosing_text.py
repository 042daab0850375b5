"""A choice of schemes as a table of text cells, for the terminal, Markdown and CSV."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_tinyquant.metrics.built_in import ERROR
from pytest_tinyquant.metrics.built_in import RAM
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.report.choosing import REFERENCE
from pytest_tinyquant.report.choosing import Choice
from pytest_tinyquant.report.choosing import Option
from pytest_tinyquant.report.choosing import costs
from pytest_tinyquant.report.choosing import qualities


#: Follows the best number of a column.
BEST = " *"

#: The class of a known gap's figure in CSV, where a measured one says ``exact`` or the like.
INTERPRETER = "interpreter"

#: What a column is called, where its name alone says too little.
_TITLES = {ERROR.primary: f"{ERROR.name} ({ERROR.primary})", RAM.name: RAM.title}


@dataclass(frozen=True)
class SchemeRow:
    """One scheme: a cell per column; of a known gap, its reason and cells of the first few."""

    scheme: str
    cells: tuple[str, ...]
    gap: str = ""
    dominated: bool = False


def titles(choice: Choice) -> list[str]:
    """Return the columns' heads, with the unit, and the class where it is not exact."""
    heads = []
    for column in choice.columns:
        numbers = [o.numbers[column] for o in choice.options if column in o.numbers]
        units = sorted(
            {n.unit if n.number_class == "exact" else f"{n.number_class} {n.unit}" for n in numbers}
        )
        unit = "" if units == ["1"] else f", {' or '.join(units)}"
        heads.append(f"{_TITLES.get(column, column)}{unit}")
    return heads


def rows(choice: Choice) -> Iterator[SchemeRow]:
    """Yield one row per scheme: each number, how it stands to the reference's, and the best."""
    # A reason stands in place of the costs.
    told = choice.quality_columns if len(choice.quality_columns) < len(choice.columns) else ()
    for option in choice.options:
        if option.gap:
            cells = tuple(_elsewhere(option, column) for column in told)
        else:
            cells = tuple(_cell(choice, option, column) for column in choice.columns)
        yield SchemeRow(option.scheme, cells, option.gap, choice.dominated(option))


def csv_rows(found: Sequence[Choice]) -> Iterator[tuple[str, ...]]:
    """Yield a head and one row per number, as programs read them."""
    yield (
        "model", "board", "target", "scheme", "metric", "value", "unit", "class",
        f"relative_to_{REFERENCE}", "best", "known_gap",
    )  # fmt: skip
    for choice in found:
        for option in choice.options:
            here = (choice.model, choice.board, choice.target, option.scheme)
            if option.gap:
                for column, number in option.elsewhere.items():
                    yield (
                        *here, column, repr(number.value), number.unit, INTERPRETER, "", "",
                        option.gap,
                    )  # fmt: skip
                if not option.elsewhere:
                    yield (*here, "", "", "", "", "", "", option.gap)
            for column, number in option.numbers.items():
                relative = choice.relative(option, column)
                yield (
                    *here, column, repr(number.value), number.unit, number.number_class,
                    "" if relative is None else f"{relative:.6g}",
                    "yes" if choice.wins(option, column) else "", "",
                )  # fmt: skip


def _elsewhere(option: Option, column: str) -> str:
    number = option.elsewhere.get(column)
    return "-" if number is None else f"({_text(column, number)})"


def _cell(choice: Choice, option: Option, column: str) -> str:
    number = option.numbers.get(column)
    if number is None:
        return "-"
    # The reference's error is all but 0, so a ratio to it says nothing.
    relative = choice.relative(option, column) if column in costs() else None
    ratio = "" if relative is None or option.scheme == REFERENCE else f" ({relative:.2f}x)"
    best = BEST if choice.wins(option, column) else ""
    return f"{_text(column, number)}{ratio}{best}"


def _text(column: str, number: Metric) -> str:
    """Return a number; three digits of an error tell which of two schemes is better."""
    is_error = not qualities().get(column, True)
    return f"{number.value:.3g}" if is_error else number_text(number.value)
