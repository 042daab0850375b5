"""A board is watched operator by operator: what it computes there is what it computes anyway."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.boards.halts.trace import OperatorTrace
from pytest_tinyquant.boards.host.host import HostDevice
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.project.project import load_project
from pytest_tinyquant.project.settings import Settings
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.stages.layer_by_layer import FirstDifference
from pytest_tinyquant.stages.layer_by_layer import LayerByLayer
from pytest_tinyquant.stages.pipeline import Stages


REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def layers(tmp_path: Path) -> Callable[[str], LayerByLayer]:
    """Return layers(board): cnn_1 in int8-only on that board."""
    settings = Settings(
        root=tmp_path, models_dir=REPOSITORY / "models", baselines_dir=tmp_path / "baselines"
    )
    project = load_project(settings, tmp_path)
    stages = Stages(project)

    def on(board: str) -> LayerByLayer:
        case = Case(project.models["cnn_1"], SCHEMES["int8-only"], project.boards[board])
        return LayerByLayer(stages, stages.prepare(case))

    return on


BOARDS = [
    name
    for name, board in load_boards(()).items()
    if board.target == "emulator" and not board.on_request
]


@pytest.mark.parametrize("board", BOARDS)
def test_every_operator_gives_what_tensorflow_lite_micro_gives(
    layers: Callable[[str], LayerByLayer], board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without a difference at the output nothing is traced, so one is put into the reference.
    on_host = HostDevice.run

    def with_another_output(device: HostDevice) -> RunRecord:
        record = on_host(device)
        object.__setattr__(record, "outputs", (bytes(10), *record.outputs[1:]))
        return record

    monkeypatch.setattr(HostDevice, "run", with_another_output)
    traced: list[OperatorTrace] = []
    compare = LayerByLayer._compare

    def watched(
        self: LayerByLayer, tensors: Any, traces: tuple[OperatorTrace, ...], sample: int
    ) -> FirstDifference | None:
        traced.extend(traces)
        assert sample == 0
        return compare(self, tensors, traces, sample)

    monkeypatch.setattr(LayerByLayer, "_compare", watched)
    assert layers(board).first_difference() is None
    assert [len(trace.outputs[0]) for trace in traced] == [784, 294, 128, 8, 10, 10]
    assert all(any(trace.outputs[0]) for trace in traced)


@pytest.mark.parametrize("board", BOARDS)
def test_the_operator_with_the_deepest_stack_is_found(
    layers: Callable[[str], LayerByLayer], board: str
) -> None:
    deepest = layers(board).deepest_operator()
    assert deepest is not None
    operator, stack = deepest
    assert operator.startswith("conv2d[")
    assert 100 < stack < 1000
