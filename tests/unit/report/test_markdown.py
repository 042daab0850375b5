"""The Markdown summary."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_tinyquant.baselines.cause import Cause
from pytest_tinyquant.baselines.verdict import Comparison
from pytest_tinyquant.baselines.verdict import Status
from pytest_tinyquant.baselines.verdict import Verdict
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.report.markdown import MOST_ROWS
from pytest_tinyquant.report.markdown import markdown
from pytest_tinyquant.report.results import Result
from pytest_tinyquant.report.results import Results


CAUSE = Cause("layer", "conv2d[3]", 1000, 1250, about="tq_conv")


def result(
    name: str = "cnn_4-int8-rx65n",
    outcome: str = "ok",
    verdicts: Any = (),
    gap: str = "",
    error: dict[str, str] | None = None,
) -> Result:
    return Result(
        f"test_matrix.py::test_latency[{name}]", name, "cnn_4", "int8", "rx65n", outcome,
        tuple(verdicts), gap, error,
    )  # fmt: skip


def verdict(status: Status, causes: list[Cause] | tuple[()] = ()) -> Verdict:
    before, now = (Metric(count, "instructions", "exact") for count in (1500, 1750))
    comparison = Comparison("invoke", before, now, status, "0")
    return Verdict("", "latency", status, (comparison,), "b.json", causes=tuple(causes))


def test_a_regression_is_a_row_with_its_cause() -> None:
    regressed = result(outcome="regressed", verdicts=[verdict("regressed", [CAUSE])])
    lines = markdown(Results([regressed, result()]), "tinyquant: 1 model").splitlines()
    assert lines[:5] == ["## tinyquant", "", "**1 regressed, 1 ok**", "", "1 model"]
    assert lines[-1] == (
        "| cnn\\_4-int8-rx65n | latency | 1,500 -\\> 1,750 instructions<br>conv2d\\[3\\] +250 "
        "tq\\_conv | +16.67 % | regressed |"
    )


def test_an_error_is_a_row_with_its_class() -> None:
    error = {"class": "DoesNotFitError", "message": "cnn_4-int8-rx65n: RAM | 12 bytes\nmore"}
    text = markdown(Results([result(outcome="failed", error=error)]), None)
    assert "| cnn\\_4-int8-rx65n |  | DoesNotFitError: RAM \\| 12 bytes |  | failed |" in text


def test_what_fails_comes_before_what_only_changed() -> None:
    results = [
        result("a", "improved", [verdict("improved")]),
        result("b", "regressed", [verdict("regressed")]),
    ]
    rows = [line for line in markdown(Results(results), None).splitlines() if "latency" in line]
    assert [row[2] for row in rows] == ["b", "a"]


def test_known_gaps_are_folded_away_by_cause() -> None:
    error = {
        "class": "UnsupportedModelError",
        "op": "DEQUANTIZE",
        "dtype": "float16",
        "message": "",
    }
    gaps = [result(name, "known gap", gap="no kernel", error=error) for name in ("a", "b")]
    text = markdown(Results(gaps), None)
    assert "<details><summary>Known gaps</summary>" in text
    assert "- known gap of 2 combinations: UnsupportedModelError DEQUANTIZE float16" in text


@pytest.mark.parametrize("count", [MOST_ROWS, MOST_ROWS + 7])
def test_a_long_table_ends_and_says_so(count: int) -> None:
    results = [result(f"c{i}", "regressed", [verdict("regressed")]) for i in range(count)]
    text = markdown(Results(results), None)
    assert text.count("| latency |") == MOST_ROWS
    assert ("7 rows more" in text) == (count > MOST_ROWS)


def test_a_run_without_results_says_so() -> None:
    assert "**no results**" in markdown(Results(), None)
