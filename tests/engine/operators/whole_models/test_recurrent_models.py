"""The study's recurrent models, unrolled by Keras, give what TensorFlow Lite Micro gives."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pytest_tinyquant.engine.plan import Plan
from pytest_tinyquant.engine.plan import plan
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.support.check import check_support
from pytest_tinyquant.support.runtimes import RUNTIMES


if TYPE_CHECKING:
    from tests.engine.conftest import Tflm
    from tests.engine.operators.conftest import HostEngine


# Batch 1, whole sequences in and out; the weights are drawn, since accuracy is not the question.
BUILD = """
import sys
import keras
from keras import layers

keras.utils.set_random_seed(3)
steps = int(sys.argv[2])
MODELS = {
    "simple_0": ((2, 1), layers.SimpleRNN, 1, 1),
    "simple_1": ((steps, 32), layers.SimpleRNN, 64, 32),
    "simple_2": ((steps, 64), layers.SimpleRNN, 128, 64),
    "lstm": ((steps, 32), layers.LSTM, 64, 32),
    "gru": ((steps, 32), layers.GRU, 64, 32),
}
for name, (shape, layer, units, outputs) in MODELS.items():
    recurrent = layer(units, unroll=True, return_sequences=True)
    stack = [keras.Input(shape, batch_size=1), recurrent, layers.Dense(outputs)]
    keras.Sequential(stack).save(f"{sys.argv[1]}/{name}.keras")
"""
# The study's sequences have 100 steps, whose conversion takes minutes.
STEPS = 100 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 8

SCHEMES = ["basic", "int8-only", "16x8-only"]
MODELS = ["simple_0", "simple_1", "simple_2", "lstm", "gru"]

# Of outputs of the order of 1; the C library's tanh and exp differ from TFLM's.
FLOAT_BOUND = 1e-5
PLAN_SECONDS = 2.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recurrent")
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", BUILD, str(folder), str(STEPS)]
    subprocess.run(command, env=environment, check=True)
    return folder


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", MODELS)
def test_outputs_are_tflms(
    name: str,
    scheme: str,
    folder: Path,
    converted: Callable[[Path, str], bytes],
    samples: Callable[[Plan, int], list[list[np.ndarray]]],
    host_engine: HostEngine,
    tflm: Tflm,
) -> None:
    model = converted(folder / f"{name}.keras", scheme)
    graph = read_graph(model)
    started = time.process_time()
    planned = plan(graph)
    assert time.process_time() - started < PLAN_SECONDS
    for name_of_runtime in ("tflm", "tinyquant"):
        check_support(graph, RUNTIMES[name_of_runtime])
    values = samples(planned, 2)
    expected = np.array(tflm.run(model, values))
    actual = np.array(host_engine.run(planned, values))
    assert len(np.unique(expected)) > 2 or name == "simple_0"
    if scheme == "basic":
        np.testing.assert_allclose(actual, expected, rtol=0, atol=FLOAT_BOUND)
    else:
        np.testing.assert_array_equal(actual, expected)
