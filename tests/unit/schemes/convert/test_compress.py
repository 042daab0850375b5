"""Schemes with steps: what Model Optimization on legacy Keras makes of small models."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ConversionError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.models.weights import weight_facts
from pytest_tinyquant.schemes import compress
from pytest_tinyquant.schemes import convert as convert_module
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.schemes.servers import SERVERS
from pytest_tinyquant.schemes.settings import Scheme
from pytest_tinyquant.schemes.steps import Step
from pytest_tinyquant.system.cache import Cache


needs_compression = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in compress._PACKAGES),
    reason="Model Optimization is not installed: pip install pytest-tinyquant[compress]",
)

PRUNE = Step("prune", 0.5, written="prune:0.5")
CLUSTER = Step("cluster", clusters=8, written="cluster:8")
QAT = Step("qat", written="qat")


def scheme(*steps: Step, base: str = "int8-only", **changes: Any) -> Scheme:
    return replace(SCHEMES[base], name="mine", steps=steps, epochs=1, **changes)


@pytest.fixture(scope="module", autouse=True)
def _close() -> Any:
    yield
    SERVERS["compression"].close()


# Batch normalization, a depthwise convolution, a branch, activations in layers of their own.
BUILD = """
import keras
from keras import layers as L
keras.utils.set_random_seed(1)
i = keras.Input((8, 8, 3))
t = L.ReLU(6.0)(L.BatchNormalization()(L.Conv2D(4, 3, 2, "same", use_bias=False)(i)))
d = L.Activation("relu")(L.BatchNormalization()(L.DepthwiseConv2D(3, padding="same")(t)))
t = L.Dropout(0.1)(L.MaxPooling2D(2)(L.Add()([t, d])))
t = L.Activation("relu")(L.Conv2D(6, 3, padding="same")(t))
model = keras.Model(i, L.Dense(4, "softmax")(L.Dense(12, "relu")(L.GlobalAveragePooling2D()(t))))
for layer in model.layers:
    if isinstance(layer, L.BatchNormalization):
        layer.set_weights([w + 0.1 * k for k, w in enumerate(layer.get_weights())])
model.save({branched!r})
shared = L.Dense(4)
keras.Model(i2 := keras.Input((4,)), shared(shared(i2))).save({twice!r})
@keras.saving.register_keras_serializable("mine")
class Own(L.Dense):
    pass
keras.Model(i3 := keras.Input((4,)), Own(4)(i3)).save({custom!r})
keras.Model([a := keras.Input((4,)), b := keras.Input((4,))], L.Add()([a, b])).save({two!r})
"""


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Models by name, made by the process that has Keras 3.

    In a folder of their own: that of the package has a ``two.keras`` too.
    """
    folder = tmp_path_factory.mktemp("nets")
    paths = {name: folder / f"{name}.keras" for name in ("branched", "twice", "custom", "two")}
    source = BUILD.format(**{name: str(path) for name, path in paths.items()})
    outcome = SERVERS["tensorflow"].call("builtins:exec", [source, {}], timeout=120)
    assert not outcome.trouble, outcome.log
    return paths


def samples(*shape: int) -> Any:
    return lambda: np.random.default_rng(0).random((64, *shape), dtype=np.float32)


@needs_compression
@pytest.mark.parametrize(
    "steps",
    [(PRUNE,), (QAT,), (CLUSTER, QAT), (PRUNE, CLUSTER, QAT)],
    ids=["prune", "qat", "cqat", "pcqat"],
)
def test_each_step_keeps_what_those_before_it_did(
    small: Any, shared_cache: Cache, graph_of: Any, steps: tuple[Step, ...]
) -> None:
    graph = graph_of(convert(small, scheme(*steps), shared_cache))
    facts = weight_facts(graph)
    assert len(facts) == 3
    assert all(fact.dtype == "int8" for fact in facts)
    for fact in facts:
        assert PRUNE not in steps or 0.48 <= fact.sparsity <= 0.55
        assert CLUSTER not in steps or fact.unique_per_output <= 9
        assert PRUNE in steps or CLUSTER in steps or fact.unique > 20


@needs_compression
def test_a_model_travels_to_legacy_keras_as_it_is(nets: dict[str, Path], tmp_path: Path) -> None:
    request = {"kind": "keras", "path": str(nets["branched"]), "output": str(tmp_path / "g.npz")}
    convert_module.call_converter("keras_graph", request, "reading", 120)
    x = samples(8, 8, 3)()
    np.save(tmp_path / "x.npy", x)
    ours = (
        f"import numpy as np, keras; m = keras.saving.load_model({str(nets['branched'])!r})\n"
        f"np.save({str(tmp_path / 'ours.npy')!r}, m(np.load({str(tmp_path / 'x.npy')!r})))"
    )
    theirs = (
        "import numpy as np; from pathlib import Path\n"
        "from pytest_tinyquant.schemes.legacy_keras import build\n"
        f"m = build(Path({str(tmp_path / 'g.npz')!r}))\n"
        f"np.save({str(tmp_path / 'theirs.npy')!r}, m(np.load({str(tmp_path / 'x.npy')!r})))\n"
        "assert not any(type(l).__name__ == 'Activation' for l in m.layers[-6:]), 'fused'"
    )
    for server, source in ((SERVERS["tensorflow"], ours), (SERVERS["compression"], theirs)):
        outcome = server.call("builtins:exec", [source, {}], timeout=120)
        assert not outcome.trouble, outcome.log
    a, b = (np.load(tmp_path / f"{name}.npy") for name in ("ours", "theirs"))
    assert np.abs(a - b).max() < 1e-6


@needs_compression
def test_a_branched_model_goes_through_all_steps(
    small: Any, nets: dict[str, Path], cache: Cache, graph_of: Any
) -> None:
    model = replace(
        small, name="branched", path=nets["branched"], source_sha256="3" * 64,
        calibration=samples(8, 8, 3),
    )  # fmt: skip
    graph = graph_of(convert(model, scheme(PRUNE, QAT), cache))
    assert {"ADD", "DEPTHWISE_CONV_2D"} <= {operator.op for operator in graph.operators}


@needs_compression
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("twice", "is called twice, which steps cannot follow"),
        ("custom", "Could not locate class"),
        ("two", "it has several inputs or outputs; steps need a model with one of each"),
    ],
)
def test_models_that_cannot_be_trained_are_named(
    small: Any, nets: dict[str, Path], cache: Cache, name: str, message: str
) -> None:
    one = samples(4)
    calibration = (lambda: [one(), one()]) if name == "two" else one
    model = replace(small, name=name, path=nets[name], calibration=calibration)
    with pytest.raises((ConversionError, ConfigurationError)) as caught:
        convert(model, scheme(PRUNE), cache)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{name} mine: ")


@needs_compression
def test_it_learns_from_labels_too(small: Any, cache: Cache, tmp_path: Path, graph_of: Any) -> None:
    file = tmp_path / "labels.npz"
    np.savez(file, inputs=samples(8, 8, 1)(), targets=np.arange(64) % 3)
    mine = scheme(PRUNE, training=str(file), training_sha256="7" * 64)
    graph = graph_of(convert(small, mine, cache))
    assert all(fact.sparsity >= 0.48 for fact in weight_facts(graph))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"inputs": np.zeros((4, 8, 8)), "targets": np.zeros(4)}, r"have shape \[8, 8\], but the"),
        ({"inputs": np.zeros((4, 8, 8, 1)), "targets": np.zeros(3)}, "4 inputs and 3 targets"),
        ({"inputs": np.zeros((0, 8, 8, 1)), "targets": np.zeros(0)}, "0 inputs and 0 targets"),
        ({"inputs": np.full((4, 8, 8, 1), np.nan), "targets": np.zeros(4)}, "NaN or infinity"),
        ({"x": np.zeros(3)}, "the arrays 'inputs' and 'targets'"),
        ({"inputs": np.zeros((4, 8, 8, 1)), "targets": np.array("x")}, "targets are of type <U1"),
        ({"inputs": np.full((4, 8, 8, 1), "x"), "targets": np.zeros(4)}, "inputs are of type <U1"),
        ({"inputs": np.zeros((4, 8, 8, 1)), "targets": np.float32(1)}, "4 inputs and 1 targets"),
        ({"inputs": np.zeros((4, 8, 8, 1)), "targets": np.zeros((4, 5))}, r"shape \[5\], but the"),
        (
            {"inputs": np.zeros((4, 8, 8, 1)), "targets": np.zeros(4)},
            r"shape \[\], but the",
        ),
        ({"inputs": np.zeros((4, 8, 8, 1)), "targets": np.arange(4)}, "labels go from 0 to 3, but"),
        ({"inputs": np.zeros((4, 8, 8, 1)), "targets": np.arange(4) - 2}, "go from -2 to 1, but"),
        ({"inputs": np.zeros((4, 8, 8, 1)), "targets": np.eye(4, 3, dtype=int)}, "for labels"),
    ],
)
def test_training_data_that_do_not_fit_are_named(
    small: Any, tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    file, graph = tmp_path / "data.npz", tmp_path / "graph.npz"
    np.savez(file, **arrays)
    np.savez(graph, graph=json.dumps({"output_shape": [3]}))
    mine = scheme(PRUNE, training=str(file))
    with pytest.raises(ConfigurationError, match=message) as caught:
        compress.run_compression(small, mine, graph, tmp_path / "out", timeout=1)
    assert str(caught.value).startswith(f"small mine: training {file}: ")


@needs_compression
def test_numbers_and_distributions_are_learned_from_as_well(
    small: Any, cache: Cache, tmp_path: Path
) -> None:
    """The output's shape comes with the model."""
    file = tmp_path / "numbers.npz"
    np.savez(
        file, inputs=samples(8, 8, 1)(), targets=np.eye(3, dtype=np.float32)[np.arange(64) % 3]
    )
    convert(small, scheme(PRUNE, training=str(file), training_sha256="8" * 64), cache)
    np.savez(file, inputs=samples(8, 8, 1)(), targets=np.zeros((64, 2), np.float32))
    wrong = scheme(PRUNE, training=str(file), training_sha256="9" * 64)
    with pytest.raises(ConfigurationError, match=r"shape \[2\], but the model's output has \[3\]"):
        convert(small, wrong, cache)


def test_training_data_that_are_no_npz_are_named(small: Any, tmp_path: Path) -> None:
    file = tmp_path / "data.npz"
    file.write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(ConfigurationError, match=r"training .*data\.npz: cannot be read"):
        compress.run_compression(
            small, scheme(PRUNE, training=str(file)), file, tmp_path / "out", timeout=1
        )


@needs_compression
def test_two_trainings_give_the_same_bytes(small: Any, cache: Cache, tmp_path: Path) -> None:
    first = convert(small, scheme(PRUNE, QAT), cache)
    SERVERS["compression"].close()
    again = convert(small, scheme(PRUNE, QAT), Cache(tmp_path / "other"))
    assert again.sha256 == first.sha256
    assert first.converter.startswith("tensorflow-model-optimization 0.")


@needs_compression
def test_only_keras_models_have_layers_to_train(small: Any, cache: Cache, directory: Path) -> None:
    model = replace(small, path=directory / "small")
    with pytest.raises(ConfigurationError, match="steps train Keras models"):
        convert(model, scheme(PRUNE), cache)


def test_without_the_packages_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolchainNotFoundError, match=r"pip install 'pytest-tinyquant\[compress\]'"):
        compress.compression_version()
