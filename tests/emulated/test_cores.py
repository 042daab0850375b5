"""The same models on every Cortex-M core: equal outputs, and counts that repeat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_tinyquant.measure.error import real_outputs
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.project.project import load_project
from pytest_tinyquant.project.settings import Settings
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.stages.pipeline import Stages


REPOSITORY = Path(__file__).parents[2]
REFERENCE = "nucleo-l4r5zi"

#: One board per core.
CORES = (
    "rp2040",
    "nucleo-f207zg",
    "launchxl-cc3220sf",
    "nrf52840-dk",
    "nucleo-f746zg",
    "nrf5340-dk",
    "corstone-300",
)

#: Share of the output's range by which float outputs may differ where the C library does.
FLOAT_BOUND = 1e-6


@pytest.fixture
def stages(tmp_path: Path) -> Stages:
    settings = Settings(
        root=tmp_path, models_dir=REPOSITORY / "models", baselines_dir=tmp_path / "baselines"
    )
    return Stages(load_project(settings, tmp_path / "work"))


def measure(stages: Stages, model: str, scheme: str, board: str) -> Measurement:
    project = stages.project
    return stages.measure(Case(project.models[model], SCHEMES[scheme], project.boards[board]))


@pytest.mark.parametrize("board", CORES)
@pytest.mark.parametrize("scheme", ["int8-only", "16x8-only"])
def test_integer_outputs_are_equal_on_every_core_and_counts_repeat(
    stages: Stages, board: str, scheme: str
) -> None:
    first = measure(stages, "fc_2", scheme, board)
    assert first.output_sha256 == measure(stages, "fc_2", scheme, REFERENCE).output_sha256
    again = measure(stages, "fc_2", scheme, board)
    assert again.metrics == first.metrics
    assert again.ops == first.ops


@pytest.mark.parametrize("board", CORES)
def test_float_outputs_differ_by_no_more_than_the_bound(stages: Stages, board: str) -> None:
    outputs = {}
    for name in (board, REFERENCE):
        project = stages.project
        built = stages.prepare(
            Case(project.models["cnn_1"], SCHEMES["basic"], project.boards[name])
        )
        with stages.open(built.board, built.image, name=f"cnn_1-{name}") as device:
            record = device.run()
        tensors = [built.graph.tensors[index] for index in built.graph.outputs]
        outputs[name] = real_outputs(record.outputs, tensors)[0]
    difference = np.abs(outputs[board] - outputs[REFERENCE]) / np.ptp(outputs[REFERENCE])
    assert difference.max() <= FLOAT_BOUND


def test_there_is_a_board_for_every_core_that_can_be_emulated() -> None:
    boards = load_boards(())
    kinds = {boards[name].kind for name in CORES}
    arm = {board.kind for board in boards.values() if board.kind.startswith("cortex-")}
    assert kinds == arm
