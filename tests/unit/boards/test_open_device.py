"""How the device behind a board is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_tinyquant.boards.firmware_board import FirmwareBoard
from pytest_tinyquant.boards.open import open_device
from pytest_tinyquant.project.board_types import load_boards


@pytest.mark.parametrize("name", ["nucleo-l4r5zi", "rx65n"])
def test_a_boards_output_is_kept_in_its_work_directory(name: str, tmp_path: Path) -> None:
    device = open_device(load_boards([])[name], work_dir=tmp_path, timeout=1)
    assert isinstance(device, FirmwareBoard)
    assert device.log == tmp_path / "console.log"
