"""Layers with int4 weights: cortex_m_dsp gives the reference kernels' bytes, and these int8's."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.engine.plan import plan
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Tensor


KERNELS = {
    "tq_conv_2d_s4_dsp",
    "tq_depthwise_conv_2d_s4_dsp",
    "tq_depthwise_conv_2d_3x3_s4_dsp",
    "tq_depthwise_conv_2d_s4",
    "tq_fully_connected_s4",
    "tq_fully_connected_s4_dsp",
    "tq_fully_connected_per_channel_s4_dsp",
}


def packed(graph: Graph) -> Graph:
    """Return the graph with its int8 weights, which are -8 to 7, stored as int4."""
    return replace(graph, tensors=tuple(map(_packed, graph.tensors)))


def _packed(tensor: Tensor) -> Tensor:
    if tensor.data is None or tensor.dtype != "int8":
        return tensor
    stored = np.frombuffer(tensor.data, np.uint8)
    values = np.pad(stored, (0, len(stored) % 2)) & 15
    return replace(tensor, dtype="int4", data=(values[0::2] | values[1::2] << 4).tobytes())


class Layers:
    """Adds layers with drawn int4 weights to a model."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def dense(self, depth: int, rows: int, *, per_channel: bool, batches: int = 1) -> None:
        source = self.model.activation((batches, depth), "int8", 2.0**-5, self._zero())
        output = self.model.activation((batches, rows), "int8", 2.0**-3, self._zero())
        weights = self._weights((rows, depth), rows if per_channel else 1)
        options = {"weights_format": 0, "keep_num_dims": False}
        self._add("FULLY_CONNECTED", source, weights, rows, output, **options)

    def conv(self, height: int, depth: int, filters: int, size: int, stride: int = 1) -> None:
        source = self.model.activation((1, height, 5, depth), "int8", 2.0**-5, self._zero())
        out = (1, -(-height // stride), -(-5 // stride), filters)
        output = self.model.activation(out, "int8", 2.0**-3, self._zero())
        weights = self._weights((filters, size, size, depth), filters)
        self._window("CONV_2D", source, weights, filters, output, stride)

    def depthwise(self, depth: int, size: int, stride: int = 1, multiplier: int = 1) -> None:
        channels = depth * multiplier
        source = self.model.activation((1, 6, 5, depth), "int8", 2.0**-5, self._zero())
        out = (1, -(-6 // stride), -(-5 // stride), channels)
        output = self.model.activation(out, "int8", 2.0**-3, self._zero())
        weights = self._weights((1, size, size, channels), channels, axis=3)
        self._window("DEPTHWISE_CONV_2D", source, weights, channels, output, stride)

    def _window(
        self, op: str, source: int, weights: int, channels: int, output: int, stride: int
    ) -> None:
        options = {"padding": "SAME", "stride_h": stride, "stride_w": stride}
        options |= {"dilation_h_factor": 1, "dilation_w_factor": 1}
        self._add(op, source, weights, channels, output, **options)

    def _add(
        self, op: str, source: int, weights: int, channels: int, output: int, **options: Any
    ) -> None:
        bias = self.model.bias(channels, "int8")
        activation = self.model.choice(["NONE", "RELU"])
        self.model.add(
            op, (source, weights, bias), output, fused_activation_function=activation, **options
        )

    def _weights(self, shape: Sequence[int], scales: int, axis: int = 0) -> int:
        extremes = self.model.chance(0.3)
        draw = self.model.random.choice if extremes else self.model.random.integers
        values = draw([-8, 7], shape) if extremes else draw(-8, 8, shape)
        drawn = [self.model.scale(-7, -4) for _ in range(scales)]
        return int(self.model.constant(values.astype(np.int8), drawn, axis))

    def _zero(self) -> int:
        return int(self.model.zero_point("int8"))


def every_kind(model: Any) -> None:
    """Add layers for every kernel, of odd sizes too."""
    layers = Layers(model)
    for rows in (1, 3, 4, 5, 10):
        for depth in (1, 7, 8, 64, 301):
            layers.dense(depth, rows, per_channel=bool(rows % 2))
    layers.dense(8, 4, per_channel=False, batches=3)
    layers.dense(7, 4, per_channel=False, batches=3)
    for filters in (1, 2, 3, 6, 7):
        for depth, size in ((1, 3), (3, 3), (4, 1), (8, 3), (5, 2)):
            layers.conv(7, depth, filters, size, stride=1 + filters % 2)
    for depth in (1, 4, 8, 5):
        for size in (2, 3, 5):
            layers.depthwise(depth, size, stride=1 + size // 5)
    layers.depthwise(2, 3, multiplier=2)


@pytest.mark.parametrize("seed", [1])
def test_both_sets_give_the_bytes_of_int8_weights(
    seed: int, layers: Callable[..., Any], two_sets: Any
) -> None:
    model = layers(seed)
    every_kind(model)
    graph, samples = model.graph(), [model.sample() for _ in range(2)]
    used = two_sets.check(packed(graph), samples)
    assert used.keys() >= KERNELS, KERNELS - used.keys()
    assert not [kernel for kernel in used if "_s8" in kernel]
    wide = two_sets.run(plan(graph, kernels="reference"), "reference", samples)
    narrow = two_sets.run(plan(packed(graph), kernels="cortex_m_dsp"), "cortex_m_dsp", samples)
    assert narrow == wide


@pytest.mark.parametrize("kernels", ["reference", "cortex_m_dsp"])
def test_they_take_half_of_the_flash(layers: Callable[..., Any], kernels: str) -> None:
    model = layers(3)
    added = Layers(model)
    added.dense(512, 16, per_channel=False)
    added.conv(7, 16, 16, 3)
    added.depthwise(64, 3)
    graph = model.graph()
    sizes = [len(plan(each, kernels=kernels).weights) for each in (graph, packed(graph))]
    weights = 512 * 16 + 16 * 16 * 9 + 64 * 9
    # What is packed differs in nothing else: bias, factors and tables are the same.
    assert sizes[0] - sizes[1] >= weights // 2
