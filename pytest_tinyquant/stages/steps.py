"""The steps of the way that a case takes to its measurement; see :class:`Steps`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import DoesNotFitError
from pytest_tinyquant.errors import located
from pytest_tinyquant.measure.observation import Built
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.project.case import Checked
from pytest_tinyquant.project.case import Converted
from pytest_tinyquant.project.case import Parsed
from pytest_tinyquant.project.case import grown
from pytest_tinyquant.stages.devices import DEVICE_TIMEOUT
from pytest_tinyquant.stages.devices import Devices
from pytest_tinyquant.stages.halted import explained
from pytest_tinyquant.stages.references import References
from pytest_tinyquant.support.runtimes import RUNTIMES
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.progress import Progress
from pytest_tinyquant.system.scratch import scratch_directory
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
    from pytest_tinyquant.measure.observation import Observation
    from pytest_tinyquant.models.graph import Graph
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.project.project import Project
    from pytest_tinyquant.schemes.convert import ConvertedModel
    from pytest_tinyquant.schemes.scheme import Scheme

    Image = FirmwareImage | HostImage


class Steps(Devices):
    """The steps for one project; each takes what the one before gave, and nothing is kept."""

    def __init__(
        self,
        project: Project,
        *,
        device_timeout: float = DEVICE_TIMEOUT,
        pool: Pool | None = None,
        progress: Progress | None = None,
    ) -> None:
        super().__init__(project, device_timeout=device_timeout, pool=pool)
        self.progress = progress or Progress()
        self.cache = Cache(project.cache_root)
        self.references = References(self.cache, self._open_host)

    @told("converting the model")
    def convert(self, model: Model, scheme: Scheme) -> ConvertedModel:
        """Return ``model`` converted by ``scheme``."""
        from pytest_tinyquant.schemes.convert import convert

        with self.progress.stage("converting", f"{model.name}-{scheme.name}"):
            return convert(model, scheme, self.cache)

    @told("checking the model")
    def check(self, case: Converted) -> Checked:
        """Return the case with its graph, if the board's runtime can run it.

        :raises ModelError: if the file is corrupt.
        :raises VacuousSchemeError: if the scheme changed nothing.
        :raises UnsupportedModelError: if the runtime has no kernel for an operator, or would
            compute something else than the file says.
        """
        checked = self.check_support(self.parse(case))
        self.check_reading(checked)
        return checked

    def parse(self, case: Converted) -> Parsed:
        """Return the case with its graph, after the checks that no runtime has a say in.

        :raises ModelError: if the file is corrupt.
        :raises VacuousSchemeError: if the scheme changed nothing.
        :raises UnsupportedModelError: if the model is asked nothing.
        """
        from pytest_tinyquant.models.tflite_reader import read_graph
        from pytest_tinyquant.support.check import check_interface
        from pytest_tinyquant.support.check import check_not_vacuous
        from pytest_tinyquant.support.check import check_sequence

        graph = read_graph(case.converted.read(), where=case.name)
        with located(case.name):
            check_interface(graph)
            check_sequence(graph, case.model.sequence)
            check_not_vacuous(graph, case.scheme)
        return grown(case, Parsed, graph=graph)

    def check_support(self, case: Parsed) -> Checked:
        """Return the case with its plan, if the board's runtime has all that it takes.

        :raises UnsupportedModelError: if the runtime has no kernel for an operator.
        """
        from pytest_tinyquant.firmware.libraries import planned_kernels
        from pytest_tinyquant.support.check import plan_supported

        board = case.board
        with located(case.name):
            kernels, replaced = planned_kernels(board, self.cache)
            plan = plan_supported(
                case.graph,
                RUNTIMES[board.runtime],
                kernels=kernels,
                name=case.name,
                replaced=replaced,
                spare_bytes=board.spare_arena_bytes,
            )
        return grown(case, Checked, plan=plan)

    def check_reading(self, case: Parsed) -> None:
        """Check that the board's runtime computes what the file says.

        :raises UnsupportedModelError: it would take it for another model without a word.
        """
        from pytest_tinyquant.support.check import check_read_as_written

        with located(case.name):
            check_read_as_written(case.graph, RUNTIMES[case.board.runtime])

    @told("building the image")
    def build(self, case: Checked) -> Built:
        """Return the case with what its board runs: firmware, on the host the model itself.

        :raises DoesNotFitError: if the image is larger than the board's memory.
        """
        if not case.board.runs_firmware:
            return grown(case, Built, image=self._compiled(case))
        from pytest_tinyquant.firmware import image as firmware
        from pytest_tinyquant.firmware.runtimes.runtime import runtime_of

        samples = self.samples(case)
        with (
            self.progress.stage("building", case.name, case.board.name),
            scratch_directory() as directory,
        ):
            runtime = runtime_of(case.board)
            emitted = runtime.emit(case, Path(directory))
            try:
                image = firmware.build(emitted, case.board, samples, self.cache, where=case.name)
            except DoesNotFitError as error:
                smaller = runtime.refit(case, Path(directory), error)
                if smaller is None:
                    raise
                image = firmware.build(smaller, case.board, samples, self.cache, where=case.name)
        return grown(case, Built, image=image)

    def _compiled(self, case: Checked) -> HostImage:
        """Return what a board without firmware runs: the file, or what its tool made of that."""
        from pytest_tinyquant.boards.cores.core import core_of

        image = self.host_image(case)
        with self.progress.stage("building", case.name, case.board.name):
            return core_of(case.board).compile(case, image, self.cache, self.device_timeout)

    def prepare(self, case: Case) -> Built:
        """Convert, check and build a case.

        :raises TinyQuantError: the error of whichever stage ends the way.
        """
        converted = self.convert(case.model, case.scheme)
        return self.build(self.check(grown(case, Converted, converted=converted)))

    def host_image(self, case: Parsed) -> HostImage:
        """Return what the host runs: the converted file itself."""
        from pytest_tinyquant.boards.device import HostImage

        samples = self.samples(case)
        return HostImage(case.converted.path, samples, case.model.steps(len(samples)))

    def samples(self, case: Parsed) -> list[bytes]:
        """Return each check sample as the bytes of all inputs of the model."""
        with located(case.name):
            return self.samples_of(case.model, case.graph)

    def samples_of(self, model: Model, graph: Graph) -> list[bytes]:
        """Return each check sample of a model as the bytes of all inputs of ``graph``."""
        from pytest_tinyquant.models.quantize import encode_all

        tensors = [graph.tensors[index] for index in graph.inputs]
        return encode_all(self.reference(model, "inputs"), tensors)

    @told("running the image")
    def run(self, device: Device, case: Built) -> RunRecord:
        """Run the image of a case on ``device`` over all check samples.

        :raises SupportMismatchError: if the runtime refuses what the support check let pass.
        """
        try:
            return device.run()
        except DeviceHaltedError as halt:
            error = explained(case, halt)
            if error is halt:
                raise
            raise error from halt

    def observe(self, case: Built, record: RunRecord) -> Observation:
        """Return the case with what one run of it yielded, and what that is judged by."""
        from pytest_tinyquant.measure.observation import Observation

        model = case.model
        labels = model.labels()
        return grown(
            case,
            Observation,
            record=record,
            expected=self.reference(model, "outputs"),
            inputs=self.reference(model, "inputs"),
            labels=labels,
            task=model.task,
            root=self.project.root,
            drawn_data=model.has_drawn_data,
            class_names=model.class_names() if labels is not None else (),
        )

    @told("evaluating the run")
    def evaluate(self, case: Built, record: RunRecord) -> Measurement:
        """Return the metrics that the board has, from what one run yielded.

        :raises InvalidOutputError: if the outputs cannot be judged.
        """
        from pytest_tinyquant.measure.evaluate import evaluate

        observation = self.observe(case, record)
        with located(case.name):
            return evaluate(observation)

    @told("the reference outputs")
    def reference(self, model: Model, name: str) -> list[NDArray[np.float32]]:
        """Return the reference's "inputs" or "outputs", one array per tensor."""
        return self.references.arrays(model, name)

    def _open_host(self, image: HostImage, name: str) -> AbstractContextManager[Device]:
        return self.open(self.host_board(), image, name=name)
