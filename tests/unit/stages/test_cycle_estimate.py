"""Which outputs of the simulator are the board's, and what an estimate can never become."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from pytest_tinyquant.baselines.schema import dump
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import EstimateError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware.toolchain_rx_sim import find_simulator
from pytest_tinyquant.firmware.toolchain_rx_sim import verify_simulator
from pytest_tinyquant.measure.measurement import Estimate
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.metric import NumberClass
from pytest_tinyquant.project.board_types import aim
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.project.kinds import KINDS
from pytest_tinyquant.stages.cycle_estimate import check_outputs
from pytest_tinyquant.stages.cycle_estimate import check_selection
from pytest_tinyquant.stages.cycle_estimate import has_cycle_model


ESTIMATE = Estimate("latency", Metric(625_524, "cycles", "estimated"), KINDS["rx"].cycle_model)


@pytest.mark.parametrize("number_class", ["exact", "measured"])
def test_a_number_that_was_observed_is_no_estimate(number_class: NumberClass) -> None:
    with pytest.raises(ValueError, match=f"not {number_class}"):
        Estimate("latency", Metric(1, "cycles", number_class), KINDS["rx"].cycle_model)


def test_no_baseline_holds_an_estimate(recorded: Measurement) -> None:
    assert dump(dataclasses.replace(recorded, estimates=(ESTIMATE,))) == dump(recorded)


def test_no_metric_holds_an_estimate(recorded: Measurement) -> None:
    estimated = dataclasses.replace(recorded, estimates=(ESTIMATE,))
    assert estimated.metrics == recorded.metrics
    assert estimated.gating("latency") == recorded.gating("latency")


def test_an_estimate_crosses_processes_with_range_time_and_operators() -> None:
    cycles = Metric(17_315_263, "cycles", "estimated")
    estimate = Estimate(
        "latency", cycles, "a model", low=1, high=2, clock_hz=120_000_000, ops=(("conv2d[0]", 7),)
    )
    assert Estimate.from_json(json.loads(json.dumps(estimate.to_json()))) == estimate
    assert estimate.milliseconds == 144.294


def test_an_estimate_crosses_processes(recorded: Measurement) -> None:
    estimated = dataclasses.replace(recorded, estimates=(ESTIMATE,))
    assert Measurement.from_json(estimated.to_json()).estimates == (ESTIMATE,)
    earlier = {key: value for key, value in recorded.to_json().items() if key != "estimates"}
    assert Measurement.from_json(earlier).estimates == ()


def test_integers_must_be_equal_to_the_last_bit() -> None:
    check_outputs(bytes(8), bytes(8), {"int8"}, where="x")
    with pytest.raises(EstimateError, match=r"not the board's \(their bytes differ\)"):
        check_outputs(bytes(7) + b"\1", bytes(8), {"int8"}, where="x")
    with pytest.raises(EstimateError, match="their bytes differ"):
        check_outputs(bytes(7) + b"\1", bytes(8), {"int8", "float32"}, where="x")


def test_floats_may_differ_by_less_than_any_step_of_a_quantization() -> None:
    board = np.array([0.002, -0.9, 0.5], "<f4")
    check_outputs((board + np.float32(1e-6)).tobytes(), board.tobytes(), {"float32"}, where="x")
    for simulated in (board + np.float32(1e-4), board * np.float32(np.nan), board[:2]):
        with pytest.raises(EstimateError):
            check_outputs(simulated.tobytes(), board.tobytes(), {"float32"}, where="x")


def test_emulated_boards_have_a_model_and_nothing_else() -> None:
    boards = load_boards([])
    modelled = [name for name, board in boards.items() if has_cycle_model(board)]
    assert modelled == ["nucleo-l4r5zi", "rx65n"]
    assert not any(has_cycle_model(aim(boards[name], "hardware", attached=())) for name in modelled)
    assert not has_cycle_model(dataclasses.replace(boards["nucleo-l4r5zi"], timing=None))
    check_selection(boards.values())
    with pytest.raises(ConfigurationError, match="none of them is selected"):
        check_selection([boards["host"]])


def test_without_a_simulator_the_command_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("TINYQUANT_CACHE", str(tmp_path))
    with pytest.raises(ToolchainNotFoundError, match="`tinyquant toolchain rx-sim` builds it"):
        find_simulator()


SIMULATORS = {
    "is none": ("import sys; sys.exit('no such option')", "does not run a program for RX"),
    "counts no cycles": ("print('ok')", "has no model of the core's cycles"),
}


@pytest.mark.parametrize("fault", SIMULATORS)
def test_a_simulator_is_refused_that(fault: str, tmp_path: Path) -> None:
    code, complaint = SIMULATORS[fault]
    fake = tmp_path / "rx-elf-run"
    fake.write_text(f"#!{sys.executable}\n{code}\n")
    fake.chmod(0o755)
    with pytest.raises(ToolchainNotFoundError, match=complaint):
        verify_simulator(fake, tmp_path)
