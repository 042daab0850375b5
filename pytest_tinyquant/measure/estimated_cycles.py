"""Cycles of one inference on a Cortex-M4, from its profile in the emulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.measure.cortex_m4 import REFILL_UNALIGNED
from pytest_tinyquant.measure.cortex_m4 import Instruction
from pytest_tinyquant.measure.cortex_m4 import InstructionDecoder
from pytest_tinyquant.measure.cortex_m4 import exit_cycles
from pytest_tinyquant.measure.cortex_m4 import straight_cycles


if TYPE_CHECKING:
    from pytest_tinyquant.boards.emulator.profile import StraightRun
    from pytest_tinyquant.firmware.elf import Elf
    from pytest_tinyquant.project.core_timing import CoreTiming

SOURCE: Final = "Cortex-M4 manual's timing, executed trace, the chip's flash"

#: What a board may take, as parts of the estimate: the worst errors of published times that the
#: model was not made with, -22 % and +16 % (docs/cycle-model.md).
LOWEST: Final = 0.86
HIGHEST: Final = 1.28

_WIDEST_INSTRUCTION: Final = 4


@dataclass(frozen=True)
class CycleCount:
    """Cycles of one inference.

    :param instructions: executed instructions, as a check against the board's own count.
    :param cycles: of the whole inference.
    :param ops: cycles by operator; what the engine takes between them is only in the whole.
    :param waiting: of ``cycles``, those of waiting for the flash.
    """

    instructions: int
    cycles: int
    ops: tuple[int, ...]
    waiting: int

    @property
    def range(self) -> tuple[int, int]:
        """Return the least and the most cycles that a board is expected to take."""
        return round(self.cycles * LOWEST), round(self.cycles * HIGHEST)


def count_cycles(profile: Sequence[StraightRun], elf: Elf, timing: CoreTiming) -> CycleCount:
    """Return the cycles of a profile.

    :param elf: the image that was profiled.
    """
    decoder = InstructionDecoder()
    decoded: dict[tuple[int, int], list[Instruction]] = {}
    cycles: dict[int, int] = {}
    instructions = waiting = 0
    for run in profile:
        key = run.start, run.instructions
        if key not in decoded:
            decoded[key] = _decode(decoder, elf, run)
        wait = (run.fetch_misses + run.data_misses) * timing.wait_states
        took = run.runs * straight_cycles(decoded[key])
        took += run.exits * exit_cycles(decoded[key][-1])
        took += run.unaligned_exits * REFILL_UNALIGNED + run.unaligned_accesses
        cycles[run.op] = cycles.get(run.op, 0) + took + wait
        instructions += run.runs * run.instructions
        waiting += wait
    ops = tuple(cycles.get(op, 0) for op in range(max(cycles) + 1))
    return CycleCount(instructions, sum(cycles.values()), ops, waiting)


def _decode(decoder: InstructionDecoder, elf: Elf, run: StraightRun) -> list[Instruction]:
    """Return the instructions of a straight run."""
    section = next(s for s in elf.sections if s.loaded and 0 <= run.start - s.address < s.size)
    offset = run.start - section.address
    code = section.content[offset : offset + run.instructions * _WIDEST_INSTRUCTION]
    return decoder.decode(code, run.start, run.instructions)
