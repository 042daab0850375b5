"""Schemes with rules: what LiteRT's quantizer makes of a small model."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ConversionError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.errors import VacuousSchemeError
from pytest_tinyquant.schemes import quantizer
from pytest_tinyquant.schemes.child_process import Outcome
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.convert import interpreter_outputs
from pytest_tinyquant.schemes.convert import read_arrays
from pytest_tinyquant.schemes.convert import reference_outputs
from pytest_tinyquant.schemes.recipe import Treatment
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.schemes.servers import SERVERS
from pytest_tinyquant.schemes.settings import Rule
from pytest_tinyquant.schemes.settings import Scheme


needs_quantizer = pytest.mark.skipif(
    importlib.util.find_spec("litert_quantizer") is None,
    reason="litert-quantizer is not installed: pip install pytest-tinyquant[quantizer]",
)

EVERY = Rule(activations=8, where="every", implied=True)
SMALL = Rule(operators=("CONV_2D", "FULLY_CONNECTED"), weights=4, activations=8, where="rule 1")


def scheme(*rules: Rule, io: str = "int8") -> Scheme:
    return Scheme("mine", "", io_dtype=io, rules=rules)


def weights_of(graph: Any) -> list[tuple[str, int]]:
    """Return type and number of scales of the weights of all layers."""
    found = []
    for operator in graph.operators:
        if operator.op in ("CONV_2D", "FULLY_CONNECTED"):
            tensor = graph.tensors[operator.inputs[1]]
            scales = tensor.quantization.scales if tensor.quantization else ()
            found.append((tensor.dtype, len(scales)))
    return found


@pytest.fixture(scope="module", autouse=True)
def _close() -> Any:
    yield
    SERVERS["quantizer"].close()


@needs_quantizer
def test_the_rule_of_a_base_gives_what_the_converter_gives(
    small: Any, shared_cache: Any, graph_of: Any
) -> None:
    mine = graph_of(convert(small, scheme(EVERY), shared_cache))
    theirs = graph_of(convert(small, SCHEMES["int8-only"], shared_cache))
    assert weights_of(mine) == weights_of(theirs) == [("int8", 4), ("int8", 1), ("int8", 1)]
    assert [op.op for op in mine.operators] == [op.op for op in theirs.operators]
    assert {mine.tensors[index].dtype for index in (*mine.inputs, *mine.outputs)} == {"int8"}


@needs_quantizer
@pytest.mark.parametrize("algorithm", ["minmax", "mse", "octav"])
def test_weights_of_four_bits(small: Any, shared_cache: Any, graph_of: Any, algorithm: str) -> None:
    graph = graph_of(
        convert(small, scheme(EVERY, replace(SMALL, algorithm=algorithm)), shared_cache)
    )
    assert weights_of(graph) == [("int4", 4), ("int4", 1), ("int4", 1)]


@needs_quantizer
def test_chosen_layers_stay_float(small: Any, shared_cache: Any, graph_of: Any) -> None:
    first = Rule(operators=("CONV_2D",), weights=0, where="rule 1")
    graph = graph_of(convert(small, scheme(EVERY, first, io="float32"), shared_cache))
    assert weights_of(graph) == [("float32", 0), ("int8", 1), ("int8", 1)]
    assert [op.op for op in graph.operators][:2] == ["CONV_2D", "QUANTIZE"]
    assert graph.operators[-1].op == "DEQUANTIZE"


@needs_quantizer
def test_activations_of_sixteen_bits(small: Any, shared_cache: Any, graph_of: Any) -> None:
    wide = replace(EVERY, activations=16)
    graph = graph_of(convert(small, scheme(wide, io="int16"), shared_cache))
    assert graph.tensors[graph.inputs[0]].dtype == "int16"
    assert weights_of(graph) == [("int8", 4), ("int8", 1), ("int8", 1)]


@needs_quantizer
@pytest.mark.parametrize(
    ("rule", "stored"),
    [
        (Rule(weights=8, compute="float", where="r"), "int8"),
        (Rule(weights=16, where="r"), "float16"),
    ],
)
def test_weights_that_are_dequantized(
    small: Any, shared_cache: Any, graph_of: Any, rule: Rule, stored: str
) -> None:
    graph = graph_of(convert(small, scheme(rule, io="float32"), shared_cache))
    sources = {graph.tensors[op.inputs[0]].dtype for op in graph.operators if op.op == "DEQUANTIZE"}
    assert sources == {stored}


@needs_quantizer
def test_ranges_are_minimum_and_maximum_over_the_samples(
    small: Any, shared_cache: Any, graph_of: Any
) -> None:
    """The quantizer's own calibration averages, and would cut off the one sample that is large."""
    samples = np.full((200, 8, 8, 1), 0.1, np.float32)
    samples[0] = 10.0
    model = replace(small, source_sha256="1" * 64, calibration=lambda: samples)
    graph = graph_of(convert(model, scheme(EVERY), shared_cache))
    quantization = graph.tensors[graph.inputs[0]].quantization
    assert quantization.scales[0] * 255 == pytest.approx(10.0, rel=0.01)


@needs_quantizer
def test_what_it_computes_is_close_to_the_float_model(small: Any, shared_cache: Any) -> None:
    converted = convert(small, scheme(EVERY), shared_cache)
    file = interpreter_outputs(small, converted, shared_cache, kernels="reference")
    (expected,) = read_arrays(reference_outputs(small, shared_cache).path, "outputs")
    (found,) = read_arrays(file, "outputs")
    assert np.abs(found - expected).max() < 0.02


@needs_quantizer
def test_two_conversions_give_the_same_bytes(small: Any, cache: Any, tmp_path: Any) -> None:
    mine = scheme(EVERY, replace(SMALL, algorithm="mse"))
    first = convert(small, mine, cache)
    SERVERS["quantizer"].close()
    assert convert(small, mine, type(cache)(tmp_path / "other")).sha256 == first.sha256
    assert "litert-quantizer 0." in first.converter
    assert " on tensorflow 2." in first.converter


@needs_quantizer
@pytest.mark.parametrize(
    "rule",
    [
        Rule(operators=("CONV_2D",), weights=8, activations=8, algorithm="gptq", where="rule 1"),
        Rule(operators=("SOFTMAX", "CONV_2D"), weights=4, activations=16, algorithm="gptq",
             where="rule 1"),
    ],
)  # fmt: skip
def test_what_the_quantizer_cannot_do_is_named(small: Any, cache: Any, rule: Rule) -> None:
    with pytest.raises(ConfigurationError) as caught:
        convert(small, scheme(EVERY, rule), cache)
    assert str(caught.value).startswith(
        "small mine: rule 1: LiteRT's quantizer cannot do this with conv2d[0]: "
    )
    assert not [*cache.root.glob("converted/*/*/model.json")][1:]  # basic alone was kept


@needs_quantizer
def test_a_rule_without_a_layer_is_an_error(small: Any, cache: Any) -> None:
    rule = Rule(layers="no_such_layer", weights=0, where="rule 1")
    with pytest.raises(ConfigurationError, match="small mine: rule 1: layers = 'no_such_layer'"):
        convert(small, scheme(EVERY, rule), cache)


@needs_quantizer
def test_weights_that_stayed_as_they_were_are_vacuous(
    small: Any, cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Played: the quantizer leaves out what it was told about the first layer."""
    entry = Treatment.entry
    monkeypatch.setattr(
        Treatment,
        "entry",
        lambda self: None if self.operator.index == 0 else entry(self),
    )
    with pytest.raises(VacuousSchemeError) as caught:
        convert(small, scheme(EVERY, SMALL, io="float32"), cache)
    assert str(caught.value).startswith(
        "small mine: rule 1 asks for int4 weights in conv2d[0], but LiteRT's quantizer left them "
        "float32."
    )


@needs_quantizer
def test_trouble_of_the_quantizer_is_told(
    small: Any, cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def call(self, *_: Any, **__: Any) -> Outcome:
            return Outcome("crashed with SIGSEGV", "last words\n")

    monkeypatch.setitem(SERVERS, "quantizer", Broken())
    with pytest.raises(ConversionError) as caught:
        convert(small, scheme(EVERY), cache)
    assert str(caught.value) == (
        "small mine: LiteRT's quantizer crashed with SIGSEGV. Its last lines:\nlast words"
    )


def test_without_the_package_the_extra_is_named(
    small: Any, cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        ToolchainNotFoundError, match=r"pip install 'pytest-tinyquant\[quantizer\]'"
    ):
        quantizer.quantizer_version()
