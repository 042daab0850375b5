"""What an Ethos-U board is given: a model with Vela's figures of it, each with its class."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.device import ReportedImage
from pytest_tinyquant.boards.device import ReportedLayer
from pytest_tinyquant.boards.npu.vela import settings
from pytest_tinyquant.boards.npu.vela import version
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.metrics.built_in import BANDWIDTH
from pytest_tinyquant.metrics.built_in import ERROR
from pytest_tinyquant.metrics.built_in import FLASH
from pytest_tinyquant.metrics.built_in import LATENCY
from pytest_tinyquant.metrics.built_in import RAM
from pytest_tinyquant.metrics.metric import Metric


if TYPE_CHECKING:
    from pytest_tinyquant.boards.npu.estimate import NpuEstimate
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.project.case import Parsed

REFERENCE: Final = (
    "reference, not executed: TensorFlow Lite Micro computed the outputs on this computer from the "
    "file before Vela"
)

RANGE: Final = (
    "estimated by the compiler: judged as what the compiler says, with no known range on a chip"
)

_MOST_REASONS: Final = 3


def check_runs(estimate: NpuEstimate, case: Parsed) -> None:
    """Check that the NPU runs any of the model.

    :raises UnsupportedModelError: it runs nothing; Vela's reasons are in the text.
    """
    if estimate.runs_on_npu:
        return
    reasons = dict.fromkeys(refused.text for refused in estimate.refused)
    shown = "; ".join([*reasons][:_MOST_REASONS]) or "no reason given"
    more = f"; and {len(reasons) - _MOST_REASONS} more" if len(reasons) > _MOST_REASONS else ""
    first = estimate.refused[0] if estimate.refused else None
    raise UnsupportedModelError(
        f"{case.name}: the NPU runs none of this model's {len(case.graph.operators)} operators, so "
        f"there is nothing to estimate. Vela: {shown}{more}. Choose an integer scheme",
        op=first.op if first else "",
        reason=first.text if first else "",
    )


def reported_image(image: HostImage, estimate: NpuEstimate, board: Board) -> ReportedImage:
    """Return the model with Vela's figures."""
    assert board.npu is not None, "checked when boards.toml was read"
    assert estimate.constants is not None, "a compiled model has constants"
    constants, moved = estimate.constants, estimate.moved
    cycles = Metric(estimate.cycles, "cycles", "estimated")
    figures = {
        FLASH.name: {
            "total": _bytes(constants.total),
            "weights": _bytes(constants.weights),
            "command_stream": _bytes(constants.command_stream),
        },
        RAM.name: {"total": _bytes(estimate.sram_bytes)},
        BANDWIDTH.name: {
            "total": _bytes(sum(moved.values())),
            **{memory: _bytes(size) for memory, size in moved.items()},
        },
    }
    told, unjudged = {}, {}
    if estimate.on_cpu:
        left = _left_on_cpu(estimate)
        told[LATENCY.name] = (cycles, f"{version()}, NPU part only")
        unjudged[LATENCY.name] = (
            f"NPU part only, {estimate.cycles:,} cycles: what stays on the CPU costs nothing in "
            f"Vela's estimate: {left}. An integer-only scheme leaves nothing there"
        )
    else:
        figures[LATENCY.name] = {"invoke": cycles}
    return ReportedImage(
        image.tflite,
        image.samples,
        image.steps,
        tool=version(),
        settings=" ".join(settings(board.npu)),
        figures=figures,
        layers=tuple(ReportedLayer(x.label, x.kernel, x.cycles) for x in estimate.layers),
        told=told,
        unjudged=unjudged,
        remarks={ERROR.name: REFERENCE, LATENCY.name: RANGE},
        clock_hz=estimate.clock_hz,
    )


def _left_on_cpu(estimate: NpuEstimate) -> str:
    """Return the operators that stay on the CPU, with Vela's reasons where it gave some."""
    reasons = [refused.text for refused in reversed(estimate.refused)]
    return "; ".join(reasons) or ", ".join(estimate.on_cpu)


def _bytes(size: int) -> Metric:
    return Metric(size, "bytes", "estimated")
