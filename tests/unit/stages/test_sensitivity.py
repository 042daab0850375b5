"""Putting a recipe together from what single layers cost; the trials are played."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.stages import sensitivity
from pytest_tinyquant.stages.sensitivity import Trial
from pytest_tinyquant.stages.sensitivity import propose


#: What four bits in a layer add to the error, by algorithm, and the bytes that they save.
COSTS = {
    "a": ({"minmax": 0.001, "mse": 0.004}, 400),
    "b": ({"minmax": 0.030, "mse": 0.020}, 300),
    "c": ({"minmax": 0.002, "mse": 0.001}, 100),
}


class PlayedWork(sensitivity._Trials):
    """Trials whose error is the sum of what their rules cost."""

    def layers(self) -> list[tuple[str, str]]:
        return [(f"conv2d[{place}]", tensor) for place, tensor in enumerate(COSTS)]

    def trial(self, *rules: Any, every: Any = None) -> Trial:
        error, size = 0.001, 2_000
        for rule in rules:
            for tensor in rule.tensors:
                if rule.weights == 4:
                    error += COSTS[tensor][0][rule.algorithm]
                    size -= COSTS[tensor][1]
        return Trial(round(error, 6), size)


@pytest.fixture(autouse=True)
def _played(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensitivity, "_Trials", PlayedWork)


MODEL: Any = SimpleNamespace(name="net")


def proposed(base: str = "int8-only", **limits: Any) -> Any:
    stages: Any = SimpleNamespace()
    return propose(stages, MODEL, SCHEMES[base], **{"max_error": None, "max_bytes": None, **limits})


def test_each_layer_gets_the_better_algorithm() -> None:
    found = proposed(max_error=1.0)
    assert [layer.algorithm for layer in found.layers] == ["minmax", "mse", "mse"]
    assert [layer.narrow.error for layer in found.layers] == [0.002, 0.021, 0.002]


def test_layers_are_taken_until_the_error_is_reached() -> None:
    found = proposed(max_error=0.01)
    assert [layer.tensor for layer in found.narrow] == ["a", "c"]
    assert found.trial == Trial(0.003, 1_500)
    assert [(rule.algorithm, rule.tensors) for rule in found.rules] == [
        ("minmax", ("a",)),
        ("mse", ("c",)),
    ]


def test_a_layer_that_is_too_much_is_passed_over_for_a_later_one() -> None:
    assert [layer.tensor for layer in proposed(max_error=0.0029).narrow] == ["a"]
    assert [layer.tensor for layer in proposed(max_error=0.0225).narrow] == ["a", "c"]


def test_no_more_layers_are_taken_than_the_size_needs() -> None:
    found = proposed(max_bytes=1_600)
    assert [layer.tensor for layer in found.narrow] == ["a"]
    assert len(proposed(max_bytes=1_200).narrow) == 3


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_error": 0.0015}, "no recipe with four-bit layers has an error of at most 0.0015"),
        ({"max_bytes": 1_000}, "has at most 1,000 bytes; .* the smallest that was tried 1,200"),
    ],
)
def test_a_limit_that_nothing_reaches_is_told(limits: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        proposed(**limits)


@pytest.mark.parametrize("base", ["basic", "dynamic", "float16"])
def test_the_base_quantizes_activations(base: str) -> None:
    with pytest.raises(ConfigurationError, match="quantizes no activations; take int8"):
        proposed(base, max_error=1.0)
