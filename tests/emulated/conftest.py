"""The emulated boards, and for each a firmware image that misbehaves on request."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.boards.cores.core import core_of
from pytest_tinyquant.boards.emulator.cortex_m import EmulatedCortexM
from pytest_tinyquant.boards.emulator.emulated import EmulatedBoard
from pytest_tinyquant.boards.emulator.rx import EmulatedRx
from pytest_tinyquant.engine import EmittedModel
from pytest_tinyquant.firmware.elf import Elf
from pytest_tinyquant.firmware.image import FirmwareImage
from pytest_tinyquant.firmware.image import build
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.system.cache import Cache


SCENARIOS = {
    "well": 0,
    "null write": 1,
    "undefined instruction": 2,
    "privileged instruction": 3,
    "null call": 4,
    "bad pointer": 5,
    "stack overflow": 6,
    "breakpoint instruction": 7,
    "nan output": 8,
    "endless loop": 9,
    "early end": 10,
    "overrun": 12,
    "garbled line": 13,
    "stopped counter": 14,
    "reset loop": 15,
    "silent fault": 16,
    "log line": 17,
    # Cortex-M
    "division by zero": 20,
    "unaligned access": 21,
    "jump to data": 22,
    "no memory protection": 23,
    "lockup": 24,
    # Armv8-M
    "non-secure call": 25,
    # RX
    "unexpected interrupt": 30,
}
SAMPLE_BYTES, SAMPLES = 16, 3
SCENARIO = Path(__file__).with_name("scenario")

BOTH_BOARDS = ("nucleo-l4r5zi", "rx65n")
RETURNS = {"rx": b"\x02"}
"""The instruction that returns to the caller, by kind; others are Cortex-M."""


def device_of(board: Board, *, timeout: float, idle_timeout: float) -> EmulatedBoard:
    """Return a device of any emulated board, with a time limit for its silence."""
    limits: dict[str, Any] = {"timeout": timeout, "idle_timeout": idle_timeout}
    if board.kind == "rx":
        return EmulatedRx(board.name, board.machine, **limits)
    faults = core_of(board).faults()
    return EmulatedCortexM(board.name, board.machine, faults=faults, **limits)


ImageOf = Callable[[str], FirmwareImage]


def sample(number: int, scenario: str = "well") -> bytes:
    """Input of the scenario model: the scenario, then bytes that tell the samples apart."""
    return bytes([SCENARIOS[scenario], *range(0xA0 + number, 0xA0 + number + SAMPLE_BYTES - 1)])


@pytest.fixture(scope="session")
def scenario_bytes() -> Callable[..., bytes]:
    """Return :func:`sample`, for tests that put a scenario into an image of their own."""
    return sample


@pytest.fixture(scope="session", params=BOTH_BOARDS)
def board_name(request: pytest.FixtureRequest) -> str:
    """Each emulated board; a test of one only names it by ``indirect`` parametrization."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def emulated_board(board_name: str) -> Board:
    """What the inventory says about the board."""
    return load_boards([])[board_name]


@pytest.fixture(scope="session")
def build_scenario(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Board], FirmwareImage]:
    """Build the scenario model, with samples on which it does nothing special, for a board."""

    def build_for(board: Board) -> FirmwareImage:
        model = Path(shutil.copytree(SCENARIO, tmp_path_factory.mktemp("scenario") / "model"))
        source = (model / "scenario_model.c").rename(model / "tq_model.c")
        emitted = EmittedModel(model, (source,), SAMPLE_BYTES + 100, 0, ())
        samples = [sample(number) for number in range(SAMPLES)]
        return build(emitted, board, samples, Cache(), where="scenario model")

    return build_for


@pytest.fixture(scope="session")
def well_behaved_image(
    emulated_board: Board, build_scenario: Callable[[Board], FirmwareImage]
) -> FirmwareImage:
    """The scenario model with samples on which it does nothing special."""
    return build_scenario(emulated_board)


@pytest.fixture(scope="session")
def image_of(
    well_behaved_image: FirmwareImage, tmp_path_factory: pytest.TempPathFactory
) -> ImageOf:
    """Return the image in which the second of three samples asks for a scenario."""

    def image(scenario: str) -> FirmwareImage:
        content = well_behaved_image.elf.read_bytes()
        assert content.count(sample(1)) == 1
        elf = tmp_path_factory.mktemp("images") / f"{scenario.replace(' ', '_')}.elf"
        elf.write_bytes(content.replace(sample(1), sample(1, scenario)))
        return dataclasses.replace(well_behaved_image, elf=elf)

    return image


@pytest.fixture(scope="session")
def silent_image(
    emulated_board: Board,
    well_behaved_image: FirmwareImage,
    tmp_path_factory: pytest.TempPathFactory,
) -> FirmwareImage:
    """The image whose console driver returns at once, without having sent a character."""
    image = Elf(well_behaved_image.elf)
    put = image.symbol("tq_board_put")
    assert put is not None
    code, returns = image.read(put.address, put.size), RETURNS.get(emulated_board.kind, b"\x70\x47")
    content = well_behaved_image.elf.read_bytes()
    assert content.count(code) == 1
    elf = tmp_path_factory.mktemp("images") / "no_output.elf"
    elf.write_bytes(content.replace(code, returns + code[len(returns) :]))
    return dataclasses.replace(well_behaved_image, elf=elf)


@pytest.fixture
def open_board(emulated_board: Board) -> Iterator[Callable[..., EmulatedBoard]]:
    """Return boards with short time limits; all are closed when the test ends."""
    opened: list[EmulatedBoard] = []

    def open_board(*, timeout: float = 20, idle_timeout: float = 0.5) -> EmulatedBoard:
        device = device_of(emulated_board, timeout=timeout, idle_timeout=idle_timeout)
        opened.append(device)
        return device

    yield open_board
    for device in opened:
        device.close()


@pytest.fixture
def device(open_board: Callable[..., EmulatedBoard]) -> EmulatedBoard:
    """One emulated board."""
    return open_board()
