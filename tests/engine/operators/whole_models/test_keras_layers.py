"""Layers that Keras users take convert and run, or the refusal says what to build instead."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pytest_tinyquant.engine.plan import Plan
from pytest_tinyquant.engine.plan import plan
from pytest_tinyquant.errors import ConversionError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.errors import VacuousSchemeError
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.support.check import check_not_vacuous
from pytest_tinyquant.support.check import check_support
from pytest_tinyquant.support.runtimes import RUNTIMES


if TYPE_CHECKING:
    from tests.engine.conftest import Tflm
    from tests.engine.operators.conftest import HostEngine


BUILD = """
import sys
import keras
from keras import layers

keras.utils.set_random_seed(3)
LAYERS = {
    "prelu": layers.PReLU(shared_axes=[1, 2], alpha_initializer="uniform"),
    "elu": layers.ELU(),
    "global_max": layers.GlobalMaxPooling2D(),
    "up_bilinear": layers.UpSampling2D(interpolation="bilinear"),
    "up_nearest": layers.UpSampling2D(),
    "layer_norm": layers.LayerNormalization(),
    "groups": layers.Conv2D(4, 3, groups=2),
    "leaky_relu": layers.LeakyReLU(),
    "batch_norm": layers.BatchNormalization(),
    **{name: layers.Activation(name) for name in (
        "hard_silu", "softsign", "log_softmax", "exponential", "softplus", "mish", "celu", "gelu",
        "swish", "softmax", "tanh",
    )},
}
first = keras.Input((4, 4, 4))
features = layers.Conv2D(4, 1)(first)
for name, layer in LAYERS.items():
    keras.Model(first, layer(features)).save(f"{sys.argv[1]}/{name}.keras")
steps = layers.Reshape((16, 4))(features)
attention = layers.MultiHeadAttention(2, 4)(steps, steps)
keras.Model(first, attention).save(f"{sys.argv[1]}/attention.keras")
"""

LAYERS = (
    "attention", "celu", "elu", "exponential", "gelu", "global_max", "groups", "hard_silu",
    "layer_norm", "log_softmax", "mish", "prelu", "softplus", "softsign", "up_bilinear",
    "up_nearest",
)  # fmt: skip

#: What the refusals below send to, in the scheme that they are about.
ALTERNATIVES = ("batch_norm", "leaky_relu", "softmax", "swish", "tanh")

_SMOOTH = "take 'relu', 'leaky_relu' or 'swish'"
_EXPONENTIAL = ("celu", "exponential", "mish", "softplus")

#: What takes the place of a layer, by layer and scheme; all others run.
REFUSED = {
    **{(name, scheme): _SMOOTH for name in _EXPONENTIAL for scheme in ("int8-only", "16x8-only")},
    **{("gelu", scheme): _SMOOTH for scheme in ("basic", "int8-only", "16x8-only")},
    **{
        ("up_nearest", scheme): "take keras.layers.Resizing"
        for scheme in ("basic", "int8-only", "16x8-only")
    },
    ("elu", "int8-only"): "take 'int8', which allows them",
    ("layer_norm", "int8-only"): "take 'int8', which allows them",
    ("elu", "16x8-only"): "Take 'leaky_relu' or 'swish'",
    ("global_max", "16x8-only"): "take MaxPooling over the whole input",
    ("hard_silu", "16x8-only"): "Take 'swish'",
    ("layer_norm", "16x8-only"): "take BatchNormalization",
    ("log_softmax", "16x8-only"): "Take 'softmax'",
    ("prelu", "16x8-only"): "Take LeakyReLU",
    ("softsign", "16x8-only"): "take 'tanh'",
    ("up_bilinear", "16x8-only"): "take UpSampling2D with Conv2DTranspose",
}

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
CASES = [
    *((name, scheme) for name in LAYERS for scheme in ("basic", "int8-only", "16x8-only")),
    *((name, "16x8-only") for name in ALTERNATIVES),
]
#: One of each kind: refused by the converter, by the scheme and by the runtimes, and what runs.
QUICK = [
    ("prelu", "16x8-only"), ("elu", "int8-only"), ("gelu", "basic"), ("attention", "int8-only"),
    ("groups", "16x8-only"),
]  # fmt: skip

# The C library's functions differ from TFLM's.
FLOAT_BOUND = 1e-5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layers")
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "-c", BUILD, str(folder)], env=environment, check=True)
    return folder


@pytest.mark.parametrize(("name", "scheme"), CASES if NIGHTLY else QUICK)
def test_a_layer_runs_or_the_refusal_names_another(
    name: str,
    scheme: str,
    folder: Path,
    converted: Callable[[Path, str], bytes],
    samples: Callable[[Plan, int], list[list[np.ndarray]]],
    host_engine: HostEngine,
    tflm: Tflm,
) -> None:
    file = folder / f"{name}.keras"
    if words := REFUSED.get((name, scheme)):
        with pytest.raises(
            (ConversionError, UnsupportedModelError, VacuousSchemeError), match=words
        ):
            check(converted(file, scheme), scheme)
        return
    model = converted(file, scheme)
    check(model, scheme)
    planned = plan(read_graph(model))
    values = samples(planned, 2)
    expected = np.array(tflm.run(model, values))
    actual = np.array(host_engine.run(planned, values))
    assert len(np.unique(expected)) > 2
    if scheme == "basic":
        np.testing.assert_allclose(actual, expected, rtol=0, atol=FLOAT_BOUND)
    else:
        np.testing.assert_array_equal(actual, expected)


def check(model: bytes, scheme: str) -> None:
    """Check the model as the stages do, for every runtime of a microcontroller."""
    graph = read_graph(model)
    check_not_vacuous(graph, SCHEMES[scheme])
    for name in ("tinyquant", "tflm"):
        check_support(graph, RUNTIMES[name])
