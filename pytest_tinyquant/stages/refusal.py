"""Asks the runtime itself about a model that its support table refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Final
from typing import NoReturn

from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import SupportMismatchError
from pytest_tinyquant.errors import UnsupportedModelError


if TYPE_CHECKING:
    from pytest_tinyquant.models.graph import Graph
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.schemes.convert import ConvertedModel
    from pytest_tinyquant.stages.pipeline import Stages

# How TensorFlow Lite Micro says no: by an error of one of its calls, or by ending its process.
_REFUSALS: Final = ("AllocateTensors", "Invoke", "abort")


def confirm_refusal(
    stages: Stages,
    refusal: UnsupportedModelError,
    *,
    model: Model,
    converted: ConvertedModel,
    graph: Graph,
    board: Board,
) -> NoReturn:
    """Run the refused model on ``board``, which raises in any case.

    :raises UnsupportedModelError: ``refusal``, with the runtime's own words.
    :raises SupportMismatchError: the runtime runs the model after all.
    """
    from pytest_tinyquant.stages.pipeline import combination_name

    where = combination_name(converted, board)
    image = stages.build_image(model, converted, graph, board)
    try:
        with stages.open(board, image, name=where) as device:
            device.run()
    except DeviceHaltedError as halt:
        if halt.kind not in _REFUSALS:
            raise
        raise UnsupportedModelError(
            f"{refusal}\nThe runtime agrees: {halt}",
            op=refusal.op,
            dtype=refusal.dtype,
            reason=refusal.reason,
        ) from halt
    raise SupportMismatchError(
        f"{where}: the support check refuses this model, but the runtime runs it: {refusal}\n"
        "Correct the runtime's table in support.py"
    ) from refusal
