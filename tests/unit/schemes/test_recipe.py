"""Which rule decides about which operator, and rules that would be without effect."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from model_builder import ModelBuilder

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.schemes.recipe import treatments
from pytest_tinyquant.schemes.settings import Rule
from pytest_tinyquant.schemes.settings import Scheme


EVERY = Rule(activations=8, where="what int8-only does with every operator", implied=True)


@pytest.fixture
def network() -> Graph:
    """conv_0, conv_1, LEAKY_RELU, which the quantizer does not know, dense_2 and SOFTMAX."""
    b = ModelBuilder()
    ones = dict.fromkeys(("stride_w", "stride_h", "dilation_w_factor", "dilation_h_factor"), 1)
    source = b.tensor((1, 1, 1, 4))
    last = source
    for name in ("net/conv_0/Relu;net/conv_0/BiasAdd", "net/conv_1/BiasAdd"):
        weights = b.tensor((4, 1, 1, 4), data=np.eye(4), name=f"{name}/weights")
        output = b.tensor((1, 1, 1, 4), name=name)
        b.operator("CONV_2D", [last, weights, -1], [output], padding="SAME", **ones)
        last = output
    leaky = b.tensor((1, 1, 1, 4), name="net/leaky")
    b.operator("LEAKY_RELU", [last], [leaky], alpha=0.1)
    weights = b.tensor((4, 4), data=np.eye(4), name="net/dense_2/weights")
    dense, output = b.tensor((1, 4), name="net/dense_2/MatMul"), b.tensor((1, 4), name="Identity")
    b.operator("FULLY_CONNECTED", [leaky, weights, -1], [dense])
    b.operator("SOFTMAX", [dense], [output], beta=1.0)
    return read_graph(b.build([source], [output]))


def decided(graph: Graph, *rules: Rule, dense_per_channel: bool = False) -> list[str]:
    scheme = Scheme("mine", "", rules=rules)
    found = treatments(graph, scheme, dense_per_channel=dense_per_channel, where="net mine")
    return [f"{part.operator.label} {part.text}" for part in found]


def test_a_rule_for_every_operator(network: Graph) -> None:
    assert decided(network, EVERY) == [
        "conv2d[0] int8 weights, int8 activations (a scale per channel)",
        "conv2d[1] int8 weights, int8 activations (a scale per channel)",
        "leaky_relu[2] float32",
        "fully_connected[3] int8 weights, int8 activations (a scale per tensor)",
        "softmax[4] int8 activations",
    ]


def test_dense_layers_have_scales_as_the_model_or_the_rule_says(network: Graph) -> None:
    assert "per channel" in decided(network, EVERY, dense_per_channel=True)[3]
    rule = Rule(operators=("FULLY_CONNECTED",), granularity="channel", where="r")
    assert "per channel" in decided(network, EVERY, rule)[3]


def test_the_last_rule_that_matches_decides(network: Graph) -> None:
    small = Rule(operators=("CONV_2D",), weights=4, activations=8, algorithm="mse", where="r1")
    plain = Rule(layers="conv_0", weights=0, where="r2")
    found = decided(network, EVERY, small, plain)
    assert found[0] == "conv2d[0] float32"
    assert found[1] == "conv2d[1] int4 weights, int8 activations (a scale per channel, mse)"
    assert found[3].startswith("fully_connected[3] int8 weights, int8")


def test_all_selectors_of_a_rule_must_match(network: Graph) -> None:
    rule = Rule(layers="net", operators=("FULLY_CONNECTED",), tensors=("net/dense_2/MatMul",))
    assert [line.endswith("float32") for line in decided(network, rule)] == [
        True, True, True, False, True,
    ]  # fmt: skip


def test_weights_alone_concern_operators_with_weights(network: Graph) -> None:
    assert decided(network, Rule(weights=8, where="r"))[4] == "softmax[4] float32"
    half = decided(network, Rule(weights=16, where="r"))
    assert half[3] == "fully_connected[3] float16 weights, dequantized (a scale per tensor)"


LATER = Rule(operators=("CONV_2D",), weights=0, where="rule 2 of [scheme.mine]")

WITHOUT_EFFECT: dict[str, tuple[tuple[Rule, ...], str]] = {
    "no such layer": (
        (EVERY, Rule(layers="conv_9", weights=0, where="rule 1 of [scheme.mine]")),
        "net mine: rule 1 of [scheme.mine]: layers = 'conv_9' matches no layer of this model. Its "
        "layers are net/conv_0/Relu, net/conv_1/BiasAdd, net/leaky, net/dense_2/MatMul, Identity; ",
    ),
    "no such tensor": (
        (EVERY, Rule(tensors=("net/conv_0",), weights=0, where="rule 1")),
        "rule 1: tensors = ('net/conv_0',) matches no layer of this model",
    ),
    "no such operator": (
        (EVERY, Rule(operators=("MEAN", "ADD"), weights=0, where="rule 1")),
        "no rule of scheme 'mine' matches any operator of this model",
    ),
    "overruled": (
        (EVERY, Rule(layers="conv_0", weights=4, where="rule 1 of [scheme.mine]"), LATER),
        "rule 1 of [scheme.mine] decides nothing: later rules, the first of them rule 2, speak of",
    ),
}


@pytest.mark.parametrize(("rules", "message"), WITHOUT_EFFECT.values(), ids=WITHOUT_EFFECT.keys())
def test_rules_without_effect_are_refused(
    network: Graph, rules: tuple[Rule, ...], message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        decided(network, *rules)
    assert message in str(caught.value)


def test_a_rule_of_a_base_may_be_overruled_or_have_no_operator(network: Graph) -> None:
    base = Rule(layers="conv_0", weights=4, where="rule 1 of [scheme.base]")
    absent = Rule(operators=("MEAN",), weights=0, where="rule 2 of [scheme.base]")
    assert decided(network, EVERY, base, absent, LATER)[0] == "conv2d[0] float32"


def test_the_quantizer_is_told_each_operator_once(network: Graph) -> None:
    rule = Rule(operators=("CONV_2D",), weights=4, activations=16, algorithm="octav", where="r")
    scheme = Scheme("mine", "", rules=(EVERY, rule))
    found = treatments(network, scheme, dense_per_channel=False, where="net mine")
    entries: list[Any] = [part.entry() for part in found]
    assert entries[0] == {
        "operator": 0, "label": "conv2d[0]", "weights": 4, "activations": 16,
        "algorithm": "octav", "granularity": "channel", "compute": "integer", "rule": "r",
        "implied": False,
    }  # fmt: skip
    assert entries[2] is None
    assert (entries[4]["weights"], entries[4]["algorithm"]) == (8, "minmax")
