"""Images for the real chips: every scheme links, and nothing lies where the chip has no memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.boards.debug.segments import loadable_segments
from pytest_tinyquant.errors import DoesNotFitError
from pytest_tinyquant.firmware.elf import Elf
from pytest_tinyquant.firmware.image import FirmwareImage
from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.project.project import load_project
from pytest_tinyquant.project.settings import Settings
from pytest_tinyquant.project.target import Target
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.stages.pipeline import Stages


REPOSITORY = Path(__file__).resolve().parents[2]
MODEL = REPOSITORY / "models" / "cnn_1.toml"
# The study's runtimes take no dynamic range quantization, nor does this one.
LINKED = [name for name in SCHEMES if name not in ("dynamic", "float16")]
CHIPS = ("nucleo-l4r5zi", "rx65n")

KIB = 1024
REGIONS = {
    "nucleo-l4r5zi": {
        "flash": (0x08000000, 2048 * KIB),
        "ram": (0x20000000, 640 * KIB),
    },
    "rx65n": {
        "flash": (0xFFE00000, 2048 * KIB),
        "ram": (0x00000080, 256 * KIB - 0x80),
        "expansion RAM": (0x00800000, 384 * KIB),
        "option-setting memory": (0xFE7F5D00, 12),
    },
}


@pytest.fixture(scope="module")
def image_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., FirmwareImage]:
    """Build the image of one of the zoo's models for a real chip."""
    settings = Settings(
        root=REPOSITORY,
        models_dir=REPOSITORY / "models",
        baselines_dir=REPOSITORY / "baselines",
        extra_models=(),
    )
    stages = Stages(load_project(settings, tmp_path_factory.mktemp("work")))

    def build(chip: str, scheme: str = "int8-only", **changes: Any) -> FirmwareImage:
        board = dataclasses.replace(load_boards([])[chip], target=Target.HARDWARE, **changes)
        image = stages.prepare(Case(load_model(MODEL), SCHEMES[scheme], board)).image
        assert isinstance(image, FirmwareImage)
        return image

    return build


def homes_of(chip: str, address: int, size: int) -> list[str]:
    """Return the memories of the chip that hold all of a range."""
    return [
        name
        for name, (start, length) in REGIONS[chip].items()
        if start <= address and address + size <= start + length
    ]


@pytest.mark.parametrize("scheme", LINKED)
@pytest.mark.parametrize("chip", CHIPS)
def test_every_section_lies_in_a_memory_of_the_chip(
    image_of: Callable[..., FirmwareImage], chip: str, scheme: str
) -> None:
    image = image_of(chip, scheme)
    elf = Elf(image.elf)
    for section in filter(lambda section: section.size, elf.sections):
        homes = homes_of(chip, section.address, section.size)
        assert len(homes) == 1, f"{section.name} at {section.address:#x}"
    for address, content in loadable_segments(image.elf):
        (home,) = homes_of(chip, address, len(content))
        assert home in ("flash", "option-setting memory"), f"{address:#x} is not programmed"
    assert 0 < image.flash.weights < image.flash.total < 2048 * KIB
    assert image.ram.arena == image.arena_bytes > 0
    samples = elf.section(".tq_samples")
    assert samples is not None and samples.size > 0
    counted = sum(s.size for s in elf.sections if s.loaded)
    assert image.flash.total <= counted - samples.size + 64, "the samples are the bench's"


def test_the_cortex_m_starts_from_its_vector_table(
    image_of: Callable[..., FirmwareImage],
) -> None:
    elf = Elf(image_of("nucleo-l4r5zi").elf)
    table = elf.read(0x08000000, 64)
    stack, reset, *handlers = (
        int.from_bytes(table[at : at + 4], "little") for at in range(0, 64, 4)
    )
    (stack_section,) = (s for s in elf.sections if s.name == ".stack")
    assert stack == stack_section.address + stack_section.size
    assert stack_section.address == 0x20000000, "an overflow leaves the memory"
    assert stack % 8 == 0
    # Where nothing counts by SysTick, its handler is another name of that of the faults.
    (name,) = {elf.symbol_at(handler) for handler in handlers}
    assert elf.symbol_at(reset) == "tq_reset"
    assert name in ("tq_fault_entry", "tq_tick_entry")
    assert all(handler & 1 for handler in (reset, *handlers)), "Thumb"


def test_the_rx_starts_from_its_fixed_vectors(image_of: Callable[..., FirmwareImage]) -> None:
    elf = Elf(image_of("rx65n").elf)
    vectors = elf.section(".vectors")
    assert vectors is not None and vectors.address + vectors.size == 1 << 32
    reset = int.from_bytes(elf.read(0xFFFFFFFC, 4), "little")
    assert elf.symbol_at(reset) == "tq_reset"
    exceptions = [
        int.from_bytes(elf.read(0xFFFFFFD0 + 4 * number, 4), "little") for number in range(11)
    ]
    text = elf.section(".text")
    assert text is not None
    assert all(text.address <= handler < text.address + text.size for handler in exceptions)
    assert elf.read(0xFE7F5D00, 12) == b"\xff" * 12, "little endian, no watchdog"


@pytest.mark.parametrize("chip", CHIPS)
def test_the_image_holds_the_chips_own_start_up(
    image_of: Callable[..., FirmwareImage], chip: str
) -> None:
    symbols = image_of(chip).symbols
    assert {"tq_clock_to_120_mhz", "tq_console_init", "tq_known_loop"} <= symbols.keys()


@pytest.mark.parametrize(("chip", "addition"), [("nucleo-l4r5zi", "0131"), ("rx65n", "6212")])
def test_the_known_loop_is_what_its_bounds_were_computed_for(
    image_of: Callable[..., FirmwareImage], chip: str, addition: str
) -> None:
    elf = Elf(image_of(chip).elf)
    loop = elf.symbol("tq_known_loop")
    assert loop is not None
    code = elf.read(loop.address, loop.size)
    assert bytes.fromhex(addition) * 32 in code
    assert bytes.fromhex(addition) * 33 not in code


@pytest.mark.parametrize("chip", CHIPS)
def test_a_chip_with_less_flash_is_respected(
    image_of: Callable[..., FirmwareImage], chip: str
) -> None:
    with pytest.raises(DoesNotFitError, match=f"cnn_1-int8-only-{chip}.*FLASH"):
        image_of(chip, flash_bytes=16 * KIB)
