"""Emulated boards and a firmware image that misbehaves on request."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_tinyquant.boards import pyocd_probe
from pytest_tinyquant.boards.cortex_m import EmulatedCortexM
from pytest_tinyquant.boards.inventory import Board
from pytest_tinyquant.boards.physical import PhysicalBoard
from pytest_tinyquant.boards.qemu import Qemu
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

PHYSICAL_TYPE = """
[bench-m4]
base = "nucleo-l4r5zi"
chip = "mps2-an386"
pyocd_target = "tinyquant_mps2_an386"
"""
PHYSICAL = dataclasses.replace(
    BOARD,
    name="bench-m4",
    target="hardware",
    chip="mps2-an386",
    pyocd_target="tinyquant_mps2_an386",
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


@dataclasses.dataclass(frozen=True)
class EmulatedBench:
    """Emulators that any process finds attached as debug probes with ids of their own.

    :param rows: ``[[bench]]`` rows for a boards.toml, with the board type that they are.
    """

    physical: tuple[PhysicalBoard, ...]
    rows: str


@pytest.fixture
def emulated_bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], EmulatedBench]]:
    """Start so many emulators and attach them; they end with the test."""
    with contextlib.ExitStack() as running:

        def start(count: int) -> EmulatedBench:
            machines = [Qemu("qemu-system-arm", "mps2-an386") for _ in range(count)]
            for machine in machines:
                running.callback(machine.close)
            listed = {f"QEMU{n}": m for n, m in enumerate(machines, start=1)}
            monkeypatch.setenv(
                pyocd_probe.LISTED_VARIABLE,
                ",".join(f"{name}=127.0.0.1:{m.gdb_port}" for name, m in listed.items()),
            )
            physical = tuple(
                PhysicalBoard(name.lower(), PHYSICAL.name, name, machine.console_url)
                for name, machine in listed.items()
            )
            rows = "".join(
                f'[[bench]]\nname = "{p.name}"\ntype = "{p.type}"\nprobe = "{p.probe}"\n'
                f'port = "{p.port}"\n'
                for p in physical
            )
            return EmulatedBench(physical, PHYSICAL_TYPE + rows)

        yield start


@pytest.fixture
def physical_type() -> Board:
    """The board type that :func:`emulated_bench` attaches."""
    return PHYSICAL
