"""The kernel set cortex_m_dsp: which convolutions it takes, and how it lays out their weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.engine import Plan
from pytest_tinyquant.engine.emit import emit
from pytest_tinyquant.engine.kernel_call import Constant
from pytest_tinyquant.engine.plan import plan
from pytest_tinyquant.models.tflite_reader import read_graph


FACTOR = 2.0**-9  # of the sums, unless a test says otherwise

# At a factor of 2**-23, half way between two outputs.
BEYOND_30 = [(1 << 30) + (1 << 22), 0]

PlanOf = Callable[..., Plan]


@pytest.fixture
def plan_of(builder: Any) -> PlanOf:
    """Return plan_of(weights, ...): the plan of one convolution of an image of 4 x 4 pixels."""

    def planned(
        weights: Any,
        *,
        op: str = "CONV_2D",
        dtype: str = "int8",
        depth: int | None = None,
        bias: Any = None,
        factor: float = FACTOR,
        kernels: str = "cortex_m_dsp",
        zero_points: tuple[int, int] = (0, 0),
        **options: Any,
    ) -> Plan:
        weights = np.asarray(weights)
        axis = 0 if op == "CONV_2D" else 3
        channels = weights.shape[axis]
        shape = (1, 4, 4, weights.shape[3] if depth is None else depth)
        source = builder.tensor(shape, dtype, scale=1.0, zero_point=zero_points[0])
        inputs = [source, builder.tensor(weights.shape, "int8", scale=factor, data=weights)]
        if bias is not None:
            bias_type = "int32" if dtype == "int8" else "int64"
            inputs.append(builder.tensor((channels,), bias_type, data=bias))
        output = builder.tensor(
            (1, 4, 4, channels), dtype, scale=1.0, zero_point=zero_points[1]
        )  # fmt: skip
        builder.operator(op, inputs, [output], padding="SAME", stride_h=1, stride_w=1, **options)
        graph = read_graph(builder.build([source], [output]))
        return plan(graph, name="layer", kernels=kernels)

    return planned


def blob(planned: Plan, field: str, dtype: str, count: int) -> list[int]:
    constant = planned.ops[0].call.fields[field]
    assert isinstance(constant, Constant)
    values: list[int] = np.frombuffer(planned.weights, dtype, count, constant.offset).tolist()
    return values


def test_summed_words_hold_both_channels_of_two_positions(plan_of: PlanOf) -> None:
    planned = plan_of([[[[1, 2, 3, 4]]], [[[-10, 20, -30, 40]]]])
    assert planned.ops[0].kernel == "tq_conv_2d_s8_dsp"
    # In the order in which SXTB16 spreads four bytes: 0, 2, 1, 3.
    expected = [256 * -10 + 1, 256 * -30 + 3, 256 * 20 + 2, 256 * 40 + 4]
    assert blob(planned, "weights", "<i2", 4) == expected
    assert planned.ops[0].call.fields["offsets"] is None


def test_a_weight_of_minus_128_is_kept_in_plain_words(plan_of: PlanOf) -> None:
    planned = plan_of([[[[1, 2, 3, 4]]], [[[-128, 20, -30, 40]]]])
    assert planned.ops[0].kernel == "tq_conv_2d_plain_s8_dsp"
    assert blob(planned, "weights", "<i1", 8) == [1, -128, 3, -30, 2, 20, 4, 40]


def test_an_odd_channel_shares_a_pair_with_its_neighbour(plan_of: PlanOf) -> None:
    planned = plan_of(np.arange(12).reshape(3, 1, 1, 4), dtype="int16")
    assert blob(planned, "weights", "<i1", 16) == [
        *(0, 4, 1, 5, 2, 6, 3, 7),
        *(4, 8, 5, 9, 6, 10, 7, 11),
    ]


def test_narrow_inputs_are_gathered_by_offsets(plan_of: PlanOf) -> None:
    planned = plan_of(np.ones((2, 2, 2, 3)), dilation_h_factor=2, dilation_w_factor=1)
    assert planned.ops[0].call.fields["steps"] == 3
    second_row = 2 * 4 * 3
    assert blob(planned, "offsets", "<i4", 12) == [
        *(0, 1, 2, 3, 4, 5),
        *(second_row + i for i in range(6)),
    ]


def test_zero_point_and_bias_become_one_doubled_number_above_the_shift(plan_of: PlanOf) -> None:
    weights = [[[[1, 2, 3, 4]]], [[[-1, 0, 0, 0]]]]
    planned = plan_of(weights, bias=[100, 200], zero_points=(-7, 5))
    assert blob(planned, "channels", "<i4", 4) == [
        *(2 * (100 + 7 * 10) * 32 + 8, 1 << 30),
        *(2 * (200 + 7 * -1) * 32 + 8, 1 << 30),
    ]


@pytest.mark.parametrize(
    ("bias", "kernel"),
    [((1 << 25) - 1, "tq_conv_2d_s8_dsp"), (1 << 25, "tq_conv_2d_s8")],
)
def test_a_bias_that_leaves_the_shift_no_bits_keeps_the_reference_kernel(
    plan_of: PlanOf, bias: int, kernel: str
) -> None:
    weights = np.stack([np.full((3, 3, 8), 127), np.full((3, 3, 8), -127)])
    planned = plan_of(weights, bias=[bias, -bias], factor=2.0**-19)
    assert planned.ops[0].kernel == kernel


def test_a_dead_channel_costs_no_layer_its_kernel(plan_of: PlanOf) -> None:
    # The bias of a channel without weights may be as large as it likes.
    weights = [[[[1, 2, 3, 4]]], [[[0, 0, 0, 0]]]]
    planned = plan_of(weights, bias=[0, 1 << 30], factor=2.0**-26)
    assert planned.ops[0].kernel == "tq_conv_2d_s8_dsp"
    assert blob(planned, "channels", "<i4", 4)[2:] == [8 * 16 * 32 + 1, 1 << 30]


@pytest.mark.parametrize(
    ("why", "changes"),
    [
        ("factor of 1 and more", {"factor": 2.0}),
        ("bias beyond 30 bits", {"bias": BEYOND_30, "factor": 2.0**-23, "zero_points": (0, -60)}),
        ("bias beyond 31 bits", {"bias": [1 << 31, 0], "dtype": "int16", "factor": 2.0**-17}),
        ("result beyond 31 bits", {"bias": [1 << 40, 0], "dtype": "int16", "factor": 2.0**-3}),
    ],
)
def test_what_32_bits_cannot_hold_keeps_the_reference_kernel(
    why: str, changes: dict[str, Any], plan_of: PlanOf
) -> None:
    planned = plan_of(np.full((2, 1, 1, 4), 100), **changes)
    assert planned.ops[0].kernel in ("tq_conv_2d_s8", "tq_conv_2d_s16"), why
    assert planned.scratch == {}


def test_one_channel_keeps_the_reference_kernel(plan_of: PlanOf) -> None:
    assert plan_of(np.ones((1, 1, 1, 4))).ops[0].kernel == "tq_conv_2d_s8"


def test_depthwise_words_hold_two_positions_of_two_channels(plan_of: PlanOf) -> None:
    weights = [[[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]]]
    planned = plan_of(weights, op="DEPTHWISE_CONV_2D", depth_multiplier=1)
    assert planned.ops[0].kernel == "tq_depthwise_conv_2d_s8_dsp"
    assert blob(planned, "weights", "<i1", 16) == [
        *(1, 2, 5, 6, 3, 4, 7, 8),
        *(9, 10, 0, 0, 11, 12, 0, 0),
    ]


@pytest.mark.parametrize(
    ("depth", "channels", "kernel"),
    [
        (1, 4, "tq_conv_2d_s8_dsp"),
        (4, 4, "tq_depthwise_conv_2d_3x3_s8_dsp"),
        (2, 4, "tq_depthwise_conv_2d_s8"),
        (6, 6, "tq_depthwise_conv_2d_s8"),
    ],
)
def test_depthwise_kernels(depth: int, channels: int, kernel: str, plan_of: PlanOf) -> None:
    options = {"op": "DEPTHWISE_CONV_2D", "depth": depth, "depth_multiplier": channels // depth}
    planned = plan_of(np.ones((1, 3, 3, channels)), **options)
    assert planned.ops[0].kernel == kernel


@pytest.mark.parametrize(
    ("filters", "kernel"), [((3, 3), "_3x3"), ((3, 2), ""), ((5, 3), ""), ((1, 3), "")]
)
def test_only_filters_of_3_by_3_go_row_by_row(
    filters: tuple[int, int], kernel: str, plan_of: PlanOf
) -> None:
    planned = plan_of(np.ones((1, *filters, 4)), op="DEPTHWISE_CONV_2D", depth_multiplier=1)
    assert planned.ops[0].kernel == f"tq_depthwise_conv_2d{kernel}_s8_dsp"


def test_generated_code_includes_the_header_of_its_kernels(plan_of: PlanOf, tmp_path: Path) -> None:
    emit(plan_of(np.ones((2, 1, 1, 4))), tmp_path)
    assert '#include "tq_kernels_dsp_conv.h"\n' in (tmp_path / "tq_model.c").read_text()


@pytest.mark.parametrize("kernels", ["reference", "my/kernels"])
def test_other_kernel_sets_have_the_reference_prototypes(
    kernels: str, plan_of: PlanOf, tmp_path: Path
) -> None:
    planned = plan_of(np.ones((2, 1, 1, 4)), kernels=kernels)
    assert planned.ops[0].kernel == "tq_conv_2d_s8"
    emit(planned, tmp_path)
    assert "dsp" not in (tmp_path / "tq_model.c").read_text()
