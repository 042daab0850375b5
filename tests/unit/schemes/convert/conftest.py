"""Small models, made by the converter's process, and what tests of conversion ask of it."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.schemes.child_process import Outcome
from pytest_tinyquant.schemes.convert import ConvertedModel
from pytest_tinyquant.schemes.servers import SERVERS
from pytest_tinyquant.system.cache import Cache


# A convolution, and two dense layers of which only the first has 1024 weights or more.
BUILD_MODELS = """
from pathlib import Path

import keras

directory = Path({directory!r})
keras.utils.set_random_seed(1)
model = keras.Sequential([
    keras.Input((8, 8, 1)),
    keras.layers.Conv2D(4, 3, 2, "same", activation="relu", bias_initializer="uniform"),
    keras.layers.Flatten(),
    keras.layers.Dense(20, activation="relu", bias_initializer="uniform"),
    keras.layers.Dense(3, activation="softmax", bias_initializer="uniform"),
])
model.save(directory / "small.keras")
model.export(directory / "small")

left, right = keras.Input((4,), name="left"), keras.Input((2,), name="right")
both = keras.layers.Concatenate()([left, right])
outputs = [keras.layers.Dense(3)(both), keras.layers.Dense(2)(both)]
keras.Model([left, right], outputs).save(directory / "two.keras")

image = keras.Input((None, None, 1))
keras.Model(image, keras.layers.Conv2D(1, 1)(image)).save(directory / "open.keras")
"""


@dataclass(frozen=True)
class SmallModel:
    """What conversion needs of a model."""

    name: str
    path: Path
    kind: str = "keras"
    source_sha256: str = "0" * 64
    dense_per_channel: bool = False
    steps: Callable[[int], int] = lambda samples: 1
    custom_objects: tuple[()] = ()
    calibration: Callable[[], Any] = lambda: _uniform(0, 200, 8, 8, 1)
    check: Callable[[], Any] = lambda: _uniform(1, 5, 8, 8, 1)


def _uniform(seed: int, *shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


@pytest.fixture(scope="package")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with the models, made by the converter's process: it has Keras loaded."""
    directory = tmp_path_factory.mktemp("models")
    source = BUILD_MODELS.format(directory=str(directory))
    outcome = SERVERS["tensorflow"].call("builtins:exec", [source, {}], timeout=120)
    assert not outcome.trouble, outcome.log
    yield directory
    SERVERS["tensorflow"].close()


@pytest.fixture(scope="package")
def shared_cache(directory: Path) -> Cache:
    return Cache(directory / "cache")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture(scope="package")
def small(directory: Path) -> Any:
    return SmallModel("small", directory / "small.keras")


class CountingServer:
    """Passes calls on to the real server, or answers them itself, and remembers them."""

    def __init__(self, outcome: Outcome | None = None) -> None:
        self.calls: list[str] = []
        self._outcome = outcome
        self._server = SERVERS["tensorflow"]

    def call(self, function: str, arguments: Any, *, timeout: float) -> Outcome:
        self.calls.append(function)
        if self._outcome is not None:
            return self._outcome
        return self._server.call(function, arguments, timeout=timeout)


@pytest.fixture(scope="package")
def uniform() -> Callable[..., np.ndarray[Any, Any]]:
    """Return uniform(seed, *shape): samples in 0 to 1."""
    return _uniform


@pytest.fixture
def counting_server(monkeypatch: pytest.MonkeyPatch) -> Callable[..., CountingServer]:
    """Return what puts a server that counts its calls in the converter's place."""

    def server(outcome: Outcome | None = None) -> CountingServer:
        server = CountingServer(outcome)
        monkeypatch.setitem(SERVERS, "tensorflow", server)
        return server

    return server


def _graph_of(converted: ConvertedModel) -> Graph:
    return read_graph(converted.read())


@pytest.fixture(scope="package")
def graph_of() -> Callable[[ConvertedModel], Graph]:
    return _graph_of


@pytest.fixture(scope="package")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return network(name, form): the file of a network in a form, made once."""
    from onnx_networks import write_network

    made: dict[tuple[str, str], Path] = {}

    def network(name: str, form: str = "float") -> Path:
        if (name, form) not in made:
            folder = tmp_path_factory.mktemp(name)
            forms = () if form == "float" else (form,)
            made.update(
                ((name, key), path) for key, path in write_network(name, folder, forms).items()
            )
        return made[name, form]

    return network
