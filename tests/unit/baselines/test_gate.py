"""The gate: what is judged by which baseline, and what may be written to the baselines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.baselines.gate import Gate
from pytest_tinyquant.baselines.message import verdict_text
from pytest_tinyquant.errors import BaselineError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.metric import Metric


RECORDING = ({"missing": "record"}, {"update": "new"}, {"update": "all"})
FLASH_IS_NEW = (
    ("flash", "total", None, 61_440),
    ("flash", "weights", None, 50_000),
    ("flash", "kernels", None, 6_000),
)


@pytest.fixture
def gate(tmp_path: Path) -> Callable[..., Gate]:
    def gate(run: str = "run", **options: Any) -> Gate:
        return Gate(tmp_path / "baselines", proposals=tmp_path / run, **options)

    return gate


@pytest.fixture
def record() -> Callable[..., Any]:
    """Judge metrics, all by default, with tests that pass; return what was written."""

    def record(gate: Gate, measurement: Measurement | None = None, *metrics: str) -> Any:
        if measurement is not None:
            for metric in metrics or measurement.metrics:
                gate.check(metric, measurement, test=metric)
        assert gate.record({"error", "latency", "flash", "ram"}) == []
        return [
            (
                written.path.name,
                written.metrics,
                "new" if written.is_new else "changed" if written.changed else "unchanged",
                tuple(
                    (c.metric, c.part, c.before and c.before.value, c.after and c.after.value)
                    for c in written.changes
                ),
            )
            for written in gate.written()
        ]

    return record


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.rglob("*.json"))


def test_a_missing_baseline_fails_and_names_the_command(
    gate: Callable[..., Gate], recorded: Measurement, tmp_path: Path
) -> None:
    verdict = gate().check("latency", recorded)
    assert (verdict.status, verdict.failed) == ("missing", True)
    assert verdict_text(verdict).splitlines()[0] == (
        "cnn_4-int8-only-nucleo-l4r5zi  latency  4,867,112 instructions  MISSING"
    )
    assert "record it with --tq-update-baselines=new" in verdict.message
    assert files(tmp_path) == []


def test_a_missing_baseline_may_skip(
    gate: Callable[..., Gate], recorded: Measurement, tmp_path: Path
) -> None:
    verdict = gate(missing="skip").check("latency", recorded)
    assert (verdict.status, verdict.failed) == ("skipped", False)
    assert files(tmp_path) == []


@pytest.mark.parametrize("options", RECORDING)
def test_all_metrics_of_a_recorded_combination_are_new(
    gate: Callable[..., Gate],
    record: Callable[..., Any],
    recorded: Measurement,
    options: dict[str, str],
) -> None:
    # Each metric may be judged by another worker process, so by another gate.
    verdicts = [gate(**options).check(m, recorded, test=m) for m in recorded.metrics]
    assert [verdict.status for verdict in verdicts] == ["new"] * 4
    assert record(gate()) == [
        ("cnn_4-int8-only.json", ("error", "flash", "latency", "ram"), "new", ())
    ]


def test_nothing_is_written_before_the_run_ends(
    gate: Callable[..., Gate], record: Callable[..., Any], recorded: Measurement, tmp_path: Path
) -> None:
    gate(update="all").check("latency", recorded, test="latency")
    assert not (tmp_path / "baselines").exists()
    record(gate())
    assert files(tmp_path / "baselines") == ["cnn_4-int8-only.json"]


def test_the_next_run_compares_with_what_was_recorded(
    gate: Callable[..., Gate],
    record: Callable[..., Any],
    recorded: Measurement,
    change: Callable[..., Measurement],
) -> None:
    record(gate(missing="record"), recorded)
    again = gate("next", missing="record")
    assert again.check("latency", recorded, test="latency").status == "ok"
    slower = change(latency_invoke=4_867_113)
    assert again.check("latency", slower, test="latency").status == "regressed"
    assert record(again) == []


def test_update_new_never_touches_what_is_there(
    gate: Callable[..., Gate],
    record: Callable[..., Any],
    recorded: Measurement,
    change: Callable[..., Measurement],
) -> None:
    record(gate(update="new"), recorded, "latency")
    slower = change(latency_invoke=9_000_000)
    assert gate("next", update="new").check("latency", slower).status == "regressed"


def test_update_new_adds_a_metric_that_the_file_lacks(
    gate: Callable[..., Gate], record: Callable[..., Any], recorded: Measurement
) -> None:
    record(gate(update="new"), recorded, "latency")
    verdict = gate("plain").check("flash", recorded)
    assert verdict.status == "missing"
    assert "no flash in the baseline" in verdict.message
    (written,) = record(gate("next", update="new"), recorded, "flash", "latency")
    assert written[1:] == (("flash",), "changed", FLASH_IS_NEW)
    assert gate("third").check("flash", recorded).status == "ok"


def test_update_all_rewrites_and_shows_the_change_in_every_test(
    gate: Callable[..., Gate],
    record: Callable[..., Any],
    recorded: Measurement,
    change: Callable[..., Measurement],
) -> None:
    record(gate(update="new"), recorded)
    slower = change(latency_invoke=5_238_004, flash_total=62_000)
    update = gate("next", update="all")
    verdicts = {m: update.check(m, slower, test=m) for m in ("flash", "latency", "ram")}
    assert [v.status for v in verdicts.values()] == ["updated", "updated", "ok"]
    assert "4,867,112 -> 5,238,004 instructions  +7.62 %  (limit 0)  UPDATED" in (
        verdict_text(verdicts["latency"])
    )
    (written,) = record(update)
    assert written[2:] == (
        "changed",
        (("flash", "total", 61_440, 62_000), ("latency", "invoke", 4_867_112, 5_238_004)),
    )
    assert gate("third").check("latency", slower).status == "ok"


def test_update_all_lists_unchanged_files_as_unchanged(
    gate: Callable[..., Gate], record: Callable[..., Any], recorded: Measurement
) -> None:
    record(gate(update="new"), recorded)
    assert [written[2:] for written in record(gate("next", update="all"), recorded)] == [
        ("unchanged", ())
    ]


@pytest.mark.parametrize("options", RECORDING)
def test_nothing_is_written_for_a_test_that_is_expected_to_fail(
    gate: Callable[..., Gate],
    record: Callable[..., Any],
    recorded: Measurement,
    options: dict[str, str],
) -> None:
    judge = gate(**options)
    assert judge.check("latency", recorded).status in ("missing", "new")
    assert record(judge) == []


def test_only_what_passed_is_written_whatever_else_was_measured(
    gate: Callable[..., Gate],
    record: Callable[..., Any],
    recorded: Measurement,
    change: Callable[..., Measurement],
) -> None:
    """A regression of flash must not slip in with an update of the latency."""
    record(gate(update="new"), recorded)
    worse = change(latency_invoke=5_000_000, flash_total=99_999, symbols={"tq_invoke": 9})
    update = gate("next", update="all")
    for metric in ("latency", "flash", "ram"):
        update.check(metric, worse, test=metric)
    update.check("flash", worse)  # by a test that is expected to fail
    assert update.record({"latency", "another"}) == []
    assert [written.metrics for written in update.written()] == [("latency",)]
    after = gate("third").reference(recorded)
    assert after is not None
    assert after.metrics["latency"]["invoke"].value == 5_000_000
    assert recorded is not None
    assert after.metrics["flash"] == recorded.metrics["flash"]
    assert after.symbols == recorded.symbols
    assert gate("third").check("flash", worse).status == "regressed"


@pytest.mark.parametrize("metric", ["error", "latency", "flash", "ram"])
def test_each_metric_brings_what_explains_it_and_nothing_else(
    gate: Callable[..., Gate],
    record: Callable[..., Any],
    recorded: Measurement,
    change: Callable[..., Measurement],
    metric: str,
) -> None:
    record(gate(update="new"), recorded)
    other = change(
        output_sha256="e" * 64, ops=(), symbols={"a": 1}, variables={"b": 2}, arena_tensors=()
    )
    record(gate("next", update="all"), other, metric)
    after = gate("third").reference(recorded)
    fields = {
        "error": ("output_sha256",),
        "latency": ("ops",),
        "flash": ("symbols",),
        "ram": ("variables", "arena_tensors"),
    }
    for owner, names in fields.items():
        for name in names:
            source = other if owner == metric else recorded
            found, wanted = (sorted(map(str, getattr(m, name))) for m in (after, source))
            assert found == wanted, name


def test_numbers_of_two_runtimes_never_stand_in_one_file(
    gate: Callable[..., Gate],
    record: Callable[..., Any],
    recorded: Measurement,
    change: Callable[..., Measurement],
) -> None:
    record(gate(update="new"), recorded)
    before = gate().store.path_of(recorded).read_text()
    update = gate("next", update="all")
    update.check("latency", change(identity_runtime="tflm"), test="latency")
    (problem,) = update.record({"latency"})
    assert "of runtime tflm beside error, flash, ram of runtime tinyquant" in problem
    assert gate().store.path_of(recorded).read_text() == before
    whole = gate("whole", update="all")
    record(whole, change(identity_runtime="tflm"))
    written = whole.reference(recorded)
    assert written is not None
    assert written.identity["runtime"] == "tflm"


def test_what_stands_is_judged_as_strictly_as_if_it_had_been_built_alike(
    gate: Callable[..., Gate],
    record: Callable[..., Any],
    recorded: Measurement,
    change: Callable[..., Measurement],
) -> None:
    record(gate(update="new"), recorded)
    record(gate("next", update="all"), change(toolchain="gcc 13"), "latency")
    grown = change(toolchain="gcc 13", flash_total=61_441)
    assert gate("third").check("flash", grown).status == "regressed"


def test_a_damaged_baseline_is_an_error_and_update_all_heals_it(
    gate: Callable[..., Gate], record: Callable[..., Any], recorded: Measurement
) -> None:
    record(gate(update="new"), recorded)
    path = gate().store.path_of(recorded)
    path.write_text(path.read_text()[:100])
    with pytest.raises(BaselineError, match="truncated"):
        gate("next").check("latency", recorded)
    update = gate("third", update="all")
    healed = update.check("latency", recorded, test="latency")
    assert healed.status == "updated"
    assert "replaced a damaged file" in healed.notes[0]
    record(update)
    assert gate("fourth").check("latency", recorded).status == "ok"


def test_update_all_heals_a_file_that_is_no_text(
    gate: Callable[..., Gate], record: Callable[..., Any], recorded: Measurement
) -> None:
    record(gate(update="new"), recorded)
    gate().store.path_of(recorded).write_bytes(b"\xff\xff")
    update = gate("next", update="all")
    assert update.check("latency", recorded, test="latency").status == "updated"
    record(update)
    assert gate("third").check("latency", recorded).status == "ok"


def test_a_file_that_cannot_be_written_keeps_no_other_from_it(
    gate: Callable[..., Gate],
    recorded: Measurement,
    change: Callable[..., Measurement],
    tmp_path: Path,
) -> None:
    update = gate(update="all")
    other = change(model="cnn_5")
    for measurement in (recorded, other):
        update.check("latency", measurement, test=measurement.model)
    update.store.path_of(recorded).mkdir(parents=True)
    (problem,) = update.record({"cnn_4", "cnn_5"})
    assert "cnn_4-int8-only.json cannot be written" in problem
    assert [written.path.name for written in update.written()] == ["cnn_5-int8-only.json"]


def test_tolerance_layers_reach_the_verdict(
    gate: Callable[..., Gate],
    record: Callable[..., Any],
    recorded: Measurement,
    change: Callable[..., Measurement],
) -> None:
    record(gate(update="new"), recorded)
    slower = change(latency_invoke=5_000_000)
    strict = gate("next", tolerances={"latency": "1%"})
    assert strict.check("latency", slower).status == "regressed"
    assert strict.check("latency", slower, tolerances=[{"latency": "5%"}]).status == "ok"


def test_a_metric_the_board_lacks_is_named(
    gate: Callable[..., Gate], change: Callable[..., Measurement]
) -> None:
    host = change(metrics={"error": {"mae": Metric(0.1, "of range", "exact")}})
    with pytest.raises(ConfigurationError, match="has no metric 'flash'; it has error"):
        gate().check("flash", host)


@pytest.mark.parametrize("options", [{"missing": "ignore"}, {"update": "some"}])
def test_unknown_modes_are_refused(gate: Callable[..., Gate], options: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        gate(**options)
