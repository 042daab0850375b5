"""A damaged line between the emulator's console and its reader, with the debugger live."""

from __future__ import annotations

import dataclasses
import os
import random
import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from typing import Any

import pytest

from pytest_tinyquant.boards.console.console import SerialConsole
from pytest_tinyquant.boards.emulator.cortex_m import EmulatedCortexM
from pytest_tinyquant.firmware.image import FirmwareImage


if TYPE_CHECKING:
    from tests.emulated.console.conftest import Event
    from tests.emulated.console.conftest import Line


pytestmark = pytest.mark.parametrize("board_name", ["nucleo-l4r5zi"], indirect=True)

SEEDS = range(20 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 1)
LAST_LINE = re.compile(rb"#[0-9a-f]{4} END .*\n")


@pytest.fixture
def relayed(
    line: Callable[..., Line], line_reader: Any, monkeypatch: pytest.MonkeyPatch
) -> list[Callable[[bytes], list[Event]]]:
    """Let the output of every run go over a line, where the damages in this list happen."""
    over = line()
    damages: list[Callable[[bytes], list[Event]]] = []

    class Relay(line_reader):  # type: ignore[misc]  # a class that a fixture gives
        """Stores what the emulator sends in one run, then forwards it."""

        def __init__(self, url: str) -> None:
            self._device = SerialConsole(url)
            self._all_sent = False
            super().__init__(over)

        def read(self, timeout: float) -> bytes:
            if over.idle and over.connected:
                if self._all_sent:
                    self._all_sent = False
                    return b""
                self._forward(timeout)
            data: bytes = super().read(timeout)
            return data

        def _forward(self, timeout: float) -> None:
            output = b""
            while not LAST_LINE.search(output) and (data := self._device.read(timeout)):
                output += data
            if output:
                over.play(damages.pop()(output) if damages else [output])
                self._all_sent = True

    monkeypatch.setattr("pytest_tinyquant.boards.emulator.emulated.SerialConsole", Relay)
    return damages


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "kind", ["drop", "flip", "duplicate", "garbage", "delay", "mute", "replug", "reset"]
)
def test_damage_in_one_run_does_not_reach_the_numbers(
    kind: str,
    seed: int,
    relayed: list[Callable[[bytes], list[Event]]],
    damages: dict[str, Callable[[bytes, random.Random], list[Event]]],
    well_behaved_image: FirmwareImage,
) -> None:
    rng = random.Random(f"{kind} {seed}")
    device = EmulatedCortexM("nucleo-l4r5zi", "mps2-an386", timeout=60)
    try:
        device.flash(well_behaved_image)
        expected = device.run()
        relayed.append(lambda output: damages[kind](output, rng))
        record = device.run()
    finally:
        device.close()
    assert not relayed, "the run went over the line"
    assert len(record.retries) <= 1
    assert dataclasses.replace(record, log="", retries=()) == expected
