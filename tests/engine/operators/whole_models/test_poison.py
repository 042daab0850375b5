"""No operator reads a byte of the arena that the plan says is dead.

Whole models run one operator at a time, and before each every byte that holds no value which is
still needed is overwritten.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from drawn_layers.spec import OperatorSpec
from drawn_layers.spec import TensorSpec

from pytest_tinyquant.engine.plan import Plan


if TYPE_CHECKING:
    from tests.engine.operators.conftest import Arena
    from tests.engine.operators.conftest import HostEngine


ZOO = Path(__file__).resolve().parents[4] / "models"

# As float32, 0xFFFFFFFF is NaN and 0x7F7F7F7F is 3.4e38.
PATTERNS = [0xFF, 0x7F]
# What takes time is the conversion, if it is not in the cache.
MODELS = ["fc_0", "fc_5", "cnn_1", "cnn_4", "cnn_7"]
if os.environ.get("HYPOTHESIS_PROFILE") == "nightly":
    MODELS = sorted(path.stem for path in ZOO.glob("*_[0-9]*.toml"))


def poison(plan: Plan, pattern: int) -> Callable[..., None]:
    """Return what overwrites the dead bytes before a row of the plan."""
    tensors = {*plan.placements.values(), *plan.scratch.values()}

    def before(row: int, memory: Arena) -> None:
        dead = np.ones(plan.arena_bytes, dtype=bool)
        for tensor in tensors:
            if tensor.first < row <= tensor.last:
                dead[tensor.offset : tensor.offset + tensor.bytes] = False
        memory.block[dead] = pattern

    return before


def check(plan: Plan, samples: list[list[np.ndarray]], host_engine: HostEngine) -> None:
    expected = host_engine.run(plan, samples)
    for pattern in PATTERNS:
        actual = host_engine.run(plan, samples, poison(plan, pattern))
        np.testing.assert_array_equal(
            np.concatenate([o.ravel() for sample in actual for o in sample]),
            np.concatenate([o.ravel() for sample in expected for o in sample]),
        )


@pytest.mark.parametrize("scheme", ["basic", "int8-only", "16x8-only"])
@pytest.mark.parametrize("name", MODELS)
def test_dead_bytes_do_not_matter(
    name: str,
    scheme: str,
    converted: Callable[[Path, str], bytes],
    planned: Callable[[bytes], Plan],
    samples: Callable[[Plan, int], list[list[np.ndarray]]],
    host_engine: HostEngine,
) -> None:
    plan = planned(converted(ZOO / f"{name}.toml", scheme))
    check(plan, samples(plan, 2), host_engine)


def test_state_is_never_dead(
    operator_spec: type[OperatorSpec],
    tensor_spec: type[TensorSpec],
    plan_of: Callable[[OperatorSpec], Plan],
    samples: Callable[[Plan, int], list[list[np.ndarray]]],
    host_engine: HostEngine,
) -> None:
    weights = tensor_spec((2, 3), "float32", data=np.ones((2, 3)))
    times = tensor_spec((2, 4), "float32", data=np.arange(8).reshape(2, 4))
    bias = tensor_spec((1,), "float32", data=np.ones(1))
    state = tensor_spec((1, 8), "float32", state=True)
    source, output = tensor_spec((1, 3), "float32"), tensor_spec((1, 1), "float32")
    inputs = (source, weights, times, bias, state)
    plan = plan_of(operator_spec("SVDF", inputs, (output,), "SVDF", {"Rank": 2}))
    check(plan, samples(plan, 4), host_engine)


def test_a_value_that_dies_too_early_is_noticed(
    converted: Callable[[Path, str], bytes],
    planned: Callable[[bytes], Plan],
    samples: Callable[[Plan, int], list[list[np.ndarray]]],
    host_engine: HostEngine,
) -> None:
    plan = planned(converted(ZOO / "cnn_1.toml", "int8-only"))

    def before(row: int, memory: Arena) -> None:
        tensor = plan.placements[plan.inputs[0].index]
        if row == 0:
            memory.block[tensor.offset : tensor.offset + tensor.bytes] = 0x7F

    values = samples(plan, 1)
    poisoned = host_engine.run(plan, values, before)[0][0]
    assert (poisoned != host_engine.run(plan, values)[0][0]).any()
