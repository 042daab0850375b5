"""Turning combinations into test items."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

import pytest

from pytest_tinyquant.errors import ConversionError
from pytest_tinyquant.errors import located
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.project.known_issues import KnownIssue
from pytest_tinyquant.project.known_issues import find
from pytest_tinyquant.session.matrix import AXES
from pytest_tinyquant.session.matrix import Narrowing
from pytest_tinyquant.session.matrix import metrics_of
from pytest_tinyquant.session.matrix import narrow
from pytest_tinyquant.session.matrix import project_axes
from pytest_tinyquant.system.plain_text import harmless


if TYPE_CHECKING:
    from pytest_tinyquant.session.run import Run

#: Fixtures in which the support check runs, so that a known gap shows.
_CHECKED = {"measurement", "firmware_image", "flashed_device"}


@dataclass(frozen=True)
class Nothing:
    """Value of every axis of a test for which nothing is selected; it is deselected later."""

    name: str = "nothing-selected"


def parametrize(metafunc: pytest.Metafunc, run: Run) -> None:
    """Generate one item of the test per combination, with the xfails of known gaps."""
    axes = [axis for axis in AXES if _is_ours(metafunc, axis)]
    if not axes:
        return
    combinations = _combinations(metafunc, run)
    parameters = [
        pytest.param(*values, id=name, marks=_marks(metafunc, combination, axes, run))
        for combination, values, name in project_axes(combinations, axes)
    ]
    if not parameters:
        # An empty set would become a skipped test, which reads as if something were covered.
        parameters = [pytest.param(*([Nothing()] * len(axes)), id=Nothing.name)]
    metafunc.parametrize(axes, parameters, indirect=True)


def without_nothing(items: Iterable[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Return the items that have a combination, or need none, and those left with nothing."""
    kept: list[pytest.Item] = []
    empty: list[pytest.Item] = []
    for item in items:
        is_empty = any(isinstance(value, Nothing) for value in parameters_of(item).values())
        (empty if is_empty else kept).append(item)
    return kept, empty


def by_combination(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Return the items with the tests of each combination in a row, all others where they were.

    Workers get neighbours of this order, so that each has combinations of its own to measure;
    in the order of the file they would all wait for the same one.
    """
    items = list(items)
    groups: dict[str, list[pytest.Item]] = {}
    slots = []
    for slot, item in enumerate(items):
        combination = combination_of(item)
        if combination is not None:
            groups.setdefault(combination.id, []).append(item)
            slots.append(slot)
    ordered = (item for group in groups.values() for item in group)
    for slot, item in zip(slots, ordered, strict=True):
        items[slot] = item
    return items


def combination_of(item: pytest.Item) -> Case | None:
    """Return the combination that an item is about, None for any other item."""
    values = parameters_of(item)
    if not all(axis in values for axis in AXES):
        return None
    combination = Case(*(values[axis] for axis in AXES))
    from pytest_tinyquant.project.board_types import Board

    return combination if isinstance(combination.board, Board) else None


def parameters_of(item: pytest.Item) -> dict[str, Any]:
    """Return the values an item was parametrized with, by argument."""
    callspec = getattr(item, "callspec", None)
    return {} if callspec is None else callspec.params


def known_issue_of(item: pytest.Item, run: Run) -> KnownIssue | None:
    """Return the row of known_issues.toml that speaks about an item's combination."""
    combination = combination_of(item)
    return None if combination is None else _issue(combination, run)


def _combinations(metafunc: pytest.Metafunc, run: Run) -> tuple[Case, ...]:
    """Return the selected combinations that the test's markers and metrics let pass."""
    where = metafunc.definition.nodeid
    narrowings = [
        Narrowing.of(marker.args, marker.kwargs, where=where)
        for marker in metafunc.definition.iter_markers("tinyquant")
    ]
    _check_tolerances(narrowings, where)
    combinations = narrow(run.combinations, narrowings, run.project, where=where)
    metrics = set(metrics_of(metafunc.definition.name, narrowings))
    return tuple(
        combination for combination in combinations if metrics <= set(combination.board.metrics)
    )


def _check_tolerances(narrowings: Iterable[Narrowing], where: str) -> None:
    """Raise for a malformed tolerance or limit before anything is measured."""
    for narrowing in narrowings:
        if narrowing.tolerance is not None:
            from pytest_tinyquant.metrics.tolerances import parse_mapping

            with located(f"{where}: marker tinyquant: tolerance"):
                parse_mapping(narrowing.tolerance)
        if narrowing.limit is not None:
            from pytest_tinyquant.metrics.limits import parse_limits

            parse_limits(narrowing.limit, source=f"{where}: marker tinyquant: limit")


def _is_ours(metafunc: pytest.Metafunc, axis: str) -> bool:
    """Tell whether the test gets `axis` from this plugin's fixture.

    Not if a conftest defines a fixture of that very common name, nor if the test is parametrized
    over it by hand.
    """
    if axis not in metafunc.fixturenames:
        return False
    for marker in metafunc.definition.iter_markers("parametrize"):
        names = marker.args[0] if marker.args else marker.kwargs.get("argnames", ())
        names = names.split(",") if isinstance(names, str) else names
        if axis in (name.strip() for name in names):
            return False
    definitions = metafunc._arg2fixturedefs.get(axis, ())
    return (
        bool(definitions) and definitions[-1].func.__module__ == "pytest_tinyquant.session.fixtures"
    )


def _marks(
    metafunc: pytest.Metafunc, combination: Case, axes: list[str], run: Run
) -> list[pytest.MarkDecorator]:
    """Return the strict xfail of a known gap, if the test gets as far as to notice it."""
    if len(axes) < len(AXES):
        return []
    issue = _issue(combination, run)
    if issue is None:
        return []
    fixtures = set(metafunc.fixturenames)
    notices = fixtures & _CHECKED or (
        issue.raises == (ConversionError,) and "converted_model" in fixtures
    )
    if not notices:
        return []
    told = f"{issue.reason} ({issue.link})" if issue.link else issue.reason
    reason = harmless(told, one_line=True)
    return [pytest.mark.xfail(raises=issue.raises, strict=True, reason=reason)]


def _issue(combination: Case, run: Run) -> KnownIssue | None:
    return find(
        run.project.known_issues,
        model=combination.model.name,
        scheme=combination.scheme.name,
        board=combination.board.name,
        runtime=combination.board.runtime,
    )
