"""Zeros, different values and compressed size of stored weights."""

from __future__ import annotations

import numpy as np
import pytest
from model_builder import ModelBuilder

from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.models.weights import gzip_bytes
from pytest_tinyquant.models.weights import stored_values
from pytest_tinyquant.models.weights import weight_facts


def dense(weights: object, dtype: str = "int8") -> Graph:
    b = ModelBuilder()
    source, output = (b.tensor((1, size), "int8", scale=0.5) for size in (4, 2))
    b.operator(
        "FULLY_CONNECTED",
        [source, b.tensor((2, 4), dtype, scale=0.1, data=weights), -1],
        [output],
    )
    return read_graph(b.build([source], [output]))


def test_the_facts_of_a_layer() -> None:
    (fact,) = weight_facts(dense([[0, 0, 3, 5], [0, 5, 5, 5]]))
    assert (fact.label, fact.shape, fact.dtype) == ("fully_connected[0]", (2, 4), "int8")
    assert (fact.sparsity, fact.unique, fact.unique_per_output) == (3 / 8, 3, 3)


def test_outputs_of_a_depthwise_layer_lie_along_its_last_axis() -> None:
    b = ModelBuilder()
    source, output = b.tensor((1, 2, 2, 2)), b.tensor((1, 1, 1, 2))
    weights = b.tensor((1, 2, 2, 2), data=[[[[1, 5], [1, 6]], [[1, 7], [1, 8]]]])
    ones = dict.fromkeys(("stride_w", "stride_h", "dilation_w_factor", "dilation_h_factor"), 1)
    b.operator(
        "DEPTHWISE_CONV_2D", [source, weights, -1], [output],
        padding="VALID", depth_multiplier=1, **ones,
    )  # fmt: skip
    (fact,) = weight_facts(read_graph(b.build([source], [output])))
    assert (fact.sparsity, fact.unique, fact.unique_per_output) == (0.0, 5, 4)


@pytest.mark.parametrize("value", [-8, -1, 0, 7])
def test_two_weights_of_four_bits_share_a_byte(value: int) -> None:
    pairs = [(value, 1), (-3, 7), (0, 0), (-8, value)]
    packed = bytes((low & 15) | (high & 15) << 4 for low, high in pairs)
    graph = dense(packed, "int4")
    values = stored_values(graph.tensors[graph.operators[0].inputs[1]])
    assert values.reshape(-1).tolist() == [entry for pair in pairs for entry in pair]


def test_weights_that_another_operator_makes_have_no_facts() -> None:
    b = ModelBuilder()
    source, real, output = b.tensor((1, 4)), b.tensor((2, 4)), b.tensor((1, 2))
    stored = b.tensor((2, 4), "int8", scale=0.1, data=np.ones((2, 4)))
    b.operator("DEQUANTIZE", [stored], [real])
    b.operator("FULLY_CONNECTED", [source, real, -1], [output])
    assert weight_facts(read_graph(b.build([source], [output]))) == []


def test_zeros_compress_and_the_time_does_not_matter() -> None:
    noise = np.random.default_rng(0).integers(0, 256, 1000, np.uint8)
    sparse = np.where(np.arange(1000) % 2, noise, 0).astype(np.uint8)
    assert gzip_bytes(sparse.tobytes()) < gzip_bytes(noise.tobytes())
    assert gzip_bytes(noise.tobytes()) == gzip_bytes(noise.tobytes())
