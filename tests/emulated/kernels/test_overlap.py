"""Kernels whose output lies over their input, as far as they say they may, give the same bytes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from pytest_tinyquant.engine import planner
from pytest_tinyquant.engine.overlap import ArenaOverlapError
from pytest_tinyquant.engine.plan import plan


# A model of this many layers is one example.
LAYERS = 24

quick = settings.get_profile("emulated_kernels")

OPERATORS = ("CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D")


def squeezed(closer: int) -> Callable[..., dict[int, int]]:
    """Return a planner that lays pairs one behind the other, each as close as its lag allows.

    :param closer: bytes by which they are closer than allowed.
    """

    def place(buffers: Any, in_place: Any, lags: Any) -> dict[int, int]:
        sizes = {b.key: planner.aligned(b.size) for b in buffers}
        offsets: dict[int, int] = {}
        end = 0
        for (source, output), lag in lags.items():
            before = max(planner.aligned(lag), 0)
            offsets[output] = end
            offsets[source] = end + min(max(before - closer, 0), sizes[output])
            end = max(offsets[source] + sizes[source], end + sizes[output])
        for source, output in sorted(in_place):
            offsets[source] = offsets[output] = end
            end += max(sizes[source], sizes[output])
        for buffer in buffers:
            if buffer.key not in offsets:
                offsets[buffer.key] = end
                end += sizes[buffer.key]
        return offsets

    return place


def add_layer(model: Any, dtype: str, op: str) -> None:
    """Add a layer with a window, of any stride and padding."""
    size = [model.integer(1, 9), model.integer(1, 9)]
    filters, strides = ([model.integer(1, 3) for _ in range(2)] for _ in range(2))
    valid = all(f <= s for f, s in zip(filters, size, strict=True)) and model.chance(0.3)
    inner = [s - f + 1 if valid else s for s, f in zip(size, filters, strict=True)]
    extent = [-(-length // stride) for length, stride in zip(inner, strides, strict=True)]
    depth = model.choice([4, 8, 16, model.integer(1, 9)])
    channels = model.choice([4, 8, 16, model.integer(1, 12)]) if op == "CONV_2D" else depth
    batches = model.integer(1, 2)
    options = {
        "padding": "VALID" if valid else "SAME",
        "stride_h": strides[0],
        "stride_w": strides[1],
        "fused_activation_function": model.choice(["NONE", "RELU"]),
    }
    scale, zero_point = model.scale(-8, -3), model.zero_point(dtype)
    source = model.activation((batches, *size, depth), dtype, scale, zero_point)
    if op.endswith("POOL_2D"):
        output = model.activation((batches, *extent, depth), dtype, scale, zero_point)
        options |= {"filter_height": filters[0], "filter_width": filters[1]}
        model.add(op, [source], output, **options)
        return
    output = model.activation((batches, *extent, channels), dtype, scale, model.zero_point(dtype))
    conv = op == "CONV_2D"
    shape = (channels, *filters, depth) if conv else (1, *filters, channels)
    weights = model.constant(model.weights(shape, dtype), [model.scale(-8, -5)], 0 if conv else 3)
    options |= {"dilation_h_factor": 1, "dilation_w_factor": 1}
    if not conv:
        options["depth_multiplier"] = 1
    model.add(op, (source, weights, model.bias(channels, dtype)), output, **options)


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32"])
@given(seed=st.integers(0, 2**32 - 1))
@quick
def test_an_output_may_lie_over_its_input(
    seed: int, dtype: str, layers: Callable[..., Any], two_sets: Any
) -> None:
    model = layers(seed)
    for index in range(LAYERS):
        add_layer(model, dtype, OPERATORS[index % len(OPERATORS)])
    graph, samples = model.graph(), [model.sample() for _ in range(2)]
    expected = two_sets.run(plan(graph), "reference", samples)
    for kernels in ("reference", "cortex_m_dsp"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(planner, "place", squeezed(0))
            close = plan(graph, kernels=kernels)
        assert close.arena_bytes < sum(t.bytes for t in close.arena_tensors)
        assert two_sets.run(close, kernels, samples) == expected


@given(seed=st.integers(0, 2**32 - 1))
@quick
def test_an_output_may_lie_over_its_input_on_an_rx(
    seed: int, layers: Callable[..., Any], rx_sets: Any
) -> None:
    model = layers(seed)
    for index in range(LAYERS):
        add_layer(model, "int8", OPERATORS[index % len(OPERATORS)])
    graph, samples = model.graph(), [model.sample() for _ in range(2)]
    expected = rx_sets.run(plan(graph), "reference", samples)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planner, "place", squeezed(0))
        close = plan(graph, kernels="rx_dsp")
    assert close.arena_bytes < sum(t.bytes for t in close.arena_tensors)
    kernels = [op.kernel for op in close.ops]
    assert "tq_conv_2d_s8_rx" in kernels
    assert "tq_max_pool_2d_s8_rx" in kernels
    assert rx_sets.run(close, "rx_dsp", samples) == expected


def add_depthwise_3x3(model: Any) -> None:
    """Add a layer for the kernel that goes row by row: any width, padding and stride."""
    size = [model.integer(1, 9), model.integer(1, 14)]
    strides = [model.integer(1, 3), model.integer(1, 2)]
    valid = min(size) >= 3 and model.chance(0.3)
    inner = [length - 2 if valid else length for length in size]
    extent = [-(-length // stride) for length, stride in zip(inner, strides, strict=True)]
    channels, batches = 4 * model.integer(1, 4), model.integer(1, 2)
    scale = model.scale(-8, -3)
    shapes = (batches, *size, channels), (batches, *extent, channels)
    source, output = (
        model.activation(shape, "int8", scale, model.zero_point("int8")) for shape in shapes
    )
    values = np.maximum(model.values((1, 3, 3, channels), "int8"), -127)
    scales = [model.scale(-8, -5) for _ in range(channels)]
    inputs = (source, model.constant(values, scales, 3), model.bias(channels, "int8"))
    model.add(
        "DEPTHWISE_CONV_2D",
        inputs,
        output,
        padding="VALID" if valid else "SAME",
        stride_h=strides[0],
        stride_w=strides[1],
        dilation_h_factor=1,
        dilation_w_factor=1,
        depth_multiplier=1,
        fused_activation_function=model.choice(["NONE", "RELU", "RELU6"]),
    )


@given(seed=st.integers(0, 2**32 - 1), spare=st.sampled_from([2000, 100_000]))
@quick
def test_an_arena_with_room_to_spare_gives_the_same_bytes(
    seed: int, spare: int, layers: Callable[..., Any], two_sets: Any
) -> None:
    model = layers(seed)
    for _ in range(LAYERS):
        add_layer(model, model.choice(["int8", "int16"]), "CONV_2D")
    graph, samples = model.graph(), [model.sample() for _ in range(2)]
    expected = two_sets.run(plan(graph), "reference", samples)
    roomy = plan(graph, kernels="cortex_m_dsp", spare_bytes=spare)
    assert any("groups" in op.kernel for op in roomy.ops)
    assert two_sets.run(roomy, "cortex_m_dsp", samples) == expected


@given(seed=st.integers(0, 2**32 - 1))
@quick
def test_a_depthwise_convolution_of_3_by_3_in_place(
    seed: int, layers: Callable[..., Any], two_sets: Any
) -> None:
    model = layers(seed)
    for _ in range(40):
        add_depthwise_3x3(model)
    graph, samples = model.graph(), [model.sample() for _ in range(2)]
    expected = two_sets.run(plan(graph), "reference", samples)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planner, "place", squeezed(0))
        close = plan(graph, kernels="cortex_m_dsp")
    kernels = [op for op in close.ops if op.kernel == "tq_depthwise_conv_2d_3x3_s8_dsp"]
    assert len(kernels) > 20
    assert sum(bool(op.call.in_place) for op in kernels) > 10
    assert two_sets.run(close, "cortex_m_dsp", samples) == expected


def test_closer_than_that_and_bytes_are_lost(
    layers: Callable[..., Any], two_sets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the checker nor the kernels let a kernel's word be stretched."""
    model = layers(5)
    model.values = lambda shape, dtype: model.random.integers(-99, 99, shape).astype(dtype)
    for _ in range(6):
        source = model.activation((1, 6, 6, 8), "int8", 1.0)
        weights = model.constant(np.ones((8, 3, 3, 8), "int8"), [1.0])
        output = model.activation((1, 6, 6, 8), "int8", 64.0)
        options = {"padding": "SAME", "stride_h": 1, "stride_w": 1}
        options |= {"dilation_h_factor": 1, "dilation_w_factor": 1}
        inputs = (source, weights, None)
        model.add("CONV_2D", inputs, output, fused_activation_function="NONE", **options)
    graph, samples = model.graph(), [model.sample()]
    expected = two_sets.run(plan(graph), "reference", samples)
    monkeypatch.setattr(planner, "place", squeezed(8))
    # With more memory a kernel gathers more of its input before it writes.
    monkeypatch.setattr(sys.modules[plan.__module__], "grow", lambda *_: None)
    with pytest.raises(ArenaOverlapError, match="collides"):
        plan(graph, kernels="cortex_m_dsp")
    # The package has a function of this module's name.
    monkeypatch.setattr(sys.modules[plan.__module__], "check_no_overlap", lambda *_: None)
    assert two_sets.run(plan(graph, kernels="cortex_m_dsp"), "cortex_m_dsp", samples) != expected
