"""The way a model takes to its measurement, stage by stage; see :class:`Stages`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final
from typing import Literal

from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import SupportMismatchError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.project.kinds import KINDS
from pytest_tinyquant.support.runtimes import RUNTIMES
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.progress import Progress
from pytest_tinyquant.system.trouble import told


if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pytest_tinyquant.boards.bench.pool import Pool
    from pytest_tinyquant.boards.device import Device
    from pytest_tinyquant.boards.device import HostImage
    from pytest_tinyquant.boards.device import RunRecord
    from pytest_tinyquant.firmware.image import FirmwareImage
    from pytest_tinyquant.measure.measurement import Measurement
    from pytest_tinyquant.models.graph import Graph
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.project.bench import PhysicalBoard
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.project.project import Project
    from pytest_tinyquant.schemes.convert import ConvertedModel
    from pytest_tinyquant.schemes.scheme import Scheme
    from pytest_tinyquant.stages.journal import RunJournal

    Image = FirmwareImage | HostImage


#: Whether cycles are estimated: also where that takes long, where it is cheap, or not at all.
EstimateCycles = Literal["always", "cheap", "never"]

#: Seconds one run on a device may take before it counts as hanging.
DEVICE_TIMEOUT: Final = 600.0

_HALT_AT_START: Final = "AllocateTensors"


class Stages:
    """The stages for one project; each takes what the one before gave, and nothing is kept."""

    def __init__(
        self,
        project: Project,
        *,
        device_timeout: float = DEVICE_TIMEOUT,
        pool: Pool | None = None,
        progress: Progress | None = None,
        journal: RunJournal | None = None,
        estimate_cycles: EstimateCycles = "never",
    ) -> None:
        self.project = project
        self.journal = journal
        self.pool = pool
        self.progress = progress or Progress()
        self.cache = Cache(project.cache_root)
        self.device_timeout = device_timeout
        self.estimate_cycles = estimate_cycles

    @told("converting the model")
    def convert(self, model: Model, scheme: Scheme) -> ConvertedModel:
        """Return ``model`` converted by ``scheme``."""
        from pytest_tinyquant.schemes.convert import convert

        with self.progress.stage("converting", f"{model.name}-{scheme.name}"):
            return convert(model, scheme, self.cache)

    @told("checking the model")
    def check(self, model: Model, converted: ConvertedModel, board: Board) -> Graph:
        """Return the converted model's graph if the board's runtime can run it.

        On the host the runtime itself has the last word: it is run on a model that the support
        check refuses.

        :raises ModelError: if the file is corrupt.
        :raises VacuousSchemeError: if the scheme changed nothing.
        :raises UnsupportedModelError: if the runtime has no kernel for an operator, or would
            compute something else than the file says.
        :raises SupportMismatchError: if the runtime runs what the check refuses.
        """
        from pytest_tinyquant.models.tflite_reader import read_graph
        from pytest_tinyquant.support.check import check_interface
        from pytest_tinyquant.support.check import check_not_vacuous
        from pytest_tinyquant.support.check import check_read_as_written
        from pytest_tinyquant.support.check import check_support

        where = combination_name(converted, board)
        graph = read_graph(converted.read(), where=where)
        check_interface(graph, where=where)
        check_not_vacuous(graph, self.project.schemes[converted.scheme], where=where)
        try:
            check_support(graph, RUNTIMES[board.runtime], where=where)
        except UnsupportedModelError as refusal:
            if board.target.is_host:
                from pytest_tinyquant.stages.refusal import confirm_refusal

                confirm_refusal(
                    self, refusal, model=model, converted=converted, graph=graph, board=board
                )
            raise
        check_read_as_written(graph, RUNTIMES[board.runtime], where=where)
        return graph

    @told("building the image")
    def build_image(
        self, model: Model, converted: ConvertedModel, graph: Graph, board: Board
    ) -> Image:
        """Return what the board runs: linked firmware, or the model itself on the host.

        :raises DoesNotFitError: if the image is larger than the board's memory.
        """
        where = combination_name(converted, board)
        if board.target.is_host:
            return self.host_image(model, graph, converted.path, where=where)
        samples = self.samples(model, graph, where=where)
        from pytest_tinyquant.firmware import image as firmware
        from pytest_tinyquant.firmware.runtimes.runtime import runtime_of

        with (
            self.progress.stage("building", where, board.name),
            tempfile.TemporaryDirectory(prefix="tinyquant-") as directory,
        ):
            emitted = runtime_of(board).emit(
                graph, converted.read(), board, Path(directory), where=where
            )
            return firmware.build(emitted, board, samples, self.cache, where=where)

    def reachable(self, board: Board) -> tuple[PhysicalBoard, ...]:
        """Return the attached boards that can be ``board``; none if it needs none.

        :raises BoardNotFoundError: if it is to be a real one and none is attached.
        """
        if not board.target.is_real:
            return ()
        from pytest_tinyquant.boards.bench.attached import reachable

        return reachable(board, self.project.bench)

    def host_image(self, model: Model, graph: Graph, tflite: Path, *, where: str) -> HostImage:
        """Return what the host runs: the file ``tflite``, whose graph is ``graph``."""
        from pytest_tinyquant.boards.device import HostImage

        return HostImage(tflite, self.samples(model, graph, where=where))

    def samples(self, model: Model, graph: Graph, *, where: str) -> list[bytes]:
        """Return each check sample as the bytes of all inputs of ``graph``."""
        from pytest_tinyquant.models.quantize import encode_all

        tensors = [graph.tensors[index] for index in graph.inputs]
        return encode_all(self.reference(model, "inputs"), tensors, where=where)

    def host_board(self) -> Board:
        """Return the board that runs TensorFlow Lite Micro on this computer."""
        from pytest_tinyquant.boards.cores.host import HOST

        boards = self.project.boards.values()
        return next(board for board in boards if KINDS[board.kind] is HOST)

    @contextmanager
    def open(self, board: Board, image: Image, *, name: str) -> Iterator[Device]:
        """Take a device of type ``board``, put ``image`` on it and yield it.

        :param name: names the device's files; the combination or the test.
        """
        with self.device(board, name=name, image=image) as device:
            device.flash(image)
            yield device

    @contextmanager
    def device(self, board: Board, *, name: str, image: Image | None = None) -> Iterator[Device]:
        """Take a device of type ``board`` and yield it as it is.

        :param name: names the device's files; the combination or the test.
        :param image: what is to run, so that a real board that holds it already is preferred.
        """
        from pytest_tinyquant.boards.open import device_directory
        from pytest_tinyquant.boards.open import leased
        from pytest_tinyquant.boards.open import open_device

        work_dir = device_directory(self.project.work_dir, name)
        with told(f"the device for {name}"), ExitStack() as held:
            work_dir.mkdir(parents=True, exist_ok=True)
            lease = held.enter_context(leased(self.reachable(board), self.pool, image, name=name))
            device = open_device(board, work_dir=work_dir, timeout=self.device_timeout, lease=lease)
            held.callback(device.close)
            yield device

    @told("running the image")
    def run(self, device: Device, board: Board, *, where: str) -> RunRecord:
        """Run the image on ``device`` over all check samples.

        :raises SupportMismatchError: if the runtime refuses what the support check let pass.
        """
        try:
            return device.run()
        except DeviceHaltedError as halt:
            if board.target.is_host and halt.kind == _HALT_AT_START:
                raise SupportMismatchError(
                    f"{where}: the support check finds nothing against this model, "
                    f"but the runtime refuses it: {halt}\nCorrect the runtime's table in "
                    "support.py"
                ) from halt
            raise

    @told("evaluating the run")
    def evaluate(
        self,
        *,
        model: Model,
        converted: ConvertedModel,
        graph: Graph,
        board: Board,
        image: Image,
        record: RunRecord,
    ) -> Measurement:
        """Return the metrics that ``board`` has, from what one run yielded.

        :raises InvalidOutputError: if the outputs cannot be judged.
        """
        from pytest_tinyquant.measure.evaluate import evaluate
        from pytest_tinyquant.measure.observation import Observation

        return evaluate(
            Observation(
                converted,
                graph,
                board,
                image,
                record,
                self.reference(model, "outputs"),
                inputs=self.reference(model, "inputs"),
                labels=model.labels(),
                task=model.task,
                root=self.project.root,
                drawn_data=model.has_drawn_data,
            )
        )

    def measure(self, model: Model, scheme: Scheme, board: Board) -> Measurement:
        """Take ``model`` through all stages.

        :raises TinyQuantError: the error of whichever stage ends the way.
        """
        if board.runs_firmware:
            from pytest_tinyquant.firmware.toolchain import find_toolchain

            find_toolchain(board.kind, board.toolchain)  # rather now than after the conversion
        estimator = None
        # A gate on estimates needs them in any case: of two revisions, too.
        if self.estimate_cycles != "never" or board.gate != "instructions":
            from pytest_tinyquant.stages.cycle_estimate import find_estimator

            estimator = find_estimator(self, board, asked=self.estimate_cycles == "always")
        converted = self.convert(model, scheme)
        where = combination_name(converted, board)
        graph = self.check(model, converted, board)
        image = self.build_image(model, converted, graph, board)

        def measure() -> Measurement:
            with (
                self.progress.stage("running", where, board.name),
                self.open(board, image, name=where) as device,
            ):
                record = self.run(device, board, where=where)
            if board.runs_firmware and RUNTIMES[board.runtime].has_doubts(graph):
                from pytest_tinyquant.stages.dense_check import check_on_host

                check_on_host(self, model, converted, graph, record, where=where)
            if board.target.is_host:
                self._compare_with_interpreter(model, converted, graph, record, where=where)
            measurement = self.evaluate(
                model=model,
                converted=converted,
                graph=graph,
                board=board,
                image=image,
                record=record,
            )
            return (
                estimator.complete(measurement, model, graph, image, record)
                if estimator
                else measurement
            )

        # What a user's own function gives depends on code that no key can hold.
        if self.journal is None or model.task.metric:
            return measure()
        from pytest_tinyquant.stages.journal import outcome_key

        expected = self.reference(model, "outputs")
        estimated = estimator is not None
        key = outcome_key(
            image,
            board,
            expected,
            self.device_timeout,
            labels=model.labels(),
            task=model.task,
            estimated=estimated,
        )
        return self.journal.recall_or(key, measure)

    @told("comparing with TensorFlow Lite's interpreter")
    def _compare_with_interpreter(
        self,
        model: Model,
        converted: ConvertedModel,
        graph: Graph,
        record: RunRecord,
        *,
        where: str,
    ) -> None:
        """Check what TensorFlow Lite Micro computed on the host.

        :raises InvalidOutputError: it is not what the converted file says.
        """
        from pytest_tinyquant.schemes.convert import interpreter_outputs
        from pytest_tinyquant.schemes.convert import read_arrays
        from pytest_tinyquant.stages.interpreter_check import check_against_interpreter

        def interpreter(kernels: str) -> list[NDArray[np.float32]]:
            file = interpreter_outputs(model, converted, self.cache, kernels=kernels)
            return read_arrays(file, "outputs")

        expected = self.reference(model, "outputs")
        check_against_interpreter(record, graph, expected, interpreter, where=where)

    @told("the reference outputs")
    def reference(self, model: Model, name: str) -> list[NDArray[np.float32]]:
        """Return the reference's "inputs" or "outputs", one array per tensor."""
        from pytest_tinyquant.schemes.convert import read_arrays
        from pytest_tinyquant.schemes.convert import reference_outputs

        return read_arrays(reference_outputs(model, self.cache).path, name)


def combination_name(converted: ConvertedModel, board: Board) -> str:
    """Return model, scheme and board as test ids spell them."""
    return f"{converted.model}-{converted.scheme}-{board.name}"
