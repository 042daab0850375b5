"""What a halt of the device says about the case that it ran."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import SupportMismatchError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.errors import UnsupportedModelError


if TYPE_CHECKING:
    from pytest_tinyquant.measure.observation import Built

_HALT_AT_START: Final = "AllocateTensors"


def explained(case: Built, halt: DeviceHaltedError) -> TinyQuantError:
    """Return the error that a halt stands for; the halt itself if there is nothing to add.

    Before its first operator, TensorFlow Lite Micro halts at a model that it refuses.
    """
    if case.board.target.is_host and halt.kind == _HALT_AT_START:
        return _refusal(case, halt)
    if case.board.runs_firmware:
        from pytest_tinyquant.firmware.runtimes.runtime import runtime_of

        if words := runtime_of(case.board).advice(case, halt):
            return DeviceHaltedError(f"{halt}\n{words}", kind=halt.kind)
    return halt


def _refusal(case: Built, halt: DeviceHaltedError) -> TinyQuantError:
    custom = [o.custom for part in case.graph.parts() for o in part.operators if o.custom]
    if custom:
        # Their types are in no table: the runtime itself has the word.
        return UnsupportedModelError(
            f"TensorFlow Lite Micro refuses the model, in which {custom[0]} may be used in "
            f"a way that it does not know: {halt}",
            op=custom[0],
        )
    return SupportMismatchError(
        f"{case.name}: the support check finds nothing against this model, "
        f"but the runtime refuses it: {halt}\nCorrect the runtime's table in "
        "support/tables.py"
    )
