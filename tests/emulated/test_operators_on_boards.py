"""Every operator gives on emulated boards what it gives on this computer: one model of them all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_layers.draw import BySeed
from drawn_layers.draw import Draw
from drawn_layers.draw import Layer
from drawn_layers.families import VARIANTS
from drawn_layers.graph import side_by_side

from pytest_tinyquant.boards.open import open_device
from pytest_tinyquant.engine.emit import emit
from pytest_tinyquant.engine.plan import plan
from pytest_tinyquant.firmware.image import build
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.system.cache import Cache


BOARDS = load_boards(())
SAMPLES = 2


def layers() -> list[Layer]:
    """One layer of each way to draw one, but those whose results depend on the C library."""
    drawn = [variant.draw(Draw(BySeed(number), SAMPLES)) for number, variant in enumerate(VARIANTS)]
    return [
        layer
        for layer in drawn
        if layer.bound is None
        and not layer.ulp
        and len(layer.samples) == SAMPLES
        # exp() in double precision; an RX has none.
        and layer.spec.op != "TFLite_Detection_PostProcess"
    ]


@pytest.fixture(scope="module")
def model() -> tuple[Graph, tuple[bytes, ...]]:
    graph, samples = side_by_side(layers())
    return graph, tuple(samples)


@pytest.fixture(scope="module")
def expected() -> tuple[bytes, ...]:
    """What TensorFlow Lite Micro gives, layer by layer; every sample is a new beginning."""
    from tflite_micro.python.tflite_micro import runtime

    outputs = [b""] * SAMPLES
    for layer in layers():
        for number, sample in enumerate(layer.samples):
            interpreter = runtime.Interpreter.from_bytes(layer.model, arena_size=1 << 20)
            for index, value in enumerate(sample):
                interpreter.set_input(value, index)
            interpreter.invoke()
            count = len(layer.spec.outputs)
            values = [np.array(interpreter.get_output(index)) for index in range(count)]
            if layer.defined:
                values = layer.defined(values)
            outputs[number] += b"".join(value.tobytes() for value in values)
    return tuple(outputs)


@pytest.mark.parametrize("name", ["nucleo-l4r5zi", "rx65n"])
def test_outputs_are_those_of_tensorflow_lite_micro(
    name: str,
    model: tuple[Graph, tuple[bytes, ...]],
    expected: tuple[bytes, ...],
    tmp_path: Path,
) -> None:
    graph, samples = model
    board = BOARDS[name]
    emitted = emit(plan(graph, kernels=board.kernels), tmp_path / "model")
    image = build(emitted, board, samples, Cache(tmp_path / "cache"), where="operators")
    device = open_device(board, work_dir=tmp_path, timeout=120)
    try:
        device.flash(image)
        actual = device.run().outputs
    finally:
        device.close()
    for got, wanted in zip(actual, expected, strict=True):
        different = np.flatnonzero(np.frombuffer(got, "u1") != np.frombuffer(wanted, "u1"))
        assert not different.size, places(graph, different[0])


def places(graph: Graph, byte: int) -> str:
    """Return which operator's output a byte of all outputs belongs to."""
    for index in graph.outputs:
        tensor = graph.tensors[index]
        if byte < tensor.bytes:
            operator = next(op for op in graph.operators if index in op.outputs)
            return f"{operator.label}: byte {byte} of {tensor.dtype} {tensor.shape}"
        byte -= tensor.bytes
    return ""
