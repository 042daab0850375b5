"""The gate: what is judged by which baseline, and what may be written to the baselines."""

from __future__ import annotations

import pytest

from pytest_tinyquant.baselines.gate import Gate
from pytest_tinyquant.baselines.message import verdict_text
from pytest_tinyquant.errors import BaselineError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.metrics.metric import Metric


@pytest.fixture
def gate(tmp_path):
    def gate(run="run", **options):
        return Gate(tmp_path / "baselines", journal=tmp_path / run, **options)

    return gate


def files(directory):
    return sorted(path.name for path in directory.rglob("*.json"))


def test_a_missing_baseline_fails_and_names_the_command(gate, recorded, tmp_path):
    verdict = gate().check("latency", recorded)
    assert (verdict.status, verdict.failed) == ("missing", True)
    assert verdict_text(verdict).splitlines()[0] == (
        "cnn_4-int8-only-nucleo-l4r5zi  latency  4,867,112 instructions  MISSING"
    )
    assert "record it with --tq-update-baselines=new" in verdict.message
    assert files(tmp_path) == []


def test_a_missing_baseline_may_skip(gate, recorded, tmp_path):
    verdict = gate(missing="skip").check("latency", recorded)
    assert (verdict.status, verdict.failed) == ("skipped", False)
    assert files(tmp_path) == []


@pytest.mark.parametrize("options", [{"missing": "record"}, {"update": "new"}, {"update": "all"}])
def test_all_metrics_of_a_recorded_combination_are_new(gate, recorded, options):
    # Each metric may be judged by another worker process, so by another gate.
    verdicts = [gate(**options).check(metric, recorded) for metric in recorded.metrics]
    assert [verdict.status for verdict in verdicts] == ["new"] * 4
    assert [written.path.name for written in gate().written()] == ["cnn_4-int8-only.json"]


def test_the_next_run_compares_with_what_was_recorded(gate, recorded, change):
    gate(missing="record").check("latency", recorded)
    again = gate("next", missing="record")
    assert again.check("latency", recorded).status == "ok"
    assert again.check("latency", change(latency_invoke=4_867_113)).status == "regressed"
    assert again.written() == ()


def test_update_new_never_touches_an_existing_file(gate, recorded, change):
    gate(update="new").check("latency", recorded)
    slower = change(latency_invoke=9_000_000)
    assert gate("next", update="new").check("latency", slower).status == "regressed"


def test_update_all_rewrites_and_shows_the_change_in_every_test(gate, recorded, change):
    gate(update="new").check("latency", recorded)
    slower = change(latency_invoke=5_238_004, flash_total=62_000)
    update = gate("next", update="all")
    verdicts = {m: update.check(m, slower) for m in ("flash", "latency", "ram")}
    assert [v.status for v in verdicts.values()] == ["updated", "updated", "ok"]
    assert "4,867,112 -> 5,238,004 instructions  +7.62 %  (limit 0)  UPDATED" in (
        verdict_text(verdicts["latency"])
    )
    assert [written.changed for written in update.written()] == [True]
    assert gate("third").check("latency", slower).status == "ok"


def test_update_all_lists_unchanged_files_as_unchanged(gate, recorded):
    gate(update="new").check("latency", recorded)
    update = gate("next", update="all")
    assert update.check("latency", recorded).status == "ok"
    assert [written.changed for written in update.written()] == [False]


@pytest.mark.parametrize("options", [{"missing": "record"}, {"update": "new"}, {"update": "all"}])
def test_nothing_is_written_for_a_test_that_is_expected_to_fail(gate, recorded, tmp_path, options):
    verdict = gate(**options).check("latency", recorded, may_record=False)
    assert verdict.status == "missing"
    assert files(tmp_path) == []


def test_a_damaged_baseline_is_an_error_and_update_all_heals_it(gate, recorded):
    gate(update="new").check("latency", recorded)
    path = gate().store.path_of(recorded)
    path.write_text(path.read_text()[:100])
    with pytest.raises(BaselineError, match="truncated"):
        gate("next").check("latency", recorded)
    healed = gate("third", update="all").check("latency", recorded)
    assert healed.status == "updated"
    assert "replaced a damaged file" in healed.notes[0]
    assert gate("fourth").check("latency", recorded).status == "ok"


def test_update_all_heals_a_file_that_is_no_text(gate, recorded):
    gate(update="new").check("latency", recorded)
    gate().store.path_of(recorded).write_bytes(b"\xff\xff")
    assert gate("next", update="all").check("latency", recorded).status == "updated"
    assert gate("third").check("latency", recorded).status == "ok"


def test_tolerance_layers_reach_the_verdict(gate, recorded, change):
    gate(update="new").check("latency", recorded)
    slower = change(latency_invoke=5_000_000)
    strict = gate("next", tolerances={"latency": "1%"})
    assert strict.check("latency", slower).status == "regressed"
    assert strict.check("latency", slower, tolerances=[{"latency": "5%"}]).status == "ok"


def test_a_metric_the_board_lacks_is_named(gate, change):
    host = change(metrics={"error": {"mae": Metric(0.1, "of range", "exact")}})
    with pytest.raises(ConfigurationError, match="has no metric 'flash'; it has error"):
        gate().check("flash", host)


@pytest.mark.parametrize("options", [{"missing": "ignore"}, {"update": "some"}])
def test_unknown_modes_are_refused(gate, options):
    with pytest.raises(ConfigurationError):
        gate(**options)
