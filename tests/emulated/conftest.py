"""Emulated boards and a firmware image that misbehaves on request."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_tinyquant.boards.cortex_m import EmulatedCortexM
from pytest_tinyquant.boards.inventory import Board
from pytest_tinyquant.cache import Cache
from pytest_tinyquant.engine import EmittedModel
from pytest_tinyquant.firmware import FirmwareImage
from pytest_tinyquant.firmware import build


SCENARIOS = {
    "well": 0,
    "null write": 1,
    "undefined instruction": 2,
    "division by zero": 3,
    "jump to data": 4,
    "unaligned access": 5,
    "stack overflow": 6,
    "no memory": 7,
    "breakpoint instruction": 8,
    "hang": 9,
    "early end": 10,
    "lockup": 11,
    "overrun": 12,
    "garbled line": 13,
    "stopped counter": 14,
    "restart": 15,
    "silent fault": 16,
    "log line": 17,
}
SAMPLE_BYTES, SAMPLES = 16, 3
BOARD = Board(
    name="nucleo-l4r5zi",
    kind="cortex-m4",
    runtime="tinyquant",
    target="emulator",
    description="",
    metrics=("error",),
    flash_bytes=2 * 1024 * 1024,
    ram_bytes=640 * 1024,
    machine="mps2-an386",
)

ImageOf = Callable[[str], FirmwareImage]


def sample(number: int, scenario: str = "well") -> bytes:
    """Input of the scenario model: the scenario, then bytes that tell the samples apart."""
    return bytes([SCENARIOS[scenario], *range(0xA0 + number, 0xA0 + number + SAMPLE_BYTES - 1)])


@pytest.fixture(scope="session")
def well_behaved_image(tmp_path_factory: pytest.TempPathFactory) -> FirmwareImage:
    """The scenario model with samples on which it does nothing special."""
    root = tmp_path_factory.mktemp("scenario")
    model = root / "model"
    model.mkdir()
    shutil.copy(Path(__file__).with_name("scenario_model.c"), model / "tq_model.c")
    emitted = EmittedModel(model, (model / "tq_model.c",), SAMPLE_BYTES + 100, 0, ())
    samples = [sample(number) for number in range(SAMPLES)]
    return build(emitted, BOARD, samples, Cache(root / "cache"), where="scenario model")


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


@pytest.fixture
def device() -> Iterator[EmulatedCortexM]:
    """One emulated board with short time limits."""
    device = EmulatedCortexM(BOARD.name, BOARD.machine, timeout=20, idle_timeout=0.5)
    yield device
    device.close()
