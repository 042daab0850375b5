"""An emulated RX and a firmware image for it that misbehaves on request."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_tinyquant.boards.inventory import load_boards
from pytest_tinyquant.boards.rx import EmulatedRx
from pytest_tinyquant.cache import Cache
from pytest_tinyquant.engine import EmittedModel
from pytest_tinyquant.firmware import FirmwareImage
from pytest_tinyquant.firmware import build


SCENARIOS = {
    "well": 0,
    "jump to nowhere": 1,
    "undefined instruction": 2,
    "privileged instruction": 3,
    "interrupt": 4,
    "breakpoint instruction": 5,
    "stack overflow": 6,
    "hang": 9,
    "early end": 10,
    "overrun": 12,
    "garbled line": 13,
    "stopped counter": 14,
    "restart": 15,
    "silent fault": 16,
    "log line": 17,
}
SAMPLE_BYTES, SAMPLES = 16, 3
BOARD = load_boards([])["rx65n"]

ImageOf = Callable[[str], FirmwareImage]


def sample(number: int, scenario: str = "well") -> bytes:
    """Input of the scenario model: the scenario, then bytes that tell the samples apart."""
    return bytes([SCENARIOS[scenario], *range(0xA0 + number, 0xA0 + number + SAMPLE_BYTES - 1)])


@pytest.fixture(scope="session")
def rx_image(tmp_path_factory: pytest.TempPathFactory) -> FirmwareImage:
    """The scenario model with samples on which it does nothing special."""
    root = tmp_path_factory.mktemp("scenario_rx")
    model = root / "model"
    model.mkdir()
    shutil.copy(Path(__file__).with_name("scenario_model.c"), model / "tq_model.c")
    emitted = EmittedModel(model, (model / "tq_model.c",), SAMPLE_BYTES + 100, 0, ())
    samples = [sample(number) for number in range(SAMPLES)]
    return build(emitted, BOARD, samples, Cache(root / "cache"), where="scenario model")


@pytest.fixture(scope="session")
def image_of(rx_image: FirmwareImage, tmp_path_factory: pytest.TempPathFactory) -> ImageOf:
    """Return the image in which the second of three samples asks for a scenario."""

    def image(scenario: str) -> FirmwareImage:
        content = rx_image.elf.read_bytes()
        assert content.count(sample(1)) == 1
        elf = tmp_path_factory.mktemp("images") / f"{scenario.replace(' ', '_')}.elf"
        elf.write_bytes(content.replace(sample(1), sample(1, scenario)))
        return dataclasses.replace(rx_image, elf=elf)

    return image


@pytest.fixture
def device() -> Iterator[EmulatedRx]:
    """One emulated board with short time limits."""
    device = EmulatedRx(BOARD.name, BOARD.machine, timeout=20, idle_timeout=0.5)
    yield device
    device.close()
