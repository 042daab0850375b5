"""The generated C, compiled and run through tq_invoke(), gives TensorFlow Lite Micro's bytes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
import pytest
from controlled_models import branching
from controlled_models import looping
from controlled_models import streaming
from drawn_layers.draw import BySeed
from drawn_layers.draw import Draw
from drawn_layers.families import STATEFUL
from drawn_layers.families import Variant
from drawn_layers.spec import OperatorSpec
from drawn_layers.spec import TensorSpec

from pytest_tinyquant.engine.emit import emit
from pytest_tinyquant.engine.plan import Plan
from pytest_tinyquant.engine.plan import plan
from pytest_tinyquant.models.tflite_reader import read_graph


if TYPE_CHECKING:
    from tests.engine.conftest import Tflm


RANDOM = np.random.default_rng(7)

DRIVER = """
#include <stdio.h>

#include "tq_engine.h"

extern const tq_model tq_model_instance;

/* One inference per sample; a byte 1 before a sample begins a new sequence. */
int main(void) {
  const tq_model *model = &tq_model_instance;
  for (int begins = getchar(); begins != EOF; begins = getchar()) {
    if (begins) {
      tq_clear_state(model);
    }
    for (int i = 0; i < model->input_count; ++i) {
      const tq_buffer *input = &model->inputs[i];
      if (fread(input->data, 1, input->bytes, stdin) != input->bytes) {
        return 2;
      }
    }
    tq_invoke(model);
    for (int i = 0; i < model->output_count; ++i) {
      fwrite(model->outputs[i].data, 1, model->outputs[i].bytes, stdout);
    }
    if (tq_last_op != &model->ops[model->op_count - 1]) {
      return 3;
    }
  }
  return 0;
}
"""


def integers(shape: tuple[int, ...], dtype: str, low: int = -127, high: int = 127) -> np.ndarray:
    return RANDOM.integers(low, high + 1, shape).astype(dtype)


def conv_2d_int8(operator: type[OperatorSpec], tensor: type[TensorSpec]) -> OperatorSpec:
    filters = integers((4, 3, 3, 2), "int8")
    weights = tensor(filters.shape, "int8", [0.01, 0.02, 0.03, 0.04], data=filters)
    bias = tensor((4,), "int32", [0.001] * 4, data=integers((4,), "int32", -500, 500))
    inputs = (tensor((1, 6, 5, 2), "int8", 0.1, -3), weights, bias)
    options = {"StrideH": 2, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    return operator("CONV_2D", inputs, (tensor((1, 3, 5, 4), "int8", 0.3, 5),), "Conv2D", options)


def fully_connected_int16(operator: type[OperatorSpec], tensor: type[TensorSpec]) -> OperatorSpec:
    weights = tensor((5, 9), "int8", 0.02, data=integers((5, 9), "int8"))
    bias = tensor((5,), "int64", 0.002, data=integers((5,), "int64", -(1 << 34), 1 << 34))
    inputs = (tensor((1, 9), "int16", 0.1), weights, bias)
    output = (tensor((1, 5), "int16", 90.0),)
    return operator("FULLY_CONNECTED", inputs, output, "FullyConnected", {})


def relu_float32(operator: type[OperatorSpec], tensor: type[TensorSpec]) -> OperatorSpec:
    return operator("RELU", (tensor((7,), "float32"),), (tensor((7,), "float32"),))


def softmax_int8(operator: type[OperatorSpec], tensor: type[TensorSpec]) -> OperatorSpec:
    source, output = tensor((1, 12), "int8", 0.05, 4), tensor((1, 12), "int8", 1 / 256, -128)
    return operator("SOFTMAX", (source,), (output,), "Softmax", {"Beta": 1.0})


def split_int8(operator: type[OperatorSpec], tensor: type[TensorSpec]) -> OperatorSpec:
    axis = tensor((1,), "int32", data=np.array([1]))
    parts = tuple(tensor((2, 3), "int8", 0.1) for _ in range(2))
    return operator("SPLIT", (axis, tensor((2, 6), "int8", 0.1)), parts, "Split", {"NumSplits": 2})


@pytest.fixture(scope="module")
def engine_objects(
    tmp_path_factory: pytest.TempPathFactory,
    compile_for_host: Callable[..., None],
    engine_sources: list[Path],
) -> Path:
    merged = tmp_path_factory.mktemp("objects") / "engine.o"
    compile_for_host(engine_sources, merged, "-O2", "-fPIC", "-r", "-nostdlib")
    return merged


@pytest.fixture
def run_emitted(
    tmp_path: Path,
    engine_objects: Path,
    compile_for_host: Callable[..., None],
    plan_of: Callable[[OperatorSpec], Plan],
) -> Callable[..., bytes]:
    """Return run_emitted(model, sequences): the outputs' bytes, for sequences of samples.

    The model is that of a layer, or a .tflite file.
    """

    def run(model: OperatorSpec | bytes, sequences: Any) -> bytes:
        planned = plan(read_graph(model)) if isinstance(model, bytes) else plan_of(model)
        emitted = emit(planned, tmp_path / "model")
        driver = tmp_path / "driver.c"
        driver.write_text(DRIVER)
        program = tmp_path / "program"
        sources = [*emitted.sources, driver, engine_objects]
        compile_for_host(sources, program, f"-I{emitted.directory}", "-O2", "-lm")
        raw = b"".join(
            bytes([place == 0]) + b"".join(value.tobytes() for value in sample)
            for sequence in sequences
            for place, sample in enumerate(sequence)
        )
        return subprocess.run(
            [program], input=raw, capture_output=True, timeout=60, check=True
        ).stdout

    return run


@pytest.mark.parametrize(
    "build",
    [conv_2d_int8, fully_connected_int16, relu_float32, softmax_int8, split_int8],
    ids=lambda build: build.__name__,
)
def test_emitted_model(
    build: Callable[..., Any],
    run_emitted: Callable[..., bytes],
    operator_spec: type[OperatorSpec],
    tensor_spec: type[TensorSpec],
    tflm: Tflm,
) -> None:
    spec = build(operator_spec, tensor_spec)
    sample = [
        RANDOM.normal(0, 3, t.shape).astype(t.dtype)
        if t.dtype == "float32"
        else integers(t.shape, t.dtype)
        for t in spec.variable_inputs
    ]
    assert run_emitted(spec, [[sample]]) == outputs_of(tflm, spec.model(), [sample])


@pytest.mark.parametrize("variant", STATEFUL, ids=str)
def test_state_lasts_for_a_sequence(
    variant: Variant, run_emitted: Callable[..., bytes], tflm: Tflm
) -> None:
    for seed in range(20):
        layer = variant.draw(Draw(BySeed(seed), 6))
        sequences = layer.samples[:3], layer.samples[3:]
        expected = b"".join(outputs_of(tflm, layer.model, sequence) for sequence in sequences)
        # In one sequence the outputs would be others.
        if outputs_of(tflm, layer.model, layer.samples) != expected:
            break
    else:
        pytest.fail("the state never matters")
    assert run_emitted(layer.spec, sequences) == expected


@pytest.mark.parametrize("name", ["variable", "branches", "loop"])
def test_operators_that_run_others(
    name: str, run_emitted: Callable[..., bytes], tflm: Tflm
) -> None:
    drawn: dict[str, Callable[[], tuple[bytes, list[list[np.ndarray]]]]] = {
        "variable": lambda: (
            streaming(np.arange(9).reshape(1, 3, 3)),
            [[integers((1, 2, 3), "int8")] for _ in range(3)],
        ),
        "branches": lambda: (
            branching(),
            [[np.array([holds]), integers((2, 3), "int8")] for holds in (True, False)],
        ),
        "loop": lambda: (
            looping(),
            [[np.array([2], "int32"), *RANDOM.normal(size=(2, 2, 3)).astype("float32")]],
        ),
    }
    model, samples = drawn[name]()
    # Of a new sequence the variables begin anew.
    expected = outputs_of(tflm, model, samples)
    assert run_emitted(model, [samples, samples]) == expected * 2


def outputs_of(tflm: Tflm, model: bytes, samples: list[list[np.ndarray]]) -> bytes:
    return b"".join(v.tobytes() for outputs in tflm.run(model, samples) for v in outputs)
