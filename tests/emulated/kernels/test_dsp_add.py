"""ADD of cortex_m_dsp gives the reference kernel's bytes, whichever input is the coarser one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from pytest_tinyquant.models.graph import Quantization


LAYERS = 40

quick = settings.get_profile("emulated_kernels")


def add_layer(model: Any, size: int, scales: tuple[float, float, float], zero: list[int]) -> None:
    """Add a layer of which one input is constant: the first or the second one."""
    values = model.values((1, size), "int8")
    constant = model.constant(values, [scales[1]])
    quantization = Quantization((scales[1],), (zero[1],), 0)
    model.tensors[constant] = model.tensors[constant].__class__(
        constant, f"t{constant}", (1, size), "int8", quantization, values.tobytes()
    )
    source = model.activation((1, size), "int8", scales[0], zero[0])
    output = model.activation((1, size), "int8", scales[2], zero[2])
    activation = model.choice(["NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1"])
    model.add("ADD", (source, constant), output, fused_activation_function=activation)


@given(seed=st.integers(0, 2**32 - 1))
@quick
def test_add(seed: int, layers: Callable[..., Any], two_sets: Any) -> None:
    model = layers(seed)
    for _ in range(LAYERS):
        first = model.scale(-8, -3)
        second = model.choice([first, model.scale(-8, -3), first * 2.0 ** -model.integer(1, 6)])
        # From sums that fill the output's range to some that saturate it.
        output = max(first, second) * model.choice([2.0, 1.0, 0.5, model.random.uniform(0.3, 3)])
        scales = (float(np.float32(first)), float(np.float32(second)), float(np.float32(output)))
        zero_points = [model.zero_point("int8") for _ in range(3)]
        add_layer(model, model.integer(1, 70), scales, zero_points)
    assert set(two_sets.check_equal(model)) == {"tq_add_s8_dsp", "tq_add_equal_s8_dsp"}


def test_ties_round_as_in_the_reference(layers: Callable[..., Any], two_sets: Any) -> None:
    """Scales are powers of two apart: many sums, and many of the finer input, lie in the middle."""
    model = layers(2)
    for finer in range(7):
        for coarser in (1.0, 2.0, 4.0):
            for zero_point in (-1, 0, 5):
                scales = (1.0, 2.0**-finer, coarser)
                add_layer(model, 60, scales, [zero_point, -zero_point, zero_point])
    two_sets.check_equal(model)


def test_a_factor_that_the_kernel_has_no_room_for_keeps_the_reference(
    layers: Callable[..., Any], two_sets: Any
) -> None:
    model = layers(3)
    for factor in (2.0**-4, 2.0**8):
        add_layer(model, 12, (1.0, 2.0**-3, factor), [1, 2, 3])
    assert set(two_sets.check_equal(model)) == {"tq_add_s8", "tq_add_s8_dsp"}
