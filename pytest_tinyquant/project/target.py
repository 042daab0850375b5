"""How a run reaches a board."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal


TargetChoice = Literal["auto", "emulator", "hardware"]


class Target(StrEnum):
    """How a run reaches a board; baselines of different targets never mix."""

    HOST = "host"
    EMULATOR = "emulator"
    HARDWARE = "hardware"
    COMPILER = "compiler"
    TOOL = "tool"

    @property
    def is_host(self) -> bool:
        """Whether this computer runs the model itself, without firmware."""
        return self is Target.HOST

    @property
    def is_emulated(self) -> bool:
        """Whether an emulator runs the firmware."""
        return self is Target.EMULATOR

    @property
    def is_real(self) -> bool:
        """Whether a board that can be touched runs the firmware."""
        return self is Target.HARDWARE

    @property
    def is_reported(self) -> bool:
        """Whether a program tells what the board would take: nothing here can see the board."""
        return self in (Target.COMPILER, Target.TOOL)

    @property
    def runs_here(self) -> bool:
        """Whether this computer computes the outputs: also where a compiler tells all the rest."""
        return self is Target.HOST or self.is_reported

    def firmware(self, *, machine: str, chip: str) -> str:
        """Return which of a board's directories of ``firmware/boards`` is built, with - for _."""
        return chip if self.is_real else machine

    def in_words(self, machine: str) -> str:
        """Return how the board is reached, for the report header.

        :param machine: what its emulator emulates.
        """
        words = {
            "host": "this computer",
            "emulator": f"emulated (QEMU {machine})",
            "tool": "its tool's report",
            "compiler": "its compiler's estimates; outputs are this computer's",
        }
        return words.get(self, "hardware")
