"""Which layer costs the accuracy, on graphs and tensors made for it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_tinyquant.measure.layer_quality import layer_quality
from pytest_tinyquant.measure.layer_quality import paired_operators
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


def graph(*operators: str, dtype: str = "float32") -> Graph:
    """A chain of operators; tensor 0 is the input, tensor n + 1 the output of operator n."""
    tensors = tuple(
        Tensor(i, f"t{i}", (1, 4), dtype, None, None) for i in range(len(operators) + 1)
    )
    chain = tuple(Operator(i, op, 1, (i,), (i + 1,), {}) for i, op in enumerate(operators))
    return Graph(tensors, chain, (0,), (len(operators),))


SIGNAL = np.array([[1.0, -2.0, 3.0, -4.0]])


def noisy(decibel: float) -> np.ndarray:
    """The signal with noise of that ratio."""
    noise = np.array([[1.0, 1.0, -1.0, -1.0]])
    scale = math.sqrt((SIGNAL**2).sum() / (noise**2).sum() / 10 ** (decibel / 10))
    return SIGNAL + noise * scale


def test_the_ratio_is_that_of_signal_and_noise_and_the_loss_is_against_the_input() -> None:
    before, after = graph("CONV_2D", "RELU", "SOFTMAX"), graph("CONV_2D", "RELU", "SOFTMAX")
    pairs = paired_operators(before, after)
    expected = {1: SIGNAL, 2: SIGNAL, 3: SIGNAL}
    found = {1: noisy(40), 2: noisy(40), 3: noisy(25)}
    conv, relu, softmax = layer_quality(after, pairs, expected, found)
    assert conv.sqnr == pytest.approx(40)
    assert relu.sqnr == pytest.approx(40)
    assert relu.lost == pytest.approx(0, abs=1e-6)
    assert softmax.lost == pytest.approx(15)
    assert softmax.label == "softmax[2]"


def test_equal_outputs_have_no_noise() -> None:
    chain = graph("CONV_2D")
    (layer,) = layer_quality(chain, paired_operators(chain, chain), {1: SIGNAL}, {1: SIGNAL})
    assert (layer.sqnr, layer.error, layer.lost) == (math.inf, 0.0, 0.0)


def test_a_first_layer_is_held_against_what_its_bits_could_give() -> None:
    chain = graph("CONV_2D", dtype="int8")
    pairs = paired_operators(graph("CONV_2D"), chain)
    (layer,) = layer_quality(chain, pairs, {1: SIGNAL}, {1: noisy(30)})
    assert layer.lost == pytest.approx(6.02 * 7 - 30)


def test_operators_that_only_store_otherwise_are_passed_over() -> None:
    before = graph("CONV_2D", "SOFTMAX")
    after = graph("QUANTIZE", "CONV_2D", "DEQUANTIZE", "SOFTMAX", dtype="int8")
    pairs = paired_operators(before, after)
    assert [(a.op, b.index) for a, b in pairs] == [("CONV_2D", 1), ("SOFTMAX", 3)]
    found = {2: noisy(40), 4: noisy(30)}
    _, softmax = layer_quality(after, pairs, {1: SIGNAL, 2: SIGNAL}, found)
    assert softmax.lost == pytest.approx(10)


def test_where_one_file_has_another_operator_names_decide() -> None:
    before, after = graph("CONV_2D", "RELU", "SOFTMAX"), graph("CONV_2D", "TANH", "SOFTMAX")
    assert [b.op for _, b in paired_operators(before, after)] == ["CONV_2D", "SOFTMAX"]
