"""Estimates the cycles of an inference on an emulated Cortex-M4 from its executed trace."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_tinyquant.errors import EstimateError
from pytest_tinyquant.measure.measurement import Estimate
from pytest_tinyquant.metrics.built_in import LATENCY
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.support.runtimes import RUNTIMES
from pytest_tinyquant.system import atomic
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.digests import program_digest


if TYPE_CHECKING:
    from pytest_tinyquant.boards.device import RunRecord
    from pytest_tinyquant.firmware.image import FirmwareImage
    from pytest_tinyquant.measure.estimated_cycles import CycleCount
    from pytest_tinyquant.project.board_types import Board

#: What the board counts beside the inference itself: the call of it.
_CALL_INSTRUCTIONS = 1


@dataclass(frozen=True)
class CortexMCycles:
    """The model of the core, for one board; what it says of an image is kept in the cache.

    :param plugin: the built plug-in of QEMU.
    :param timeout: seconds that the profile of one image may take.
    """

    board: Board
    plugin: Path
    cache: Cache
    timeout: float

    def estimate(
        self, image: FirmwareImage, record: RunRecord, labels: Sequence[str], *, where: str
    ) -> Estimate:
        """Return the estimated cycles of one inference.

        :param record: what the board made of the image.
        :param labels: of the operators, in execution order.
        :raises EstimateError: the profile is not of the instructions that the board counted.
        """
        count = self._count(image, where)
        assert record.counter is not None, "the firmware counts on every board"
        if count.instructions + _CALL_INSTRUCTIONS != record.counter:
            raise EstimateError(
                f"{where}: the profile holds {count.instructions:,} instructions, the board "
                f"counted {record.counter - _CALL_INSTRUCTIONS:,}; its cycles are not those of "
                "this run. Report this with the image"
            )
        from pytest_tinyquant.measure.estimated_cycles import SOURCE

        assert self.board.timing is not None, "checked before"
        low, high = count.range
        return Estimate(
            LATENCY.name,
            Metric(count.cycles, "cycles", "estimated"),
            SOURCE,
            low=low,
            high=high,
            clock_hz=self.board.timing.clock_hz,
            ops=self._operators(count, labels),
        )

    def _operators(self, count: CycleCount, labels: Sequence[str]) -> tuple[tuple[str, int], ...]:
        """Return the cycles of each operator; a library's own interpreter hides them."""
        if not RUNTIMES[self.board.runtime].is_compiled:
            return ()
        return tuple(zip(labels, count.ops, strict=True))

    def _count(self, image: FirmwareImage, where: str) -> CycleCount:
        """Return the cycles of an image, from the cache if it was estimated before."""
        from pytest_tinyquant.measure.estimated_cycles import CycleCount

        entry = self.cache.entry(
            "cycles", self._key(image), lambda output: self._profile(image, output, where)
        )
        values = json.loads((entry / "cycles.json").read_text("utf-8"))
        return CycleCount(
            values["instructions"], values["cycles"], tuple(values["ops"]), values["waiting"]
        )

    def _key(self, image: FirmwareImage) -> str:
        """Return the address of an image's estimate: all that decides it."""
        from pytest_tinyquant.boards.emulator import profile
        from pytest_tinyquant.boards.emulator.qemu import find_qemu
        from pytest_tinyquant.measure import cortex_m4
        from pytest_tinyquant.measure import estimated_cycles

        assert self.board.timing is not None, "checked before"
        return Cache.key(
            image.sha256,
            self.board.machine,
            {"flash": self.board.flash_bytes, **dataclasses.asdict(self.board.timing)},
            self.plugin,
            program_digest(find_qemu("qemu-system-arm")),
            *(Path(str(module.__file__)) for module in (profile, cortex_m4, estimated_cycles)),
        )

    def _profile(self, image: FirmwareImage, output: Path, where: str) -> None:
        """Profile an image and write its cycles into `output`."""
        from pytest_tinyquant.boards.emulator.profile import profile
        from pytest_tinyquant.firmware.elf import Elf
        from pytest_tinyquant.measure.estimated_cycles import count_cycles

        assert self.board.timing is not None, "checked before"
        elf = Elf(image.elf)
        runs = profile(
            self.plugin,
            elf,
            machine=self.board.machine,
            flash_bytes=self.board.flash_bytes,
            timing=self.board.timing,
            timeout=self.timeout,
            where=where,
        )
        count = count_cycles(runs, elf, self.board.timing)
        values = {
            "instructions": count.instructions,
            "cycles": count.cycles,
            "ops": count.ops,
            "waiting": count.waiting,
        }
        atomic.write_text(output / "cycles.json", json.dumps(values))
