"""Asks the runtime itself about a model that its support table refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Final
from typing import NoReturn

from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import SupportMismatchError
from pytest_tinyquant.errors import UnsupportedModelError


if TYPE_CHECKING:
    from pytest_tinyquant.project.case import Parsed
    from pytest_tinyquant.stages.steps import Steps

# How TensorFlow Lite Micro says no: by an error of one of its calls, or by ending its process.
_REFUSALS: Final = ("AllocateTensors", "Invoke", "abort")


def confirm_refusal(steps: Steps, case: Parsed, refusal: UnsupportedModelError) -> NoReturn:
    """Run the refused model on its board, the host, which raises in any case.

    :raises UnsupportedModelError: ``refusal``, with the runtime's own words.
    :raises SupportMismatchError: the runtime runs the model after all.
    """
    try:
        with steps.open(case.board, steps.host_image(case), name=case.name) as device:
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
        f"{case.name}: the support check refuses this model, but the runtime runs it: {refusal}\n"
        "Correct the runtime's table in support/tables.py"
    ) from refusal
