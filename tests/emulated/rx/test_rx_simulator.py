"""The simulator of the RX600: what it makes of images, and when its cycles are not believed.

`make toolchain` builds it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_tinyquant.boards.emulator.rx_simulator import MACHINE
from pytest_tinyquant.boards.emulator.rx_simulator import simulate
from pytest_tinyquant.cli.current_project import current_project
from pytest_tinyquant.errors import EstimateError
from pytest_tinyquant.firmware.elf import Elf
from pytest_tinyquant.firmware.image import FirmwareImage
from pytest_tinyquant.firmware.toolchain_rx_sim import find_simulator
from pytest_tinyquant.firmware.toolchain_rx_sim import verify_simulator
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.stages.cycle_estimate import find_estimator
from pytest_tinyquant.stages.pipeline import Stages


@pytest.fixture(scope="module")
def simulator_image(build_scenario: Callable[..., FirmwareImage]) -> FirmwareImage:
    """The scenario model, built for the simulator."""
    return build_scenario(dataclasses.replace(load_boards([])["rx65n"], machine=MACHINE))


def test_it_is_there_and_works(tmp_path: Path) -> None:
    verify_simulator(find_simulator(), tmp_path)


def test_every_run_gives_the_same_cycles(simulator_image: FirmwareImage) -> None:
    first, second = (
        simulate(find_simulator(), simulator_image, timeout=60, where="twice") for _ in range(2)
    )
    assert first == second
    assert first.counter_unit == "cycles"
    assert sum(first.op_counters) <= (first.counter or 0)


def test_a_wrong_count_of_cycles_is_refused(simulator_image: FirmwareImage, tmp_path: Path) -> None:
    """With a loop of known length that ends after half its passes."""
    elf = Elf(simulator_image.elf)
    loop = elf.symbol("tq_known_loop")
    assert loop is not None
    code = elf.read(loop.address, loop.size)
    subtract = b"\x60\x11"  # sub #1, r1
    assert code.count(subtract) == 1
    wrong = tmp_path / "wrong.elf"
    changed = code.replace(subtract, b"\x60\x21")  # sub #2, r1
    wrong.write_bytes(simulator_image.elf.read_bytes().replace(code, changed))
    with pytest.raises(EstimateError, match="the counter is not exact"):
        simulate(
            find_simulator(), dataclasses.replace(simulator_image, elf=wrong), timeout=10, where="x"
        )


#: First byte of the scenario model's second sample, and what the run ends in.
TROUBLE = {
    "an endless loop": (9, "not finished after 1 s"),
    "an early end": (10, "without the last one"),
    "an undefined instruction": (2, "exception 23 at 0xffe"),
    "a write past the arena": (12, "the guard tq_guard_high"),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_trouble_on_the_simulator_ends_in_an_error(
    trouble: str, simulator_image: FirmwareImage, tmp_path: Path
) -> None:
    scenario, text = TROUBLE[trouble]
    content = simulator_image.elf.read_bytes()
    well = bytes([0, 0xA1, 0xA2, 0xA3])
    assert content.count(well) == 1
    elf = tmp_path / "trouble.elf"
    elf.write_bytes(content.replace(well, bytes([scenario]) + well[1:]))
    image = dataclasses.replace(simulator_image, elf=elf)
    with pytest.raises(EstimateError, match=text):
        simulate(find_simulator(), image, timeout=1, where="trouble")


@pytest.mark.parametrize("scheme", ["int8-only", "16x8", "basic"])
def test_cycles_of_another_computation_are_refused(scheme: str, tmp_path: Path) -> None:
    """The board's outputs are those of the sample that comes next."""
    project = current_project("fc_3", work_dir=tmp_path)
    stages = Stages(project, estimate_cycles="always")
    model, board = project.models["fc_3"], project.boards["rx65n"]
    estimator = find_estimator(stages, board, asked=True)
    assert estimator is not None
    case = stages.prepare(Case(model, SCHEMES[scheme], board))
    with stages.open(board, case.image, name=scheme) as device:
        record = device.run()
    measurement = stages.evaluate(case, record)
    complete = estimator.complete(measurement, case, record)
    assert [e.number.number_class for e in complete.estimates] == ["estimated"]
    assert dataclasses.replace(complete, estimates=()) == measurement
    other = dataclasses.replace(record, outputs=record.outputs[1:])
    with pytest.raises(EstimateError, match="the simulator's outputs are not the board's"):
        estimator.complete(measurement, case, other)
