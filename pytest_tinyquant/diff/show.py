"""Prints differences as tables, or as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.diff.changes import Change
from pytest_tinyquant.diff.changes import Difference
from pytest_tinyquant.diff.changes import compare_all
from pytest_tinyquant.diff.changes import compare_images
from pytest_tinyquant.diff.sources import load
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.metrics.text import delta_text
from pytest_tinyquant.metrics.text import growth_text
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.system.plain_console import plain_console


if TYPE_CHECKING:
    from rich.console import Console

    from pytest_tinyquant.measure.measurement import Measurement
    from pytest_tinyquant.stages.pipeline import Stages

#: Rows of a table; the rest is summed up. JSON holds all.
MOST_ROWS: Final = 12

#: Version of the JSON document.
FORMAT: Final = 1

_TABLES: Final = ("numbers", "operators", "symbols", "tensors", "variables")


def show_difference(
    first: str, second: str, baselines: Path, *, as_json: bool, stages: Stages | None = None
) -> int:
    """Print what differs; return 1 if anything does, else 0.

    :param baselines: the project's directory of baselines.
    :param stages: to run models whose files differ layer by layer; None for no such run.
    :raises TinyQuantError: a side cannot be read, or the two are of different kinds.
    """
    found = differences(first, second, baselines, stages)
    if as_json:
        document = {
            "format": FORMAT, "a": first, "b": second, "differences": [d.to_json() for d in found]
        }  # fmt: skip
        print(json.dumps(document, indent=2))
        return int(bool(found))

    console = plain_console(highlight=False, emoji=False)
    console.print(f"A: {first}\nB: {second}", markup=False)
    for difference in found:
        _show(console, difference)
    if not found:
        console.print("no difference")
    return int(bool(found))


def differences(
    first: str, second: str, baselines: Path, stages: Stages | None = None
) -> list[Difference]:
    """Return what differs between two sides."""
    a, b = load(first, baselines), load(second, baselines)
    if (a.image is None) != (b.image is None):
        raise ConfigurationError(
            f"{first} and {second}: one is an image, the other holds measurements; give two "
            "images, or two of baselines, runs and revisions"
        )
    if a.image is not None and b.image is not None:
        difference = compare_images(f"{a.name} -> {b.name}", a.image, b.image)
        return [difference] if difference else []
    if not a.measurements.keys() & b.measurements.keys():
        sides = [_without_board(side.measurements) for side in (a, b)]
        if not sides[0].keys() & sides[1].keys():
            raise ConfigurationError(
                f"{first} and {second} have no combination in common: {_some(a.measurements)} on "
                f"the one side, {_some(b.measurements)} on the other; name two with the same models"
            )
        # Of two boards: another runtime, library or core; a search layer by layer has no case.
        return compare_all(*sides)
    found = compare_all(a.measurements, b.measurements)
    if stages is None:
        return found
    return [_with_layer(d, stages, a.measurements, b.measurements) for d in found]


def _some(measurements: Mapping[str, Measurement]) -> str:
    """Return a few of the combinations in words."""
    names = sorted(measurements)
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(names[:2]) + more or "nothing"


def _without_board(measurements: Mapping[str, Measurement]) -> dict[str, Measurement]:
    """Return measurements by model and scheme; those of several boards are left out."""
    boards = {measurement.board for measurement in measurements.values()}
    if len(boards) > 1:
        return {}
    return {f"{one.model}-{one.scheme}": one for one in measurements.values()}


def _with_layer(
    difference: Difference,
    stages: Stages,
    first: Mapping[str, Measurement],
    second: Mapping[str, Measurement],
) -> Difference:
    from pytest_tinyquant.diff.layers import first_layer

    if difference.only_in:
        return difference
    line = first_layer(stages, first[difference.name], second[difference.name])
    return dataclasses.replace(difference, notes=(*difference.notes, *filter(None, (line,))))


def _show(console: Console, difference: Difference) -> None:
    from rich.text import Text

    console.print()
    only = f"  only in {difference.only_in}" if difference.only_in else ""
    console.print(Text(difference.name, style="bold"), Text(only))
    for name in _TABLES:
        changes: tuple[Change, ...] = getattr(difference, name)
        if changes:
            console.print(_table(name, changes))
    for note in difference.notes:
        console.print(f"  {note}", markup=False)


def _table(name: str, changes: Sequence[Change]) -> object:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(name)
    for column in ("A", "B", "change"):
        table.add_column(column, justify="right")
    table.add_column("")
    for change in changes[:MOST_ROWS]:
        sides = [_side(value) for value in (change.before, change.after)]
        about = "  ".join(filter(None, (change.unit, change.about)))
        table.add_row(Text(change.name), *sides, _delta(change), Text(about))
    rest = changes[MOST_ROWS:]
    if rest:
        total = delta_text(sum(change.delta for change in rest))
        table.add_row(f"and {len(rest)} more", "", "", total, "")
    return table


def _side(value: float | None) -> str:
    return "-" if value is None else number_text(value)


def _delta(change: Change) -> str:
    if change.before is None:
        return "new"
    if change.after is None:
        return "gone"
    return growth_text(change.before, change.after)
