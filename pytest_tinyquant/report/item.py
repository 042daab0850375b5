"""What the report of one test says about its combination."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING
from typing import Any

import pytest

from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.session.fixtures import MEASUREMENT
from pytest_tinyquant.session.fixtures import VERDICTS
from pytest_tinyquant.session.run import RUN
from pytest_tinyquant.system.plain_text import harmless


if TYPE_CHECKING:
    from pytest_tinyquant.project.case import Case

#: Attribute of a report that holds this plugin's part; JSON types only, as it crosses processes.
ATTRIBUTE = "tinyquant"
XPASS = "[XPASS(strict)]"


def prepare(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Add the combination and its error to the properties that JUnit files show."""
    combination = _combination(item)
    if combination is None:
        return
    if call.when == "setup":
        item.user_properties += [
            ("tinyquant.model", combination.model.name),
            ("tinyquant.scheme", combination.scheme.name),
            ("tinyquant.board", combination.board.name),
            ("tinyquant.target", combination.board.target.value),
        ]
    if call.excinfo is not None and isinstance(call.excinfo.value, TinyQuantError):
        item.user_properties.append(("tinyquant.error", call.excinfo.typename))


@contextlib.contextmanager
def plainly_told(call: pytest.CallInfo[None]) -> Iterator[None]:
    """Keep pytest, in a ``with`` block, from putting together a traceback that nobody will see.

    Plain words take its place, see :func:`complete`. To read and to parse the source of every
    frame took a fifth of the time of a run with many known gaps.
    """
    excinfo = call.excinfo
    if excinfo is None or not isinstance(excinfo.value, TinyQuantError):
        yield
        return
    error, traceback, cause = excinfo.value, excinfo.traceback, excinfo.value.__cause__
    suppressed = error.__suppress_context__
    excinfo.traceback = type(traceback)(())
    error.__cause__ = None  # which suppresses the context as well
    try:
        yield
    finally:
        excinfo.traceback = traceback
        error.__cause__, error.__suppress_context__ = cause, suppressed


def complete(report: pytest.TestReport, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Add the combination, its verdicts and its error to the report, in plain words."""
    error = call.excinfo.value if call.excinfo is not None else None
    if isinstance(error, BenchError) and hasattr(report, "wasxfail"):
        # Whatever an xfail says it expects: trouble with the bench is not it.
        del report.wasxfail
        report.outcome = "failed"
    gap = getattr(report, "wasxfail", "")
    if isinstance(error, TinyQuantError):
        _say_plainly(report, call, error, _message(error, _combination(item)))
    combination = _combination(item)
    if isinstance(error, BenchError) and report.when == "call" and report.failed:
        report.when = "setup"  # an ERROR to pytest: it says nothing about the model
    if combination is None or report.when == "teardown" or _is_uneventful(report):
        return
    if isinstance(report.longrepr, str) and report.longrepr.startswith(XPASS):
        report.longrepr += _closed_gap(item)
    if report.failed:
        from pytest_tinyquant.report.device_log import attach

        attach(report, item, combination, results=isinstance(error, TinyQuantError))
    part = {
        "combination": combination.id,
        "model": combination.model.name,
        "scheme": combination.scheme.name,
        "board": combination.board.name,
        "verdicts": [verdict.to_json() for verdict in item.stash.get(VERDICTS, [])],
        "gap": gap,
        "error": _error(error, combination) if isinstance(error, TinyQuantError) else None,
        "retries": _retries(item, error),
        "estimates": _estimates(item),
        "unjudged": _is_unjudged(item),
    }
    setattr(report, ATTRIBUTE, part)


def _combination(item: pytest.Item) -> Case | None:
    """Return the item's combination, without a second look at items of other projects."""
    if not item.config.stash[RUN].is_selected:
        return None
    from pytest_tinyquant.session.collection import combination_of

    return combination_of(item)


def _is_uneventful(report: pytest.TestReport) -> bool:
    return report.when == "setup" and report.passed


def _say_plainly(
    report: pytest.TestReport, call: pytest.CallInfo[None], error: TinyQuantError, message: str
) -> None:
    """Put `message` in place of a traceback, and before the reason of an xfail."""
    text = harmless(f"{type(error).__name__}: {message}")
    if hasattr(report, "wasxfail"):
        reason = report.wasxfail
        report.wasxfail = f"{_first_line(text)} [{reason}]" if reason else _first_line(text)
    if report.failed or hasattr(report, "wasxfail"):
        assert call.excinfo is not None
        plain: Any = call.excinfo.getrepr(style="value", chain=False)
        plain.reprtraceback.reprentries[-1].lines[:] = text.splitlines()
        plain.reprcrash.message = text
        report.longrepr = plain


def _closed_gap(item: pytest.Item) -> str:
    """Return what to do about a known gap that is none any more."""
    from pytest_tinyquant.session.collection import known_issue_of

    issue = known_issue_of(item, item.config.stash[RUN])
    return f"\nThe gap is closed: remove {issue.where}" if issue else ""


def _message(error: TinyQuantError, combination: Case | None) -> str:
    """Return the error's text, beginning with the combination that it is about.

    A stage may know less than that: the cache has no model, a device only its board.
    """
    text = str(error)
    if combination is None or text.lower().startswith(combination.id):
        return text
    for part in (combination.model.name, combination.board.name):
        text = text.removeprefix(f"{part}: ")
    return f"{combination.id}: {text}"


def _error(error: TinyQuantError, combination: Case) -> dict[str, str]:
    """Return an error as JSON types."""
    return {
        "class": type(error).__name__,
        "message": harmless(_message(error, combination)),
        "op": getattr(error, "op", ""),
        "dtype": getattr(error, "dtype", ""),
        "reason": getattr(error, "reason", ""),
    }


def _retries(item: pytest.Item, error: BaseException | None) -> list[str]:
    """Return why the device ran again before it gave the measurement, or met its error."""
    measured = item.stash.get(MEASUREMENT, None)
    return list(measured.retries if measured is not None else getattr(error, "retries", ()))


def _estimates(item: pytest.Item) -> list[dict[str, Any]]:
    """Return what was estimated beside the measurement, as JSON types."""
    measured = item.stash.get(MEASUREMENT, None)
    return [estimate.to_json() for estimate in measured.estimates] if measured is not None else []


def _is_unjudged(item: pytest.Item) -> bool:
    """Tell whether a test about a metric had the gate judge nothing, but judges by its own rules.

    One that takes the fixture ``baseline`` and does not use it has failed for it already.
    """
    if item.stash.get(VERDICTS, None) or MEASUREMENT not in item.stash:
        return False
    from pytest_tinyquant.session.judged import expected_metrics

    return bool(expected_metrics(item))


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
