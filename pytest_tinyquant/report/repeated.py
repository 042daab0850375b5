"""One cause, told once: tests that fail for the same reason share its block on the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from typing import Final

import pytest

from pytest_tinyquant.project.known_issues import FILE_NAME
from pytest_tinyquant.report.item import ATTRIBUTE
from pytest_tinyquant.report.results import Result


#: Errors that may be a property of model, scheme and runtime, so that a row can expect them.
EXPECTABLE: Final = (
    "ConversionError",
    "DeviceHaltedError",
    "DoesNotFitError",
    "InvalidOutputError",
    "UnsupportedModelError",
    "VacuousSchemeError",
)

_Cause = tuple[str, ...]


def shorten_repeated(reports: Iterable[pytest.TestReport]) -> None:
    """Leave the whole text to the first report of each cause; the others name that one.

    Files such as JUnit's have taken in the whole texts when this is called.
    """
    first: dict[_Cause, str] = {}
    for report in reports:
        cause = _cause_of(report)
        if cause is None:
            continue
        told = first.setdefault(cause, report.nodeid)
        if told != report.nodeid:
            report.longrepr = f"{cause[0]}: the same cause as {told}, told there"


def _cause_of(report: pytest.TestReport) -> _Cause | None:
    """Return what tells the cause of a failure from others; None if nothing does."""
    part = getattr(report, ATTRIBUTE, None)
    error = part["error"] if part else None
    if not part or not error:
        return None
    if error["op"] or error["reason"]:
        return (error["class"], error["op"], error["dtype"], error["reason"])
    return (error["class"], error["message"].removeprefix(f"{part['combination']}: "))


def suggested_rows(results: Iterable[Result]) -> Iterator[str]:
    """Yield the lines to add for failures that are to be expected, one row per cause."""
    causes: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        error = result.error
        if result.outcome == "failed" and error and error["class"] in EXPECTABLE:
            reason = error["reason"] or error["message"].partition("\n")[0]
            reason = reason.removeprefix(f"{result.combination}: ")
            causes.setdefault((error["class"], reason), []).append(result)
    if not causes:
        return
    yield f"If these are known not to work, add to {FILE_NAME} in the models' directory:"
    for (name, reason), found in causes.items():
        yield ""
        yield "[[issue]]"
        for key in ("model", "scheme", "board"):
            values = dict.fromkeys(getattr(result, key) for result in found)
            yield f"{key}s = [{', '.join(map(_quoted, values))}]"
        yield f"raises = {_quoted(name)}"
        yield f"reason = {_quoted(reason)}"


def _quoted(text: str) -> str:
    """Return a TOML string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else " " for c in escaped) + '"'
