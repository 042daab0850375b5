"""Budgets: how they are written, and what becomes of a number at their edge."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from pytest_tinyquant.baselines.limits import with_limits
from pytest_tinyquant.baselines.message import verdict_text
from pytest_tinyquant.baselines.verdict import Comparison
from pytest_tinyquant.baselines.verdict import Status
from pytest_tinyquant.baselines.verdict import Verdict
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.measure.measurement import Estimate
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.limits import parse_limit_lines
from pytest_tinyquant.metrics.limits import parse_limits
from pytest_tinyquant.metrics.metric import Metric


@pytest.mark.parametrize(
    ("name", "text", "bound", "unit"),
    [
        ("flash", "50 KiB", 51_200, "bytes"),
        ("flash", "50KiB", 51_200, "bytes"),
        ("flash", "<= 64 kB", 64_000, "bytes"),
        ("ram", "1.5 MiB", 1_572_864, "bytes"),
        ("ram.arena", "8_192", 8_192, ""),
        ("ram", "8,192 bytes", 8_192, "bytes"),
        ("latency", "120000 cycles", 120_000, "cycles"),
        ("latency", "2 ms", 0.002, "s"),
        ("latency", "250us", 0.00025, "s"),
        ("error", "1e-3", 0.001, ""),
        ("accuracy", ">= 0.90", 0.9, ""),
        ("accuracy", ">= 90 %", 0.9, ""),
    ],
)
def test_the_usual_spellings(name: str, text: str, bound: float, unit: str) -> None:
    (limit,) = parse_limits({name: text}, source="net.toml: [limit]")
    assert limit.bound == pytest.approx(bound)
    assert limit.unit == unit
    assert limit.at_least == text.startswith(">=")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("flash", "64KB", r"write kB \(1,000 bytes\) or KiB \(1,024 bytes\) for 'KB'"),
        ("flash", "64k", "write kB"),
        ("flash", "64 parsecs", "unknown unit 'parsecs'"),
        ("flash", "about 64 KiB", "is no limit; write such as"),
        ("flash", -1, "-1 is no limit"),
        ("flash", 64, "64 is no limit"),
        ("flsh", "64 KiB", "unknown metric 'flsh'; limits are of error, latency, flash, ram"),
        ("flash.heap", "64 KiB", "flash has no part 'heap'"),
        ("accuracy", "0.9", "more of it is better; write '>= 0.9'"),
        ("accuracy", "<= 90 %", "'<= 90 %': more of it is better; write '>= 90 %'"),
        ("flash", ">= 50 KiB", "less of it is better; write '<= 50 KiB'"),
        ("flash", "9" * 400 + ".x", "is no limit"),
    ],
)
def test_what_no_limit_is(name: str, text: int | str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"net.toml: \[limit\]: {name}.*{message}"):
        parse_limits({name: text}, source="net.toml: [limit]")


def test_a_line_of_the_ini_file() -> None:
    (limit,) = parse_limit_lines(["", "flash: 50 KiB"], source="tinyquant_limit")
    assert (limit.metric, limit.bound, limit.where) == ("flash", 51_200, "tinyquant_limit: flash")
    with pytest.raises(ConfigurationError, match="write METRIC:LIMIT"):
        parse_limit_lines(["flash 50 KiB"], source="tinyquant_limit")


def verdict(measurement: Measurement, metric: str, status: Status = "ok") -> Verdict:
    (part, number), *_ = measurement.gating(metric).items()
    comparison = Comparison(part, number, number, status, "0")
    return Verdict(measurement.combination, metric, status, (comparison,), "baseline.json")


def judged(
    measurement: Measurement, metric: str, text: str, status: Status = "ok", board: str = ""
) -> Verdict:
    value = {board: text} if board else text
    limits = parse_limits({metric: value}, source="net.toml: [limit]")
    metric = limits[0].metric
    return with_limits(verdict(measurement, metric, status), measurement, limits)


def test_one_byte_below_is_red_and_the_very_number_is_green(recorded: Measurement) -> None:
    flash = recorded.metrics["flash"]["total"].value
    assert judged(recorded, "flash", f"{flash} bytes").status == "ok"
    over = judged(recorded, "flash", f"{flash - 1} bytes")
    assert over.status == "over limit"
    assert over.failed
    assert verdict_text(over).splitlines() == [
        "cnn_4-int8-only-nucleo-l4r5zi  flash  OVER LIMIT",
        f"  total {flash:,} bytes, limit {flash - 1} bytes (net.toml: [limit]: flash): "
        "OVER LIMIT by 1 bytes",
    ]


def test_a_limit_holds_without_a_baseline_too(recorded: Measurement) -> None:
    assert judged(recorded, "flash", "1 KiB", status="new").status == "over limit"


def test_a_regression_stays_one_and_tells_the_limit_as_well(recorded: Measurement) -> None:
    both = judged(recorded, "flash", "1 KiB", status="regressed")
    assert both.status == "regressed"
    assert "OVER LIMIT" in verdict_text(both)


def test_a_limit_of_one_board_is_no_other_boards(recorded: Measurement) -> None:
    assert judged(recorded, "flash", "1 KiB", board="rx65n").limits == ()
    assert judged(recorded, "flash", "1 KiB", board="nucleo-l4r5zi").status == "over limit"


def test_a_time_needs_a_clock(recorded: Measurement) -> None:
    with pytest.raises(ConfigurationError, match="'2 ms' cannot be judged on nucleo-l4r5zi"):
        judged(recorded, "latency", "2 ms")


def test_a_time_is_told_by_cycles_and_clock(
    recorded: Measurement, change: Callable[..., Measurement]
) -> None:
    cycles = change(latency_invoke=Metric(240_000, "cycles", "measured"))
    board = dataclasses.replace(cycles, clock_hz=120_000_000)
    assert judged(board, "latency", "2 ms").status == "ok"
    over = judged(board, "latency", "1999 us")
    assert over.status == "over limit"
    assert over.limits[0].number.number_class == "measured"


def test_a_time_is_told_by_an_estimate_whose_class_shows(recorded: Measurement) -> None:
    number = Metric(240_000, "cycles", "estimated")
    estimate = Estimate("latency", number, "a model", clock_hz=120_000_000)
    estimated = dataclasses.replace(recorded, estimates=(estimate,))
    assert judged(estimated, "latency", "2 ms").status == "ok"
    over = judged(estimated, "latency", "1 ms")
    assert over.status == "over limit"
    assert "s estimated" in verdict_text(over)


def test_a_figure_that_was_not_measured_is_no_pass(recorded: Measurement) -> None:
    with pytest.raises(ConfigurationError, match=r"has no error.accuracy; it has mae"):
        judged(recorded, "accuracy", ">= 0.9")  # the check samples have no labels


def test_at_most_so_much_of_what_should_be_more_is_no_limit(
    recorded: Measurement,
) -> None:
    gated = dataclasses.replace(recorded, gates={"error": ("cosine",)})
    with pytest.raises(ConfigurationError, match=r"decides error of cnn_4.* is cosine, of which"):
        judged(gated, "error", "0.01")
    assert judged(recorded, "error", "0.5").status == "ok"


def test_a_verdict_keeps_its_limits_through_json(recorded: Measurement) -> None:
    over = judged(recorded, "flash", "1 KiB")
    assert Verdict.from_json(over.to_json()) == over
