"""A test that judged nothing, or not what its name says, is not ok."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field

import pytest

from pytest_tinyquant.session.collection import combination_of
from pytest_tinyquant.session.matrix import Narrowing
from pytest_tinyquant.session.matrix import metrics_of


@dataclass
class Judged:
    """What one run of a test had its ``baseline`` judge.

    :param metrics: metrics of the test's own combination that were judged and passed.
    :param others: metrics of other combinations that were.
    :param failures: what came of checks that did not pass, whatever the test made of it.
    """

    metrics: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def watch(self, metric: str, combination: str, own: str) -> Iterator[None]:
        """Note what comes of the check in a ``with`` block.

        :param combination: of what is judged; `own` is that of the test, empty for none.
        """
        try:
            yield
        except BaseException as error:
            self.failures.append(str(error) or type(error).__name__)
            raise
        is_own = not own or combination.lower() == own
        (self.metrics if is_own else self.others).append(metric)


def expected_metrics(item: pytest.Item) -> tuple[str, ...]:
    """Return the metrics that a test judges by its marker, or else by its name."""
    return metrics_of(_function_name(item), _narrowings(item))


def shortcoming(item: pytest.Item, judged: Judged) -> str:
    """Return why a test that passed does not count, in words; empty if it does.

    A test without the fixture ``baseline`` judges by rules of its own, which nobody can look into.
    """
    if judged.failures:
        return (
            "a check did not pass and the test went on as if it had; let baseline.check() end the "
            f"test. It said:\n{judged.failures[0]}"
        )
    lacking = [metric for metric in expected_metrics(item) if metric not in judged.metrics]
    if lacking:
        found = _found(judged)
        return (
            f"its name or marker says that it judges {', '.join(lacking)}, and it judged {found}; "
            f"call baseline.check({lacking[0]!r}, measurement), or say with "
            "@pytest.mark.tinyquant(metrics=...) what it judges"
        )
    if not judged.metrics and not _says_nothing(item):
        return (
            f"it takes the fixture 'baseline' and judged {_found(judged)}; call baseline.check(), "
            "leave the fixture out, or say so with @pytest.mark.tinyquant(metrics=())"
        )
    return ""


def own_combination(item: pytest.Item) -> str:
    """Return the name of the combination that a test is about; empty for none."""
    combination = combination_of(item)
    return "" if combination is None else combination.id


def _found(judged: Judged) -> str:
    """Return what was judged, in words."""
    if judged.metrics:
        return f"{', '.join(dict.fromkeys(judged.metrics))} only"
    return "only other combinations" if judged.others else "nothing"


def _says_nothing(item: pytest.Item) -> bool:
    """Tell whether the test's marker says that it judges no metric."""
    metrics = [narrowing.metrics for narrowing in _narrowings(item)]
    return next((value for value in metrics if value is not None), None) == ()


def _narrowings(item: pytest.Item) -> list[Narrowing]:
    return [
        Narrowing.of(marker.args, marker.kwargs, where=item.nodeid)
        for marker in item.iter_markers("tinyquant")
    ]


def _function_name(item: pytest.Item) -> str:
    return str(getattr(item, "originalname", None) or item.name.partition("[")[0])
