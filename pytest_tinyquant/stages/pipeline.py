"""The whole way of a case to its measurement: every step, and who is asked in doubt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Literal

from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.errors import located
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.stages.devices import DEVICE_TIMEOUT
from pytest_tinyquant.stages.steps import Steps
from pytest_tinyquant.support.runtimes import RUNTIMES
from pytest_tinyquant.system.trouble import told


if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pytest_tinyquant.boards.bench.pool import Pool
    from pytest_tinyquant.boards.device import RunRecord
    from pytest_tinyquant.measure.disagreement import Disagreement
    from pytest_tinyquant.measure.measurement import Measurement
    from pytest_tinyquant.measure.observation import Built
    from pytest_tinyquant.project.case import Checked
    from pytest_tinyquant.project.case import Converted
    from pytest_tinyquant.project.project import Project
    from pytest_tinyquant.stages.cycle_estimate import Estimator
    from pytest_tinyquant.stages.journal import RunJournal
    from pytest_tinyquant.system.progress import Progress


#: Whether cycles are estimated: also where that takes long, where it is cheap, or not at all.
EstimateCycles = Literal["always", "cheap", "never"]


class Stages(Steps):
    """The steps of one project in their order, from a case to its measurement.

    :param journal: keeps outcomes for a run that may be interrupted.
    :param estimate_cycles: what to estimate beside what a board counts.
    :param recording: what is measured may become a baseline.
    """

    def __init__(
        self,
        project: Project,
        *,
        device_timeout: float = DEVICE_TIMEOUT,
        pool: Pool | None = None,
        progress: Progress | None = None,
        journal: RunJournal | None = None,
        estimate_cycles: EstimateCycles = "never",
        recording: bool = False,
    ) -> None:
        super().__init__(project, device_timeout=device_timeout, pool=pool, progress=progress)
        self.journal = journal
        self.estimate_cycles = estimate_cycles
        self.recording = recording

    @told("checking the model")
    def check(self, case: Converted) -> Checked:
        """Return the case with its graph, if the board's runtime can run it.

        On the host the runtime itself has the last word: it is run on a model that the support
        check refuses.

        :raises ModelError: if the file is corrupt.
        :raises VacuousSchemeError: if the scheme changed nothing.
        :raises UnsupportedModelError: if the runtime has no kernel for an operator, or would
            compute something else than the file says.
        :raises SupportMismatchError: if the runtime runs what the check refuses.
        """
        parsed = self.parse(case)
        try:
            checked = self.check_support(parsed)
        except UnsupportedModelError as refusal:
            if case.board.target.is_host:
                from pytest_tinyquant.stages.refusal import confirm_refusal

                confirm_refusal(self, parsed, refusal)
            raise
        self.check_reading(checked)
        return checked

    def measure(self, case: Case) -> Measurement:
        """Take a case through all steps.

        :raises TinyQuantError: the error of whichever step ends the way.
        """
        if case.board.runs_firmware:
            from pytest_tinyquant.firmware.runtimes.runtime import runtime_of
            from pytest_tinyquant.firmware.toolchain import find_toolchain

            runtime_of(case.board).check_board(case.board)
            # Rather now than after the conversion.
            find_toolchain(case.board.kind, case.board.toolchain)
        estimator = self._estimator(case)
        with self.references.reading_once():
            return self._measure_once(case, estimator)

    def _measure_once(self, case: Case, estimator: Estimator | None) -> Measurement:
        built = self.prepare(case)
        # What a user's own function gives depends on code that no key can hold.
        if self.journal is None or case.model.task.metric:
            return self._measure(built, estimator)
        key = self._outcome_key(built, estimated=estimator is not None)
        return self.journal.recall_or(key, lambda: self._measure(built, estimator))

    def _measure(self, case: Built, estimator: Estimator | None) -> Measurement:
        """Run a case and evaluate what it did, once it is beyond doubt."""
        with (
            self.progress.stage("running", case.name, case.board.name),
            self.open(case.board, case.image, name=case.name) as device,
        ):
            record = self.run(device, case)
        if case.board.runs_firmware and RUNTIMES[case.board.runtime].has_doubts(case.graph):
            from pytest_tinyquant.stages.dense_check import check_on_host

            check_on_host(self, case, record)
        disagreements: tuple[Disagreement, ...] = ()
        if not case.board.runs_firmware or self._needs_witness(case):
            disagreements = self._compare_with_interpreter(case, record)
        measurement = replace(self.evaluate(case, record), disagreements=disagreements)
        return estimator.complete(measurement, case, record) if estimator else measurement

    def _needs_witness(self, case: Case) -> bool:
        """Tell whether what a case computes needs a witness, as it may become a baseline.

        A user's own kernels may round as their author likes.
        """
        return self.recording and not case.board.has_own_kernels

    def _estimator(self, case: Case) -> Estimator | None:
        """Return what estimates the cycles of a case."""
        # A gate on estimates needs them in any case: of two revisions, too.
        if self.estimate_cycles == "never" and case.board.gate == "instructions":
            return None
        from pytest_tinyquant.stages.cycle_estimate import find_estimator

        return find_estimator(self, case.board, asked=self.estimate_cycles == "always")

    def _outcome_key(self, case: Built, *, estimated: bool) -> str:
        """Return the address of what the board makes of a case."""
        from pytest_tinyquant.stages.journal import outcome_key
        from pytest_tinyquant.stages.runner import runner_digest

        return outcome_key(
            case.image,
            case.board,
            self.reference(case.model, "outputs"),
            self.device_timeout,
            labels=case.model.labels(),
            task=case.model.task,
            estimated=estimated,
            recording=self.recording,
            runner=runner_digest(case.board, estimated=estimated, recording=self.recording),
        )

    @told("comparing with TensorFlow Lite's interpreter")
    def _compare_with_interpreter(self, case: Built, record: RunRecord) -> tuple[Disagreement, ...]:
        """Check what a board computed, beside what is expected of the model.

        :returns: where the interpreter differs from the reference of a foreign file.
        :raises InvalidOutputError: it is not what the converted file says.
        """
        from pytest_tinyquant.schemes.convert import interpreter_outputs
        from pytest_tinyquant.schemes.convert import read_arrays
        from pytest_tinyquant.stages.interpreter_check import check_against_interpreter
        from pytest_tinyquant.stages.second_opinion import second_opinion

        def interpreter(kernels: str) -> list[NDArray[np.float32]]:
            file = interpreter_outputs(case.model, case.converted, self.cache, kernels=kernels)
            return read_arrays(file, "outputs")

        expected = None
        if case.model.kind != "tflite":
            expected = self.reference(case.model, "outputs")
        with located(case.name):
            check_against_interpreter(
                record, case.graph, expected, interpreter, recording=self.recording
            )
        return second_opinion(self, case, interpreter)
