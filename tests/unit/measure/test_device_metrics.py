"""Latency, flash and RAM from what the device counted and the linker placed."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.measure.flash import measure_flash
from pytest_tinyquant.measure.latency import count_ops
from pytest_tinyquant.measure.latency import measure_latency
from pytest_tinyquant.measure.measurement import ArenaTensor
from pytest_tinyquant.measure.ram import measure_host_ram
from pytest_tinyquant.measure.ram import measure_ram
from pytest_tinyquant.measure.ram import peak_tensors
from pytest_tinyquant.metrics.metric import Metric


IMAGE: Any = SimpleNamespace(
    flash=SimpleNamespace(total=100, weights=40, kernels=30, engine=5, model=10, startup_libc=15),
    ram=SimpleNamespace(data=8, bss=100, arena=1_000, stack_reserved=4_096),
)


def record(**changes: Any) -> RunRecord:
    values = {
        "outputs": (b"",),
        "counter": 1_000,
        "counter_unit": "instructions",
        "counter_class": "exact",
        "op_counters": (600, 390),
        "walk_counter": 10,
        "stack_bytes": 512,
        "arena_bytes": None,
        "log": "",
    }
    return RunRecord(**{**values, **changes})


def values(metrics: Mapping[str, Metric]) -> dict[str, float]:
    return {part: metric.value for part, metric in metrics.items()}


def test_repeated_cycles_have_a_spread() -> None:
    cycles = record(
        counter=1_001,
        counter_unit="cycles",
        counter_class="measured",
        repeats=(1_000, 1_004, 1_001),
    )
    metrics = measure_latency(cycles)
    assert values(metrics) == {"invoke": 1_001, "walk": 10, "spread": 4}
    assert {(m.unit, m.number_class) for m in metrics.values()} == {("cycles", "measured")}


def test_latency_is_the_whole_invoke_in_the_devices_unit() -> None:
    metrics = measure_latency(record())
    assert values(metrics) == {"invoke": 1_000, "walk": 10}
    assert {(m.unit, m.number_class) for m in metrics.values()} == {("instructions", "exact")}


@pytest.mark.parametrize("count", [None, 0, -1])
def test_a_counter_that_does_not_run_is_the_benchs_trouble(count: int | None) -> None:
    with pytest.raises(ConsoleError, match="counter does not run"):
        measure_latency(record(counter=count))


def test_exact_operators_cannot_take_longer_than_the_whole() -> None:
    with pytest.raises(ConsoleError, match="1001 instructions, more than the whole invoke's 1000"):
        measure_latency(record(walk_counter=-1))


def test_measured_operators_may_by_their_scatter() -> None:
    cycles = record(walk_counter=-1, counter_class="measured", counter_unit="cycles")
    assert measure_latency(cycles)["invoke"].number_class == "measured"


def test_counts_pair_with_the_plans_operators() -> None:
    ops: list[Any] = [
        SimpleNamespace(label="conv_2d[0]", kernel="tq_conv_2d_s8", output_shape=(1, 4)),
        SimpleNamespace(label="softmax[1]", kernel="tq_softmax_s8", output_shape=(1, 2)),
    ]
    assert [(op.label, op.count) for op in count_ops(record(), ops)] == [
        ("conv_2d[0]", 600),
        ("softmax[1]", 390),
    ]


def test_another_number_of_operators_is_another_image() -> None:
    with pytest.raises(ConsoleError, match="counted 2 operators, the model has 0"):
        count_ops(record(), [])


def test_an_operator_that_counted_nothing_is_no_measurement() -> None:
    ops: list[Any] = [
        SimpleNamespace(label=name, kernel="k", output_shape=(1,)) for name in ("a[0]", "b[1]")
    ]
    with pytest.raises(ConsoleError, match=r"counted 0 instructions for b\[1\]; its counter does"):
        count_ops(record(op_counters=(600, 0)), ops)
    cycles = record(op_counters=(600, 0), counter_class="measured")
    assert [op.count for op in count_ops(cycles, ops)] == [600, 0]


def test_flash_parts_are_exact_bytes() -> None:
    metrics = measure_flash(IMAGE)
    assert metrics["total"].value == sum(v for p, v in values(metrics).items() if p != "total")
    assert {(m.unit, m.number_class) for m in metrics.values()} == {("bytes", "exact")}


def test_ram_is_static_data_arena_and_the_stack_that_was_used() -> None:
    assert values(measure_ram(IMAGE, record())) == {
        "total": 1_620,
        "data": 8,
        "bss": 100,
        "arena": 1_000,
        "stack": 512,
    }


def test_a_measured_stack_makes_a_measured_total_and_leaves_the_arena_exact() -> None:
    metrics = measure_ram(IMAGE, record(counter_class="measured"))
    assert (metrics["total"].number_class, metrics["arena"].number_class) == ("measured", "exact")


@pytest.mark.parametrize("what", ["stack", "arena"])
def test_no_memory_at_all_is_no_measurement(what: str) -> None:
    with pytest.raises(ConsoleError, match=f"^the device reported 0 bytes of {what}"):
        measure_ram(IMAGE, record(**{f"{what}_bytes": 0}))


def test_an_unreported_stack_is_not_taken_for_none() -> None:
    with pytest.raises(ConsoleError, match="did not report its stack"):
        measure_ram(IMAGE, record(stack_bytes=None))


def test_the_hosts_ram_is_its_arena() -> None:
    assert values(measure_host_ram(record(arena_bytes=2_048))) == {"arena": 2_048}


def test_an_unreported_arena_is_not_taken_for_none() -> None:
    with pytest.raises(ConsoleError, match="did not report its arena"):
        measure_host_ram(record())


def placed(name: str, size: int, first: int, last: int) -> Any:
    return SimpleNamespace(name=name, bytes=size, first=first, last=last)


def a_plan(*rows: SimpleNamespace, ops: Any = ()) -> Any:
    """A plan whose tensor index is its row; ``ops`` are labels by the row they write."""
    return SimpleNamespace(
        arena_tensors=rows,
        placements=dict(enumerate(rows)),
        ops=[SimpleNamespace(label=label, tensor=row) for label, row in ops],
    )


def test_peak_tensors_are_those_of_the_fullest_step_named_by_their_operator() -> None:
    plan = a_plan(
        placed("input", 100, -1, 0),
        placed("a;fused;name", 50, 0, 1),
        placed("conv_2d[1] scratch", 20, 1, 1),
        placed("b", 300, 1, 2),
        placed("output", 10, 2, 3),
        ops=[("conv_2d[0]", 1), ("conv_2d[1]", 3), ("softmax[2]", 4)],
    )
    assert peak_tensors(plan) == (
        ArenaTensor("conv_2d[1] output", 300),
        ArenaTensor("conv_2d[0] output", 50),
        ArenaTensor("conv_2d[1] scratch", 20),
    )


def test_the_models_input_keeps_its_name() -> None:
    assert peak_tensors(a_plan(placed("input", 100, -1, 0))) == (ArenaTensor("input", 100),)


def test_peak_tensors_of_one_name_are_added_up() -> None:
    assert peak_tensors(a_plan(placed("same", 10, 0, 0), placed("same", 20, 0, 0))) == (
        ArenaTensor("same", 30),
    )


def test_no_tensors_have_no_peak() -> None:
    assert peak_tensors(a_plan()) == ()
