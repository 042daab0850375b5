"""What one stage found out about a case goes on with it: no stage after it finds it out again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pytest_tinyquant.engine import lowered_graph
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.models import tflite_reader
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.project.project import load_project
from pytest_tinyquant.project.settings import Settings
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.stages.pipeline import Stages


REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def measured(tmp_path: Path) -> Callable[[str], Measurement]:
    """Return measured(board): fc_0 in int8-only on that board, through all stages."""
    settings = Settings(
        root=tmp_path, models_dir=REPOSITORY / "models", baselines_dir=tmp_path / "baselines"
    )
    project = load_project(settings, tmp_path)

    def on(board: str) -> Measurement:
        case = Case(project.models["fc_0"], SCHEMES["int8-only"], project.boards[board])
        return Stages(project).measure(case)

    return on


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often each function was called, under whichever name it is known."""
    counts: dict[str, int] = {}

    def count(module: ModuleType, name: str) -> None:
        original = getattr(module, name)
        counts[name] = 0

        def counted(*arguments: Any, **options: Any) -> Any:
            counts[name] += 1
            return original(*arguments, **options)

        for known in list(sys.modules.values()):
            if known.__name__.startswith("pytest_tinyquant.") and name in vars(known):
                monkeypatch.setattr(known, name, counted)

    count(lowered_graph, "lower_graph")
    count(tflite_reader, "read_graph")
    return counts


@pytest.mark.parametrize("board", ["nucleo-l4r5zi", "host"])
def test_a_graph_is_read_and_lowered_once(
    measured: Callable[[str], Measurement], calls: dict[str, int], board: str
) -> None:
    measured(board)
    assert calls == {"read_graph": 1, "lower_graph": 1}


def test_both_ways_to_a_models_size_agree(measured: Callable[[str], Measurement]) -> None:
    """The engine's plan tells it on the board, a graph lowered for reports on the host."""
    board, host = measured("nucleo-l4r5zi").structure, measured("host").structure
    assert board is not None
    assert host is not None
    assert (board.parameters, board.macs) == (host.parameters, host.macs)
    assert board.parameters > 0
