"""The DSP convolutions give the reference kernels' bytes on the emulated core."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st


if TYPE_CHECKING:
    from tests.emulated.kernels.conftest import Layers
    from tests.emulated.kernels.conftest import TwoSets


# A model of this many layers is one example.
LAYERS = 40
ACTIVATIONS = ["NONE", "RELU", "RELU6"]
BIASES = {"int8": "int32", "int16": "int64"}

quick = settings.get_profile("emulated_kernels")
seeds = st.integers(0, 2**32 - 1)


def window(
    random: np.random.Generator, height: int, width: int, filter_height: int, filter_width: int
) -> tuple[dict[str, Any], list[int]]:
    """Draw the options of a sliding window; return them and the output's height and width."""
    options: dict[str, Any] = {"padding": str(random.choice(["SAME", "VALID"]))}
    sizes: list[tuple[int, int, int]] = []
    for axis, size, filter_size in (("h", height, filter_height), ("w", width, filter_width)):
        stride = options[f"stride_{axis}"] = int(random.integers(1, 4))
        dilation = options[f"dilation_{axis}_factor"] = int(random.choice([1, 1, 2, 3]))
        reach = (filter_size - 1) * dilation + 1
        if reach > size:
            options["padding"] = "SAME"
        sizes.append((size, stride, reach))
    if options["padding"] == "SAME":
        return options, [-(-size // stride) for size, stride, _ in sizes]
    return options, [(size - reach) // stride + 1 for size, stride, reach in sizes]


def filters(random: np.random.Generator, shape: tuple[int, ...], axis: int) -> np.ndarray:
    """Draw weights: random, the extremes (whose sums are largest), dead channels."""
    kind = random.choice(["random", "random", "dead channels", "extremes", "largest", "-128"])
    weights: np.ndarray = random.integers(-127, 128, shape)
    if kind == "extremes":
        weights = random.choice([-127, 127], shape)
    elif kind == "largest":
        weights = np.full(shape, random.choice([-127, 127]))
    elif kind == "-128":
        weights = random.choice([-128, 127, 0], shape)
    elif kind == "dead channels":
        dead = random.integers(0, 2, shape[axis]).astype(bool)
        weights = np.moveaxis(weights, axis, -1)
        weights[..., dead] = 0
        weights = np.moveaxis(weights, -1, axis)
    return weights


def add_layer(
    model: Layers,
    random: np.random.Generator,
    op: str,
    dtype: str,
    shape: tuple[int, ...],
    weights: np.ndarray,
    axis: int,
    output_shape: tuple[int, ...],
    options: dict[str, Any],
) -> None:
    """Add a layer whose outputs mostly lie within the range of their type, but not always."""
    channels = weights.shape[axis]
    largest = 1 if dtype == "int8" else 256
    scale, weight_scales = 2.0 ** random.uniform(-9, -3), 2.0 ** random.uniform(-12, -6, channels)
    typical = math.sqrt(weights.size / channels) * 73 * 73 * largest
    swing = {0: 2.0**-14, 1: 2.0**6}.get(int(random.integers(16)), 2.0 ** random.uniform(-2, 2))
    output_scale = scale * weight_scales.mean() * typical / (60 * largest) / swing
    source = model.activation(shape, dtype, float(np.float32(scale)), model.zero_point(dtype))
    filters = model.constant(
        weights.astype("int8"), np.asarray(weight_scales, np.float32).tolist(), axis
    )
    bias = draw_bias(model, random, dtype, channels, typical)
    output_scale = float(np.float32(output_scale))
    output = model.activation(output_shape, dtype, output_scale, model.zero_point(dtype))
    options = options | {"fused_activation_function": model.choice(ACTIVATIONS)}
    model.add(op, [source, filters, bias], output, **options)


def draw_bias(
    model: Layers, random: np.random.Generator, dtype: str, channels: int, typical: float
) -> int | None:
    """Draw a bias: none, as large as the sums, or so large that no 32 bits hold it."""
    kind = random.integers(8)
    if kind == 0:
        return None
    values = random.normal(0, typical, channels)
    if kind == 1:
        values = random.choice([-(2**30), 2**30, 2**31 - 1], channels)
    return model.constant(np.trunc(values).astype(BIASES[dtype]))


def used_dsp(used: Mapping[str, int]) -> int:
    return sum(count for kernel, count in used.items() if kernel.endswith("_dsp"))


@pytest.mark.parametrize("dtype", BIASES)
@given(seed=seeds)
@quick
def test_convolutions(dtype: str, seed: int, layers: type[Layers], two_sets: TwoSets) -> None:
    model, random = layers(seed), np.random.default_rng(seed)
    for _ in range(LAYERS):
        batches, channels = int(random.integers(1, 3)), int(random.integers(1, 10))
        depth = int(random.choice([1, 2, 3, 4, 5, 6, 8, 12]))
        height, width = (int(n) for n in random.integers(1, 9, 2))
        kernel = tuple(int(n) for n in random.integers(1, 5, 2))
        options, size = window(random, height, width, *kernel)
        weights = filters(random, (channels, *kernel, depth), 0)
        shape, output = (batches, height, width, depth), (batches, *size, channels)
        add_layer(model, random, "CONV_2D", dtype, shape, weights, 0, output, options)
    assert used_dsp(two_sets.check_equal(model)) > LAYERS / 5


@pytest.mark.parametrize("dtype", BIASES)
@given(seed=seeds)
@quick
def test_convolutions_with_many_positions(
    dtype: str, seed: int, layers: type[Layers], two_sets: TwoSets
) -> None:
    """Sums up to and beyond what the kernels can keep in 32 bits, and in 24."""
    model, random = layers(seed), np.random.default_rng(seed)
    options = {"padding": "VALID", "stride_h": 1, "stride_w": 1}
    for _ in range(LAYERS // 2):
        depth = int(random.choice([511, 512, 516, 517, 520, 600]))
        weights = filters(random, (3, 1, 1, depth), 0)
        shape, output = (1, 2, 2, depth), (1, 2, 2, 3)
        add_layer(model, random, "CONV_2D", dtype, shape, weights, 0, output, options)
    assert used_dsp(two_sets.check_equal(model)) > 0


@pytest.mark.parametrize(
    ("dtype", "kernels"),
    [
        ("int8", {"tq_conv_2d_s8_dsp", "tq_conv_2d_plain_s8_dsp"}),
        ("int16", {"tq_conv_2d_s16_dsp", "tq_conv_2d_s16"}),
    ],
)
def test_largest_sums(
    dtype: str,
    kernels: set[str],
    layers: type[Layers],
    two_sets: TwoSets,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With 516 positions the sums still fit, with more they do not in one of 24 and 32 bits."""
    model = layers(1)
    options = {
        "padding": "VALID",
        "stride_h": 1,
        "stride_w": 1,
        "fused_activation_function": "NONE",
    }
    for depth in (515, 516, 517, 600):
        for signs in itertools.product((-127, 127), repeat=2):
            weights = np.repeat(np.array([signs], dtype="int8").T, depth, axis=1)
            source = model.activation((1, 1, 1, depth), dtype, 1.0)
            filters = model.constant(weights.reshape(2, 1, 1, depth), [1.0, 1.0])
            output = model.activation((1, 1, 1, 2), dtype, 2.0**17)
            model.add("CONV_2D", [source, filters, None], output, **options)
    info = np.iinfo(dtype)
    size = sum(model.tensors[operator.inputs[0]].elements for operator in model.operators)
    samples = itertools.cycle(np.full(size, v, dtype).tobytes() for v in (info.min, info.max))
    monkeypatch.setattr(model, "sample", lambda: next(samples))
    assert two_sets.check_equal(model).keys() == kernels


@pytest.mark.parametrize("dtype", BIASES)
@given(seed=seeds)
@quick
def test_convolutions_of_several_groups_of_pixels(
    dtype: str, seed: int, layers: type[Layers], two_sets: TwoSets
) -> None:
    """Weights of up to 20 steps are read where they are, those of more steps are copied."""
    model, random = layers(seed), np.random.default_rng(seed)
    for channels, depth, filter_size in itertools.product((8, 16), (3, 16, 28), (1, 3)):
        batches, height, width = (int(n) for n in random.integers((1, 4, 4), (3, 9, 9)))
        kernel = (filter_size, filter_size)
        options, size = window(random, height, width, *kernel)
        weights = filters(random, (channels, *kernel, depth), 0)
        shape, output = (batches, height, width, depth), (batches, *size, channels)
        add_layer(model, random, "CONV_2D", dtype, shape, weights, 0, output, options)
    # Its input is gone when they run.
    large = model.activation((1, 64, 64, 4), dtype, 1.0)
    small = model.activation((1, 1, 1, 4), dtype, 1.0)
    pool = {"filter_height": 64, "filter_width": 64, "stride_h": 1, "stride_w": 1}
    model.add(
        "MAX_POOL_2D", [large], small, padding="VALID", fused_activation_function="NONE", **pool
    )
    model.operators.insert(0, model.operators.pop())
    used = two_sets.check_equal(model)
    assert sum(count for kernel, count in used.items() if "_groups_" in kernel) > 0


@pytest.mark.parametrize("dtype", BIASES)
@given(seed=seeds)
@quick
def test_depthwise_convolutions(
    dtype: str, seed: int, layers: type[Layers], two_sets: TwoSets
) -> None:
    model, random = layers(seed), np.random.default_rng(seed)
    shapes = [(4, 1), (8, 1), (12, 1), (4, 1), (8, 1), (1, 4), (1, 3), (3, 1), (2, 2)]
    for _ in range(LAYERS):
        depth, multiplier = shapes[random.integers(len(shapes))]
        height, width = (int(n) for n in random.integers(1, 9, 2))
        kernel = tuple(int(n) for n in random.integers(1, 6, 2))
        options, size = window(random, height, width, *kernel)
        options["depth_multiplier"] = multiplier
        weights = filters(random, (1, *kernel, depth * multiplier), 3)
        shape, output = (2, height, width, depth), (2, *size, depth * multiplier)
        add_layer(model, random, "DEPTHWISE_CONV_2D", dtype, shape, weights, 3, output, options)
    assert used_dsp(two_sets.check_equal(model)) > LAYERS / 5
