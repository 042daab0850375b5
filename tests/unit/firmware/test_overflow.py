"""An image that is larger than a memory: which one, by how much, and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_tinyquant.firmware.memory import SAMPLES_BYTES
from pytest_tinyquant.firmware.memory import regions
from pytest_tinyquant.firmware.overflow import does_not_fit
from pytest_tinyquant.project.board_types import load_boards


ROOT = Path(__file__).parents[3]
SCRIPTS = sorted((ROOT / "firmware" / "boards").glob("*/board.ld"))
AVAILABLE = {"FLASH": 1_000, "RAM": 500, "SAMPLES": 2_097_152}


def test_check_samples_that_are_too_many_are_counted() -> None:
    error = does_not_fit({"SAMPLES": 311_296}, AVAILABLE, 16)
    assert (error.region, error.needed, error.available) == ("SAMPLES", 2_408_448, 2_097_152)
    assert str(error) == (
        "the 16 check samples have 2,408,448 bytes, and an emulated board keeps 2,097,152 for "
        "them: write check_samples = 13 into the model's .toml, or a smaller number"
    )


def test_samples_of_which_hardly_one_fits_are_not_asked_to_be_fewer() -> None:
    error = does_not_fit({"SAMPLES": 7_536_640}, AVAILABLE, 16)
    assert "not even 4 fit. Take a model with smaller inputs, or board host" in str(error)


def test_a_memory_of_the_board_is_told_before_the_samples() -> None:
    error = does_not_fit({"SAMPLES": 311_296, "RAM": 100}, AVAILABLE, 16)
    assert (error.region, error.needed) == ("RAM", 600)
    assert re.match(r".*600 bytes of RAM are needed.* write check_samples = 13 into", str(error))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.parent.name))
def test_every_region_of_a_linker_script_has_a_size_to_tell(script: Path) -> None:
    """A region that none knows ended in a KeyError in place of the reason."""
    text = script.read_text()
    known = {region for board in load_boards([]).values() for region in regions(board)}
    lengths = dict(re.findall(r"^  (\w+) \(\w+\) : .*LENGTH = ([^\n]+)$", text, re.MULTILINE))
    aliases = set(re.findall(r'REGION_ALIAS\("(\w+)"', text))
    # These hold a fixed number of bytes.
    assert set(lengths) | aliases <= known | {"VECTORS", "VECTORS_COPY", "BOOT", "OPTIONS"}
    if "SAMPLES" in lengths:
        assert lengths["SAMPLES"] == f"{SAMPLES_BYTES >> 20}M"
