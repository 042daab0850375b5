"""Converted models, and TensorFlow Lite Micro on the host as a board to compare with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.engine.plan import Plan
from pytest_tinyquant.engine.plan import plan
from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.system.cache import Cache


@pytest.fixture(scope="session")
def converted() -> Callable[[Path, str], bytes]:
    """Return converted(path, scheme): the .tflite file of a model."""
    return lambda path, scheme: convert(load_model(path), SCHEMES[scheme], Cache()).read()


@pytest.fixture(scope="session")
def planned() -> Callable[[bytes], Plan]:
    """Return planned(model): the engine's plan of a .tflite file."""
    return lambda model: plan(read_graph(model))


@pytest.fixture(scope="session")
def samples() -> Callable[[Plan, int], list[list[np.ndarray]]]:
    """Return samples(plan, count): random values for every input."""

    def draw(plan: Plan, count: int) -> list[list[np.ndarray]]:
        random = np.random.default_rng(5)

        def values(tensor: Any) -> np.ndarray:
            if tensor.dtype == "float32":
                uniform: np.ndarray = random.uniform(0, 1, tensor.shape).astype("float32")
                return uniform
            limits = np.iinfo(tensor.dtype)
            drawn: np.ndarray = random.integers(limits.min, limits.max, tensor.shape, endpoint=True)
            return drawn.astype(str(tensor.dtype))

        return [[values(tensor) for tensor in plan.inputs] for _ in range(count)]

    return draw
