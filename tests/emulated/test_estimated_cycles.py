"""Cycles of the emulated Cortex-M4 by its trace: repeatable, whole, and moved by its memory."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.boards.emulator.profile import profile
from pytest_tinyquant.errors import EstimateError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware.elf import Elf
from pytest_tinyquant.firmware.image import FirmwareImage
from pytest_tinyquant.firmware.toolchain_profiler import build_profiler
from pytest_tinyquant.measure.estimated_cycles import CycleCount
from pytest_tinyquant.measure.estimated_cycles import count_cycles
from pytest_tinyquant.measure.observation import Built
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.project.project import load_project
from pytest_tinyquant.project.settings import Settings
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.stages.cycle_estimate import _TraceEstimator
from pytest_tinyquant.stages.cycle_estimate import find_estimator
from pytest_tinyquant.stages.pipeline import Stages
from pytest_tinyquant.system.cache import Cache


REPOSITORY = Path(__file__).parents[2]
BOARD = "nucleo-l4r5zi"


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    directory = tmp_path_factory.mktemp("project")
    settings = Settings(
        root=directory, models_dir=REPOSITORY / "models", baselines_dir=directory / "baselines"
    )
    return Stages(load_project(settings, directory))


@pytest.fixture(scope="module")
def built(stages: Stages) -> Callable[[str, str], Built]:
    """Return built(model, scheme): the case that is ready to run."""

    def build(name: str, scheme: str) -> Built:
        model, board = stages.project.models[name], stages.project.boards[BOARD]
        return stages.prepare(Case(model, SCHEMES[scheme], board))

    return build


def elf_of(case: Built) -> Elf:
    assert isinstance(case.image, FirmwareImage)
    return Elf(case.image.elf)


@pytest.fixture(scope="module")
def cycles(stages: Stages, built: Callable[[str, str], Built]) -> Callable[..., CycleCount]:
    """Return cycles(model, scheme, **keys of the timing table) of one inference."""
    plugin = build_profiler(stages.cache)

    def estimate(name: str, scheme: str, **keys: Any) -> CycleCount:
        board = stages.project.boards[BOARD]
        elf = elf_of(built(name, scheme))
        assert board.timing is not None
        timing = dataclasses.replace(board.timing, **keys)
        runs = profile(
            plugin,
            elf,
            machine=board.machine,
            flash_bytes=board.flash_bytes,
            timing=timing,
            timeout=60,
            where="test",
        )
        return count_cycles(runs, elf, timing)

    return estimate


def test_three_runs_give_the_same_to_the_digit_under_load(
    cycles: Callable[..., CycleCount],
) -> None:
    spin = [sys.executable, "-c", "while True: pass"]
    load = [subprocess.Popen(spin) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        assert len({cycles("cnn_1", "int8-only") for _ in range(3)}) == 1
    finally:
        for process in load:
            process.kill()
            process.wait()


@pytest.mark.parametrize("scheme", ["int8-only", "basic"])
def test_the_chips_memory_moves_the_estimate_the_right_way(
    cycles: Callable[..., CycleCount], scheme: str
) -> None:
    def of(**keys: int) -> int:
        return cycles("fc_9", scheme, **keys).cycles

    today = of()
    assert of(wait_states=6) > today > of(wait_states=4) > of(wait_states=0)
    assert of(instruction_cache_lines=0) > today
    assert of(data_cache_lines=0) >= today
    assert of(instruction_cache_lines=0, data_cache_lines=0) > of(instruction_cache_lines=0)
    assert of(read_bits=128) < today < of(read_bits=32)
    assert cycles("fc_9", scheme, wait_states=0).waiting == 0


def test_the_operators_and_the_walk_make_up_the_whole(cycles: Callable[..., CycleCount]) -> None:
    count = cycles("cnn_1", "int8-only")
    assert 0 < count.cycles - sum(count.ops) < 0.01 * count.cycles
    assert all(count.ops)
    assert count.range == (round(count.cycles * 0.86), round(count.cycles * 1.28))


def test_an_estimate_is_kept_and_is_of_the_instructions_that_the_board_counted(
    stages: Stages, built: Callable[[str, str], Built]
) -> None:
    case = built("cnn_1", "int8-only")
    with stages.open(case.board, case.image, name="cnn_1") as device:
        record = device.run()
    measurement = stages.evaluate(case, record)
    estimator = find_estimator(stages, case.board, asked=False)
    assert isinstance(estimator, _TraceEstimator)
    (estimate,) = estimator.complete(measurement, case, record).estimates
    assert estimate.number.number_class == "estimated"
    assert [label for label, _ in estimate.ops] == [op.label for op in measurement.ops]
    assert estimate.milliseconds == round(estimate.number.value / 120e3, 3)

    # From the cache: nothing is profiled, so a profiler that cannot run is not missed.
    again = dataclasses.replace(estimator.core, timeout=0)
    labels = [op.label for op in measurement.ops]
    assert again.estimate(case.image, record, labels, where="again") == estimate

    assert record.counter is not None
    other = dataclasses.replace(record, counter=record.counter + 1)
    with pytest.raises(EstimateError, match=r"the profile holds .* instructions, the board"):
        estimator.complete(measurement, case, other)


def test_an_inference_that_does_not_end_is_named(
    stages: Stages, built: Callable[[str, str], Built]
) -> None:
    board = stages.project.boards[BOARD]
    assert board.timing is not None
    elf = elf_of(built("cnn_1", "int8-only"))
    with pytest.raises(EstimateError, match=r"x: not profiled after 0\.01 s; the inference hangs"):
        profile(
            build_profiler(stages.cache),
            elf,
            machine=board.machine,
            flash_bytes=board.flash_bytes,
            timing=board.timing,
            timeout=0.01,
            where="x",
        )


def test_without_a_compiler_an_estimate_is_left_out_unless_it_was_asked_for(
    stages: Stages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    board = stages.project.boards[BOARD]
    assert find_estimator(stages, board, asked=False) is None
    with pytest.raises(ToolchainNotFoundError, match="no C compiler for this computer"):
        find_estimator(stages, board, asked=True)


def test_a_compiler_that_does_not_build_the_plugin_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "cc"
    fake.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo fake 1 && exit\necho "no stdio.h" >&2\nexit 1\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(ToolchainNotFoundError, match=r"(?s)does not build the plug-in.*no stdio.h"):
        build_profiler(Cache(tmp_path / "cache"))
