"""The table of several boards beside each other."""

from __future__ import annotations

from pytest_tinyquant.baselines.verdict import Comparison
from pytest_tinyquant.baselines.verdict import Verdict
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.metric import NumberClass
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.report.results import Result
from pytest_tinyquant.report.side_by_side import side_by_side


BOARDS = ("board", "other-board")


def result(
    model: str,
    board: str,
    metric: str,
    value: float,
    unit: str,
    number_class: NumberClass = "exact",
    part: str = "",
) -> Result:
    part = part or METRICS[metric].primary
    comparison = Comparison(part, None, Metric(value, unit, number_class), "ok", "0")
    name = f"{model}-int8-{board}"
    verdicts = (Verdict(name, metric, "ok", (comparison,), "b.json"),)
    return Result(f"{metric} {name}", name, model, "int8", board, "ok", verdicts, "", None)


def test_boards_stand_beside_each_other_under_every_metric() -> None:
    results = [
        result("cnn_4", "board", "latency", 1500, "instructions"),
        result("cnn_4", "other-board", "latency", 20000, "cycles", "measured"),
        result("cnn_4", "board", "flash", 100, "bytes"),
        result("cnn_4", "other-board", "flash", 200, "bytes"),
        result("fc_1", "board", "flash", 7, "bytes"),
    ]
    assert side_by_side(results, BOARDS, ("latency", "flash")) == [
        "                 latency                   flash",
        "                   board      other-board  board  other-board",
        "            instructions  measured cycles  bytes        bytes",
        "cnn_4-int8         1,500           20,000    100          200",
        "fc_1-int8              -                -      7            -",
    ]


def test_an_accuracy_is_not_taken_for_an_error() -> None:
    results = [result("fc_1", b, "error", 0.96, "1", part="accuracy") for b in BOARDS]
    assert side_by_side(results, BOARDS, ("error",)) == [
        "              error",
        "              board  other-board",
        "           accuracy     accuracy",
        "fc_1-int8      0.96         0.96",
    ]


def test_one_board_needs_no_table() -> None:
    assert side_by_side([result("fc_1", "board", "flash", 7, "bytes")], BOARDS, ["flash"]) == []


def test_a_metric_that_no_board_has_takes_no_column() -> None:
    results = [
        result("fc_1", "board", "flash", 7, "bytes"),
        result("fc_1", "other-board", "flash", 8, "bytes"),
    ]
    table = side_by_side(results, BOARDS, ("latency", "flash"))
    assert table[0].split() == ["flash"]
    assert table[-1].split() == ["fc_1-int8", "7", "8"]
