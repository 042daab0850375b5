"""Arm's NPUs Ethos-U as a kind of board: Vela estimates, this computer computes the outputs."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.boards.cores.core import Core
from pytest_tinyquant.errors import BoardNotFoundError
from pytest_tinyquant.errors import located
from pytest_tinyquant.project.target import Target


if TYPE_CHECKING:
    from pytest_tinyquant.boards.device import Device
    from pytest_tinyquant.boards.device import HostImage
    from pytest_tinyquant.boards.halts.halt import Faults
    from pytest_tinyquant.boards.npu.estimate import NpuEstimate
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.project.case import Checked
    from pytest_tinyquant.system.cache import Cache

_ENTRY: Final = "estimate.json"


@dataclass(frozen=True, kw_only=True)
class EthosU(Core):
    """An Ethos-U, for which Vela compiles a model and estimates what that will take."""

    def compile(self, case: Checked, image: HostImage, cache: Cache, timeout: float) -> HostImage:
        """Return the model with what Vela reports of it.

        :raises UnsupportedModelError: the NPU runs none of the model, or there are no outputs of it
            because TensorFlow Lite Micro does not run it.
        """
        from pytest_tinyquant.boards.npu.image import check_runs
        from pytest_tinyquant.boards.npu.image import reported_image
        from pytest_tinyquant.support.check import check_read_as_written
        from pytest_tinyquant.support.check import check_support
        from pytest_tinyquant.support.runtimes import RUNTIMES

        estimate = self._estimate(case, image, cache, timeout)
        check_runs(estimate, case)
        reference = RUNTIMES["tflm"]
        with located(case.name):
            check_support(case.graph, reference)
            check_read_as_written(case.graph, reference)
        return reported_image(image, estimate, case.board)

    def open_virtual(self, board: Board, *, work_dir: Path, timeout: float) -> Device:
        """Return TensorFlow Lite Micro in a child process, which computes the outputs."""
        from pytest_tinyquant.boards.host.host import HostDevice

        return HostDevice(board.name, work_dir=work_dir, timeout=timeout)

    def faults(self) -> Faults:
        """Raise BoardNotFoundError: nothing runs that could fault."""
        raise BoardNotFoundError("an Ethos-U is estimated, not run: there are no faults to read")

    def _estimate(
        self, case: Checked, image: HostImage, cache: Cache, timeout: float
    ) -> NpuEstimate:
        """Return what Vela says, from the cache if it was asked before."""
        from pytest_tinyquant.boards.npu.estimate import NpuEstimate
        from pytest_tinyquant.boards.npu.vela import Vela
        from pytest_tinyquant.system.scratch import scratch_directory

        npu = case.board.npu
        assert npu is not None, "checked when boards.toml was read"
        vela = Vela(case.board.name, npu, timeout)

        def build(output: Path) -> None:
            with scratch_directory() as directory:
                found = vela.estimate(image.tflite, Path(directory), where=case.name)
            (output / _ENTRY).write_text(json.dumps(found.to_json()), encoding="utf-8")

        entry = cache.entry("npu", self._key(case.board, image), build)
        return NpuEstimate.from_json(json.loads((entry / _ENTRY).read_text("utf-8")))

    def _key(self, board: Board, image: HostImage) -> str:
        """Return the address of an estimate: all that decides it."""
        from pytest_tinyquant.boards.npu import compiled
        from pytest_tinyquant.boards.npu import estimate
        from pytest_tinyquant.boards.npu import vela
        from pytest_tinyquant.system.cache import Cache
        from pytest_tinyquant.system.packages import package_digest

        assert board.npu is not None, "checked when boards.toml was read"
        vela.require_config(board.name, board.npu)
        return Cache.key(
            image.tflite,
            dataclasses.asdict(board.npu),
            vela.version(),
            *map(package_digest, self.reporters),
            *(Path(str(module.__file__)) for module in (compiled, estimate, vela)),
        )


ETHOS_U: Final = EthosU(
    name="ethos-u",
    packages=("tflite-micro", "ethos-u-vela"),
    target=Target.COMPILER,
    needs={"npu": "accelerator, system_config and memory_mode"},
    reporters=("ethosu",),
)
