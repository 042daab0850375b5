"""The verdict on each metric, and its wording."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_tinyquant.baselines.compare import advised
from pytest_tinyquant.baselines.compare import compare
from pytest_tinyquant.baselines.message import verdict_text
from pytest_tinyquant.baselines.verdict import FAILING
from pytest_tinyquant.baselines.verdict import Status
from pytest_tinyquant.baselines.verdict import Verdict
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.tolerance import Tolerance
from pytest_tinyquant.metrics.tolerances import Tolerances


@pytest.fixture
def judge(recorded: Measurement) -> Callable[..., Verdict]:
    def judge(
        metric: str,
        current: Measurement,
        *,
        baseline: Measurement = recorded,
        tolerances: dict[str, int] | None = None,
    ) -> Verdict:
        return compare(metric, baseline, current, Tolerances.of(tolerances or {}), "b.json")

    return judge


@pytest.mark.parametrize("metric", ["error", "latency", "flash", "ram"])
def test_the_same_numbers_are_ok(
    judge: Callable[..., Verdict], recorded: Measurement, metric: str
) -> None:
    verdict = judge(metric, recorded)
    assert (verdict.status, verdict.failed, verdict.notes, verdict.causes) == ("ok", False, (), ())


def test_regression_message(
    judge: Callable[..., Verdict], recorded: Measurement, change: Callable[..., Measurement]
) -> None:
    ops = list(recorded.ops)
    ops[3] = dataclasses.replace(ops[3], count=ops[3].count + 370_884)
    verdict = judge("latency", change(latency_invoke=5_238_004, ops=tuple(ops)))
    assert verdict.failed
    assert verdict_text(verdict) == (
        "cnn_4-int8-only-nucleo-l4r5zi  latency  4,867,112 -> 5,238,004 instructions  +7.62 %  "
        "(limit 0)  REGRESSED\n"
        "  conv2d[3] 16x16x32  +370,884   tq_conv_2d_s8"
    )


def test_flash_regression_message_names_the_symbol(
    judge: Callable[..., Verdict], change: Callable[..., Measurement], recorded: Measurement
) -> None:
    symbols = {**recorded.symbols, "tq_conv_2d_s8": 1_516}
    verdict = judge("flash", change(flash_total=61_752, symbols=symbols))
    assert verdict_text(verdict) == (
        "cnn_4-int8-only-nucleo-l4r5zi  flash  61,440 -> 61,752 bytes  +0.51 %  (limit 0)  "
        "REGRESSED\n"
        "  tq_conv_2d_s8  +312   1,204 -> 1,516"
    )


def test_error_regression_message_names_the_digest(
    judge: Callable[..., Verdict], change: Callable[..., Measurement]
) -> None:
    verdict = judge("error", change(error_mae=0.00523, error_rmse=0.007, output_sha256="e" * 64))
    assert verdict_text(verdict) == (
        "cnn_4-int8-only-nucleo-l4r5zi  error  0.00412 -> 0.00523 of range  +26.94 %  "
        "(limit 1e-06 of range)  REGRESSED\n"
        "  rmse 0.0061 -> 0.007 of range\n"
        "  outputs changed (dddddddddddd -> eeeeeeeeeeee)"
    )


def test_one_instruction_more_is_a_regression_and_does_not_read_as_no_change(
    judge: Callable[..., Verdict], change: Callable[..., Measurement]
) -> None:
    verdict = judge("latency", change(latency_invoke=4_867_113))
    assert verdict.status == "regressed"
    assert "+2e-05 %" in verdict_text(verdict)


def test_digits_that_baselines_do_not_keep_are_no_change(
    judge: Callable[..., Verdict], change: Callable[..., Measurement]
) -> None:
    verdict = judge("error", change(error_mae=0.0041200001))
    assert "  0.00412 -> 0.00412 of range  +0.00 %  " in verdict_text(verdict)


def test_an_improvement_passes_and_hints_at_recording_it(
    judge: Callable[..., Verdict], change: Callable[..., Measurement]
) -> None:
    verdict = judge("latency", change(latency_invoke=4_000_000))
    assert (verdict.status, verdict.failed) == ("improved", False)
    assert verdict_text(advised(verdict)).endswith(
        "IMPROVED\n  better than the baseline; keep it with --tq-update-baselines=all"
    )


def test_either_of_the_ram_numbers_may_regress(
    judge: Callable[..., Verdict], change: Callable[..., Measurement]
) -> None:
    verdict = judge("ram", change(ram_total=20_000, ram_arena=16_400))
    assert verdict.status == "regressed"
    assert [c.status for c in verdict.comparisons] == ["improved", "regressed"]
    assert "ram arena  16,384 -> 16,400 bytes" in verdict_text(verdict)


def test_parts_that_do_not_gate_only_explain(
    judge: Callable[..., Verdict], change: Callable[..., Measurement]
) -> None:
    assert judge("flash", change(flash_kernels=9_000)).status == "ok"
    assert judge("error", change(error_cosine=0.1)).status == "ok"


def test_changed_outputs_within_tolerance_are_noted(
    judge: Callable[..., Verdict], change: Callable[..., Measurement]
) -> None:
    verdict = judge("error", change(output_sha256="e" * 64))
    assert verdict.status == "ok"
    assert verdict.notes == ("outputs changed (dddddddddddd -> eeeeeeeeeeee)",)


def test_a_rounded_baseline_equals_the_number_it_was_made_from(
    judge: Callable[..., Verdict], change: Callable[..., Measurement]
) -> None:
    new = change(error_mae=1 / 3)
    assert judge("error", new, baseline=change(error_mae=0.333333)).status == "ok"
    assert (
        judge("error", new, baseline=change(error_mae=0.333333), tolerances={"error": 0}).status
        == "ok"
    )


def test_growth_from_nothing_is_given_as_a_difference(
    judge: Callable[..., Verdict], change: Callable[..., Measurement]
) -> None:
    verdict = judge("error", change(error_mae=0.5), baseline=change(error_mae=0.0))
    assert "0 -> 0.5 of range  +0.5  (limit" in verdict_text(verdict)


NUMBERS = st.integers(1, 10**7)
SLACKS = st.builds(Tolerance, st.floats(0, 1), st.floats(0, 1e6))


def status_of(old: int, new: int, tolerance: Tolerance) -> str:
    def measurement(value: int) -> Measurement:
        return Measurement(
            "m",
            "s",
            "b",
            "emulator",
            dict.fromkeys(
                (
                    "model_sha256",
                    "tflite_sha256",
                    "converter",
                    "runtime",
                    "runtime_version",
                    "kernels",
                    "flags",
                ),
                "",
            ),
            "gcc",
            {"latency": {"invoke": Metric(value, "instructions", "exact")}},
            "",
        )

    tolerances = Tolerances({"latency": tolerance}, {})
    return compare("latency", measurement(old), measurement(new), tolerances, "").status


@given(NUMBERS, NUMBERS, SLACKS, SLACKS)
def test_a_wider_tolerance_never_turns_a_pass_into_a_regression(
    old: int, new: int, one: Tolerance, other: Tolerance
) -> None:
    if status_of(old, new, one) != "regressed":
        assert status_of(old, new, one.widest(other)) != "regressed"


@given(NUMBERS, NUMBERS, st.integers(0, 10**6), SLACKS)
def test_a_larger_number_is_never_judged_better(
    old: int, new: int, more: int, tolerance: Tolerance
) -> None:
    order = ["improved", "ok", "regressed"]
    smaller, larger = (status_of(old, n, tolerance) for n in (new, new + more))
    assert order.index(larger) >= order.index(smaller)


@given(NUMBERS, SLACKS)
def test_a_number_equals_itself_under_any_tolerance(number: int, tolerance: Tolerance) -> None:
    assert status_of(number, number, tolerance) == "ok"


# What else changed


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"toolchain": "gcc 13.1"}, "other toolchain: arm-none-eabi-gcc 12.2.1 -> gcc 13.1"),
        (
            {"identity_converter": "tensorflow 2.22.0"},
            "other converter: tensorflow 2.21.0 -> tensorflow 2.22.0",
        ),
        ({"identity_tflite_sha256": "f" * 64}, "model file changed"),
    ],
)
def test_another_build_is_judged_more_widely_and_says_so(
    judge: Callable[..., Verdict],
    change: Callable[..., Measurement],
    changes: dict[str, str],
    note: str,
) -> None:
    within = judge("latency", change(latency_invoke=5_000_000, **changes))
    beyond = judge("latency", change(latency_invoke=5_500_000, **changes))
    assert (within.status, beyond.status) == ("ok", "regressed")
    assert note in verdict_text(within)
    assert "(limit 5 %, other " in verdict_text(within)


def test_a_large_gain_with_another_toolchain_is_an_improvement(
    judge: Callable[..., Verdict], change: Callable[..., Measurement]
) -> None:
    new = change(latency_invoke=2_000_000, toolchain="gcc 13.1")
    assert judge("latency", new).status == "improved"


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"identity_kernels": "cortex_m_dsp"}, "kernels changed: reference -> cortex_m_dsp"),
        ({"identity_flags": "-Os"}, "compiler flags changed: added -Os, removed -O3"),
        ({"identity_runtime_version": "v2"}, "runtime changed: pytest-tinyquant 0.1.0 -> v2"),
    ],
)
def test_what_is_under_test_may_change_and_is_judged_strictly(
    judge: Callable[..., Verdict],
    change: Callable[..., Measurement],
    changes: dict[str, str],
    note: str,
) -> None:
    verdict = judge("latency", change(latency_invoke=4_867_113, **changes))
    assert verdict.status == "regressed"
    assert note in verdict.notes


def test_a_changed_recipe_is_judged_strictly(
    judge: Callable[..., Verdict], change: Callable[..., Measurement]
) -> None:
    new = change(
        latency_invoke=4_867_113, identity_model_sha256="f" * 64, identity_tflite_sha256="f" * 64
    )
    verdict = judge("latency", new)
    assert verdict.status == "regressed"
    assert "model source changed (weights, recipe or data)" in verdict.notes


def test_another_source_of_the_same_file_is_comparable(
    judge: Callable[..., Verdict], change: Callable[..., Measurement]
) -> None:
    verdict = judge("latency", change(identity_model_sha256="f" * 64))
    assert verdict.status == "ok"
    assert "the converted file is the same" in verdict.notes[0]


def test_another_runtime_is_not_comparable(
    judge: Callable[..., Verdict], change: Callable[..., Measurement]
) -> None:
    verdict = judge("latency", change(identity_runtime="tflm"))
    assert verdict.status == "not comparable"
    assert "of runtime tinyquant, this run of tflm" in verdict.message


def test_numbers_of_different_classes_are_not_comparable(
    judge: Callable[..., Verdict], change: Callable[..., Measurement]
) -> None:
    new = change(latency_invoke=Metric(4_867_112, "instructions", "measured"))
    verdict = judge("latency", new)
    assert verdict.status == "not comparable"
    assert "numbers of different classes are not comparable" in verdict_text(verdict)
    sides = "4,867,112 instructions (exact) -> 4,867,112 instructions (measured)"
    assert sides in verdict_text(verdict)


def test_numbers_of_different_units_are_not_comparable(
    judge: Callable[..., Verdict], change: Callable[..., Measurement]
) -> None:
    verdict = judge("latency", change(latency_invoke=Metric(4_867_112, "cycles", "exact")))
    assert verdict.status == "not comparable"
    assert "in instructions in the baseline and in cycles here" in verdict.message


def test_estimates_are_not_judged(
    judge: Callable[..., Verdict], change: Callable[..., Measurement]
) -> None:
    estimate = change(latency_invoke=Metric(4_867_112, "instructions", "estimated"))
    assert judge("latency", estimate, baseline=estimate).status == "not comparable"


GATES = {
    # What decides, and the verdict where instructions grew by 75 % and cycles fell by 40 %.
    (): "regressed",
    ("estimated_cycles",): "improved",
    ("estimated_cycles", "invoke"): "regressed",
}


@pytest.mark.parametrize("gate", GATES)
def test_a_kernel_that_wins_cycles_and_loses_instructions(
    judge: Callable[..., Verdict], change: Callable[..., Measurement], gate: tuple[str, ...]
) -> None:
    def measured(instructions: int, cycles: int) -> Measurement:
        measurement = change(latency_invoke=Metric(instructions, "instructions", "exact"))
        estimate = Metric(cycles, "cycles", "estimated")
        latency = {**measurement.metrics["latency"], "estimated_cycles": estimate}
        return dataclasses.replace(
            measurement,
            metrics={**measurement.metrics, "latency": latency},
            gates={"latency": gate} if gate else {},
        )

    verdict = judge("latency", measured(175, 120), baseline=measured(100, 200))
    assert verdict.status == GATES[gate]
    note = "100 -> 175 instructions (+75.0%), which this board's gate does not judge"
    assert (note in verdict.notes) == (gate == ("estimated_cycles",))
    # A baseline of another gate has no estimate: recorded anew, not passed.
    before = change(latency_invoke=Metric(100, "instructions", "exact"))
    if gate:
        assert judge("latency", measured(175, 120), baseline=before).status == "missing"


def test_measured_cycles_of_a_rebuilt_image_have_more_slack(
    judge: Callable[..., Verdict], change: Callable[..., Measurement]
) -> None:
    cycles = Metric(1_000_000, "cycles", "measured")
    slower = Metric(1_005_000, "cycles", "measured")
    baseline = change(latency_invoke=cycles)
    same = judge("latency", change(latency_invoke=slower), baseline=baseline)
    rebuilt = judge("latency", change(latency_invoke=slower, identity_image="0"), baseline=baseline)
    assert (same.status, rebuilt.status) == ("regressed", "ok")


def test_a_metric_the_baseline_lacks_is_missing(
    judge: Callable[..., Verdict], recorded: Measurement
) -> None:
    metrics = {name: parts for name, parts in recorded.metrics.items() if name != "flash"}
    baseline = dataclasses.replace(recorded, metrics=metrics)
    verdict = judge("flash", recorded, baseline=baseline)
    assert verdict.status == "missing"
    assert "the baseline has no flash.total" in verdict.message


def test_a_gating_number_that_vanished_is_not_comparable(
    judge: Callable[..., Verdict], recorded: Measurement, change: Callable[..., Measurement]
) -> None:
    ram = {part: m for part, m in recorded.metrics["ram"].items() if part != "total"}
    verdict = judge("ram", change(metrics={**recorded.metrics, "ram": ram}))
    assert verdict.status == "not comparable"
    assert "ram.total is no longer measured" in verdict.message


def test_verdicts_survive_json(
    judge: Callable[..., Verdict], change: Callable[..., Measurement]
) -> None:
    verdict = judge("ram", change(ram_total=30_000, toolchain="gcc 13.1"))
    assert Verdict.from_json(verdict.to_json()) == verdict


def test_failing_statuses_are_statuses() -> None:
    assert set(FAILING) < set(get_args(Status))
