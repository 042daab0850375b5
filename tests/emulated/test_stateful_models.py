"""Models with state: on every board, a check sample is a sequence of its own."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from drawn_layers.draw import BySeed
from drawn_layers.draw import Draw
from drawn_layers.draw import Layer
from drawn_layers.families import STATEFUL

from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.open import open_device
from pytest_tinyquant.engine.emit import emit
from pytest_tinyquant.engine.plan import plan
from pytest_tinyquant.engine.sequences import Sequences
from pytest_tinyquant.firmware.image import FirmwareImage
from pytest_tinyquant.firmware.image import build
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.system.cache import Cache


BOARDS = load_boards(())

Run = Callable[[Board, FirmwareImage | HostImage], tuple[bytes, ...]]


def outputs_in_one_sequence(
    model: bytes, samples: Sequence[Sequence[np.ndarray]]
) -> tuple[bytes, ...]:
    """Return what TensorFlow Lite Micro gives if nothing makes it forget."""
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(model, arena_size=1 << 20)
    outputs = []
    for (value,) in samples:
        interpreter.set_input(value, 0)
        interpreter.invoke()
        outputs.append(np.array(interpreter.get_output(0)).tobytes())
    return tuple(outputs)


@pytest.fixture(params=STATEFUL, ids=str)
def layer(request: pytest.FixtureRequest) -> Layer:
    """A layer that gives other outputs for a sample that comes a second time."""
    for seed in range(20):
        layer: Layer = request.param.draw(Draw(BySeed(seed), 2))
        twice = outputs_in_one_sequence(layer.model, [layer.samples[0]] * 2)
        if twice[0] != twice[1]:
            return layer
    raise AssertionError("the state never matters")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return run(board, image): the outputs for every sample."""

    def on_device(board: Board, image: FirmwareImage | HostImage) -> tuple[bytes, ...]:
        device = open_device(board, work_dir=tmp_path, timeout=60)
        try:
            device.flash(image)
            return device.run().outputs
        finally:
            device.close()

    return on_device


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("cache"))


def test_every_sample_begins_a_sequence(
    layer: Layer, run: Run, cache: Cache, tmp_path: Path
) -> None:
    first, second = (sample[0].tobytes() for sample in layer.samples)
    samples = (first, first, second, first)
    (tmp_path / "model.tflite").write_bytes(layer.model)
    expected = run(BOARDS["host"], HostImage(tmp_path / "model.tflite", samples))
    assert expected[0] == expected[1] == expected[3]
    board = BOARDS["nucleo-l4r5zi"]
    emitted = emit(plan(read_graph(layer.model), kernels=board.kernels), tmp_path / "model")
    image = build(emitted, board, samples, cache, where="model")
    assert run(board, image) == expected


@pytest.mark.parametrize("name", ["nucleo-l4r5zi", "rx65n"])
def test_the_steps_of_a_sequence_are_those_of_tensorflow_lite_micro(
    layer: Layer, run: Run, cache: Cache, tmp_path: Path, name: str
) -> None:
    """Two sequences of three steps: each begins with an empty memory."""
    first, second = (sample[0] for sample in layer.samples)
    steps = [(first,), (first,), (second,)]
    expected = outputs_in_one_sequence(layer.model, steps) * 2
    assert expected[0] != expected[1]
    samples = [value.tobytes() for (value,) in steps * 2]
    (tmp_path / "model.tflite").write_bytes(layer.model)
    assert run(BOARDS["host"], HostImage(tmp_path / "model.tflite", samples, 3)) == expected
    board = BOARDS[name]
    found = plan(read_graph(layer.model), kernels=board.kernels)
    emitted = emit(found, tmp_path / "model", Sequences(3, 6))
    image = build(emitted, board, samples, cache, where="model")
    assert run(board, image) == expected
