"""A change is traced to the operator, symbol or tensor that grew."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from pytest_tinyquant.baselines.align import align_ops
from pytest_tinyquant.baselines.attribution import MOST_CAUSES
from pytest_tinyquant.baselines.attribution import explain
from pytest_tinyquant.baselines.message import cause_lines
from pytest_tinyquant.measure.measurement import ArenaTensor
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.measure.measurement import OpCount


def op(
    label: str, shape: tuple[int, int] = (1, 4), count: int = 100, kernel: str = "tq_k"
) -> OpCount:
    return OpCount(label, kernel, shape, count)


def lines(metric: str, old: Measurement, new: Measurement) -> tuple[str, ...]:
    """Return the causes as a verdict's text shows them."""
    return tuple(cause_lines(explain(metric, old, new)))


def pairs(old: list[OpCount], new: list[OpCount]) -> Any:
    return [
        (change.old.label if change.old else None, change.new.label if change.new else None)
        for change in align_ops(old, new)
    ]


def test_the_same_operators_pair_up_although_shapes_and_kernels_change() -> None:
    old = [op("conv2d[0]"), op("conv2d[1]")]
    new = [op("conv2d[0]", (1, 8)), op("conv2d[1]", kernel="tq_other")]
    assert pairs(old, new) == [("conv2d[0]", "conv2d[0]"), ("conv2d[1]", "conv2d[1]")]


def test_an_inserted_operator_shifts_the_rest() -> None:
    old = [op("conv2d[0]"), op("softmax[1]")]
    new = [op("quantize[0]"), op("conv2d[1]"), op("softmax[2]")]
    assert pairs(old, new) == [
        (None, "quantize[0]"),
        ("conv2d[0]", "conv2d[1]"),
        ("softmax[1]", "softmax[2]"),
    ]


def test_a_removed_operator_is_gone() -> None:
    old = [op("conv2d[0]"), op("reshape[1]"), op("softmax[2]")]
    new = [op("conv2d[0]"), op("softmax[1]")]
    assert pairs(old, new) == [
        ("conv2d[0]", "conv2d[0]"),
        ("softmax[2]", "softmax[1]"),
        ("reshape[1]", None),
    ]


def test_a_moved_operator_is_found_again() -> None:
    old = [op("relu[0]"), op("conv2d[1]"), op("softmax[2]")]
    new = [op("conv2d[0]"), op("softmax[1]"), op("relu[2]")]
    assert sorted(pairs(old, new)) == [
        ("conv2d[1]", "conv2d[0]"),
        ("relu[0]", "relu[2]"),
        ("softmax[2]", "softmax[1]"),
    ]


def test_equal_kinds_pair_by_shape_first() -> None:
    old = [op("conv2d[0]", (1, 8)), op("conv2d[1]", (1, 4))]
    new = [op("conv2d[0]", (1, 4))]
    assert pairs(old, new) == [("conv2d[1]", "conv2d[0]"), ("conv2d[0]", None)]


@pytest.mark.parametrize(("old", "new"), [([], [op("a[0]")]), ([op("a[0]")], []), ([], [])])
def test_nothing_is_lost_where_one_side_is_empty(old: list[OpCount], new: list[OpCount]) -> None:
    assert len(pairs(old, new)) == len(old) + len(new)


def replace_op(measurement: Measurement, index: int, **changes: Any) -> Measurement:
    ops = list(measurement.ops)
    ops[index] = dataclasses.replace(ops[index], **changes)
    return dataclasses.replace(measurement, ops=tuple(ops))


def test_the_slowest_growth_comes_first_and_what_shrank_is_left_out(recorded: Measurement) -> None:
    new = replace_op(recorded, 3, count=2_570_884)
    new = replace_op(new, 4, count=100_001)
    new = replace_op(new, 0, count=1_000_000)
    assert lines("latency", recorded, new) == (
        "conv2d[3] 16x16x32     +370,884   tq_conv_2d_s8",
        "fully_connected[4] 10        +1   tq_fully_connected_s8",
    )


def test_operators_are_counted_in_instructions_where_estimated_cycles_decide(
    recorded: Measurement,
) -> None:
    new = dataclasses.replace(
        replace_op(recorded, 3, count=2_570_884), gates={"latency": ("estimated_cycles",)}
    )
    assert lines("latency", recorded, new) == (
        "conv2d[3] 16x16x32  +370,884   tq_conv_2d_s8, instructions",
    )


def test_a_swapped_kernel_is_named(recorded: Measurement) -> None:
    new = replace_op(recorded, 3, count=2_200_001, kernel="tq_conv_2d_s8_slow")
    assert lines("latency", recorded, new) == (
        "conv2d[3] 16x16x32  +1   tq_conv_2d_s8_slow (was tq_conv_2d_s8)",
    )


def test_new_and_gone_operators_are_named(recorded: Measurement) -> None:
    ops = (*recorded.ops[:4], op("softmax[4]", (1, 10), 5_000, "tq_softmax_s8"))
    new = dataclasses.replace(recorded, ops=ops)
    assert lines("latency", recorded, new) == (
        "softmax[4] 10            +5,000   tq_softmax_s8 (new)",
        "fully_connected[4] 10  -100,000   tq_fully_connected_s8 (gone)",
    )


def test_growth_outside_the_operators_is_named(
    recorded: Measurement, change: Callable[..., Measurement]
) -> None:
    assert lines("latency", recorded, change(latency_walk=200)) == (
        "between the operators  +88   tq_invoke",
    )


def test_a_baseline_without_operators_says_so(
    recorded: Measurement, change: Callable[..., Measurement]
) -> None:
    bare = change(ops=())
    assert lines("latency", bare, bare) == ("no counts per operator to tell the layer",)


def test_many_causes_are_summed_up(
    recorded: Measurement, change: Callable[..., Measurement]
) -> None:
    count = MOST_CAUSES + 4
    old = change(ops=tuple(op(f"conv2d[{i}]") for i in range(count)))
    new = change(ops=tuple(op(f"conv2d[{i}]", count=110) for i in range(count)))
    causes = lines("latency", old, new)
    assert len(causes) == MOST_CAUSES + 1
    assert causes[-1] == "and 4 more, +40 together"


def test_symbols_that_grew_are_new_or_gone(
    recorded: Measurement, change: Callable[..., Measurement]
) -> None:
    symbols = {"tq_requantize": 40, "tq_fully_connected_s8": 470, "tq_conv_2d_s8": 1_516}
    assert lines("flash", recorded, change(symbols=symbols)) == (
        "tq_conv_2d_s8  +312   1,204 -> 1,516",
        "tq_requantize   +40   new",
        "tq_invoke       -64   gone",
    )


def test_without_a_grown_symbol_the_grown_part_is_named(
    recorded: Measurement, change: Callable[..., Measurement]
) -> None:
    assert lines("flash", recorded, change(flash_weights=50_016)) == (
        "weights  +16   50,000 -> 50,016 bytes",
    )


def test_the_tensor_that_moved_the_arenas_peak_is_named(
    recorded: Measurement, change: Callable[..., Measurement]
) -> None:
    tensors = (ArenaTensor("conv2d_3", 9_000), ArenaTensor("scratch", 512))
    new = change(ram_total=20_992, ram_arena=17_704, arena_tensors=tensors)
    assert lines("ram", recorded, new) == (
        "arena  +1,320   16,384 -> 17,704 bytes",
        "conv2d_3  +808   grown at the arena's peak",
        "scratch   +512   new at the arena's peak",
    )


def test_variables_that_grew_are_new_or_gone(
    recorded: Measurement, change: Callable[..., Measurement]
) -> None:
    old = change(ram_bss=100, variables={"row": 32, "guard": 8, "flag": 4})
    new = change(ram_bss=612, variables={"row": 32, "guard": 264, "table": 256})
    assert lines("ram", old, new) == (
        "bss  +512   100 -> 612 bytes",
        "guard  +256   8 -> 264",
        "table  +256   new",
        "flag     -4   gone",
    )


def test_a_baseline_without_variables_leaves_the_largest_to_be_named(
    recorded: Measurement, change: Callable[..., Measurement]
) -> None:
    old = change(variables={})
    new = change(ram_data=256, variables={"a": 1, "table": 256, "guard": 8, "row": 32})
    assert lines("ram", old, new) == (
        "data  +256   0 -> 256 bytes",
        "the baseline names no variables; the largest here: table 256, row 32, guard 8 bytes",
    )


def test_variables_are_not_looked_at_while_static_memory_stays(
    recorded: Measurement, change: Callable[..., Measurement]
) -> None:
    old = change(variables={"row": 32})
    new = change(ram_total=20_500, ram_stack=1_044, variables={"row": 32, "table": 256})
    assert lines("ram", old, new) == ("stack  +20   1,024 -> 1,044 bytes",)


def test_a_deeper_stack_is_named_without_tensors(
    recorded: Measurement, change: Callable[..., Measurement]
) -> None:
    new = change(ram_total=20_500, ram_stack=1_044, arena_tensors=())
    assert lines("ram", recorded, new) == ("stack  +20   1,024 -> 1,044 bytes",)


def test_error_is_traced_to_its_other_figures_and_swapped_kernels(
    recorded: Measurement, change: Callable[..., Measurement]
) -> None:
    new = replace_op(change(error_rmse=0.02), 4, kernel="tq_fc_fast")
    assert lines("error", recorded, new) == (
        "rmse 0.0061 -> 0.02 of range",
        "kernel tq_fully_connected_s8 -> tq_fc_fast",
    )


def test_an_arena_with_gaps_is_no_fault_of_its_tensors(
    recorded: Measurement, change: Callable[..., Measurement]
) -> None:
    new = change(ram_total=20_992, ram_arena=16_896)
    assert lines("ram", recorded, new) == (
        "arena  +512   16,384 -> 16,896 bytes",
        "placement  +512   16,384 for 12,288 -> 16,896 for 12,288 bytes alive at once",
    )
