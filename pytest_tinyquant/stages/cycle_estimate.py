"""Estimates the cycles of an inference with a model of the core, beside what a board counted."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final
from typing import Protocol

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import EstimateError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.measure.measurement import Estimate
from pytest_tinyquant.metrics.built_in import ESTIMATED_CYCLES
from pytest_tinyquant.metrics.built_in import LATENCY
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.project.kinds import KINDS
from pytest_tinyquant.support.runtimes import RUNTIMES
from pytest_tinyquant.system.scratch import scratch_directory


if TYPE_CHECKING:
    from pytest_tinyquant.boards.device import RunRecord
    from pytest_tinyquant.measure.measurement import Measurement
    from pytest_tinyquant.measure.observation import Built
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.project.board_types import Gate
    from pytest_tinyquant.stages.cortex_m_cycles import CortexMCycles
    from pytest_tinyquant.stages.steps import Steps

#: How far float outputs may be apart, as a share of the largest: the simulator rounds the results
#: of additions, subtractions and conversions differently from an RX.
FLOAT_TOLERANCE: Final = 1e-5


class Estimator(Protocol):
    """What estimates the cycles of what a board ran."""

    def complete(self, measurement: Measurement, case: Built, record: RunRecord) -> Measurement:
        """Return what was measured with an estimate beside it."""


def has_cycle_model(board: Board) -> bool:
    """Tell whether there is a model for the core that this run emulates."""
    return has_trace_model(board) or _has_simulator_model(board)


def has_trace_model(board: Board) -> bool:
    """Tell whether cycles are estimated from the trace of the very image that the board runs.

    That costs so little that it is done without being asked for.
    """
    return board.target.is_emulated and board.has_trace_model


def _has_simulator_model(board: Board) -> bool:
    return (
        board.target.is_emulated
        and KINDS[board.kind].cycle_model != ""
        and RUNTIMES[board.runtime].is_compiled
    )


def check_selection(boards: Iterable[Board]) -> None:
    """Check that there is anything to estimate for.

    :raises ConfigurationError: there is a cycle model for none of `boards`.
    """
    if not any(map(has_cycle_model, boards)):
        raise ConfigurationError(
            "--tq-estimate-cycles: cycles are estimated for emulated boards of kind cortex-m4f "
            "that have a timing table, and for rx65n on the emulator with this package's runtime; "
            "none of them is selected. Choose one with --board, or leave the option out"
        )


def find_estimator(steps: Steps, board: Board, *, asked: bool) -> Estimator | None:
    """Return what estimates for `board`; None where there is no model of its core.

    :param asked: the user wants estimates; otherwise only those from traces are made, and only if
        this computer has what that takes.
    :raises ToolchainNotFoundError: what estimates is not installed, and the user or the board's
        gate asks for it.
    """
    if has_trace_model(board):
        try:
            return _TraceEstimator(steps, _trace_model(steps, board))
        except ToolchainNotFoundError:
            if asked or board.gate != "instructions":
                raise
            return None
    if not asked or not _has_simulator_model(board):
        return None
    from pytest_tinyquant.firmware.toolchain_rx_sim import find_simulator

    return CycleEstimator(steps, find_simulator())


def _trace_model(steps: Steps, board: Board) -> CortexMCycles:
    from pytest_tinyquant.firmware.toolchain_profiler import build_profiler
    from pytest_tinyquant.stages.cortex_m_cycles import CortexMCycles

    return CortexMCycles(board, build_profiler(steps.cache), steps.cache, steps.device_timeout)


@dataclass(frozen=True)
class _TraceEstimator:
    """The model of a Cortex-M4, for what one board ran."""

    steps: Steps
    core: CortexMCycles

    def complete(self, measurement: Measurement, case: Built, record: RunRecord) -> Measurement:
        """Return what was measured with an estimate of the cycles of one invoke beside it.

        :raises EstimateError: the image cannot be profiled.
        """
        from pytest_tinyquant.firmware.image import FirmwareImage

        assert isinstance(case.image, FirmwareImage), "the host is no Cortex-M4"
        with self.steps.progress.stage("estimating", case.name, case.board.name):
            labels = [op.label for op in measurement.ops]
            estimate = self.core.estimate(case.image, record, labels, where=case.name)
        return _gated(measurement, estimate, self.core.board.gate)


def _gated(measurement: Measurement, estimate: Estimate, gate: Gate) -> Measurement:
    """Return the measurement with an estimate, and with what it decides by the board's gate."""
    estimated = dataclasses.replace(measurement, estimates=(estimate,))
    if gate == "instructions" or LATENCY.name not in measurement.metrics:
        return estimated
    parts = {**measurement.metrics[LATENCY.name], ESTIMATED_CYCLES: estimate.number}
    decide = (ESTIMATED_CYCLES,) if gate == "estimated-cycles" else (ESTIMATED_CYCLES, "invoke")
    return dataclasses.replace(
        estimated,
        metrics={**measurement.metrics, LATENCY.name: parts},
        gates={**measurement.gates, LATENCY.name: decide},
    )


@dataclass(frozen=True)
class CycleEstimator:
    """The simulator, for what one board ran."""

    steps: Steps
    simulator: Path

    def complete(self, measurement: Measurement, case: Built, record: RunRecord) -> Measurement:
        """Return what was measured with an estimate of the cycles of one invoke beside it.

        :param record: what the board made of the samples; the simulator must agree with it.
        :raises EstimateError: it does not, hangs, or ends before its last line.
        """
        sample = self.steps.samples(case)[0]
        with self.steps.progress.stage("estimating", case.name, case.board.name):
            simulated = self._simulate(case, sample)
        dtypes = {case.graph.tensors[index].dtype for index in case.graph.outputs}
        check_outputs(simulated.outputs[0], record.outputs[0], dtypes, where=case.name)
        assert simulated.counter is not None, "the firmware counts on every board"
        cycles = Metric(simulated.counter, "cycles", "estimated")
        estimate = Estimate(LATENCY.name, cycles, KINDS[case.board.kind].cycle_model)
        return dataclasses.replace(measurement, estimates=(estimate,))

    def _simulate(self, case: Built, sample: bytes) -> RunRecord:
        """Run the model on one sample: the counts do not depend on how many there are."""
        from pytest_tinyquant.boards.emulator.rx_simulator import MACHINE
        from pytest_tinyquant.boards.emulator.rx_simulator import simulate
        from pytest_tinyquant.firmware import image as firmware
        from pytest_tinyquant.firmware.runtimes.runtime import runtime_of

        board, timeout = dataclasses.replace(case.board, machine=MACHINE), self.steps.device_timeout
        with scratch_directory() as directory:
            emitted = runtime_of(board).emit(case, Path(directory))
            image = firmware.build(emitted, board, [sample], self.steps.cache, where=case.name)
        return simulate(self.simulator, image, timeout=timeout, where=case.name)


def check_outputs(simulated: bytes, board: bytes, dtypes: set[str], *, where: str) -> None:
    """Check that the simulator computed what the board did.

    Integers must be equal to the last bit; floats within :data:`FLOAT_TOLERANCE`.

    :param dtypes: the types of all outputs.
    :raises EstimateError: it did not, so that its cycles are those of another computation.
    """
    if simulated == board:
        return
    difference = "their bytes differ"
    if dtypes == {"float32"} and len(simulated) == len(board):
        import numpy as np

        expected = np.frombuffer(board, "<f4").astype(np.float64)
        largest = np.abs(np.frombuffer(simulated, "<f4") - expected).max()
        limit = FLOAT_TOLERANCE * np.abs(expected).max()
        if largest <= limit:
            return
        difference = f"they differ by up to {largest:.3g}, more than {limit:.3g}"
    raise EstimateError(
        f"{where}: the simulator's outputs are not the board's ({difference}), so its cycles are "
        "not those of this model. Run without --tq-estimate-cycles"
    )
