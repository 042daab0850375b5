"""Compares what a board computed with TensorFlow Lite's own interpreter on the same file.

Where TensorFlow Lite Micro reads a model as another one it says OK, and its outputs would be
recorded as what the model computes. :mod:`pytest_tinyquant.support.misread` knows the kinds that
were found; this finds the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.errors import ConversionError
from pytest_tinyquant.errors import InvalidOutputError
from pytest_tinyquant.measure.error import measure_error


if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_tinyquant.boards.device import RunRecord
    from pytest_tinyquant.models.graph import Graph

    Outputs = Sequence[NDArray[Any]]
    Interpreter = Callable[[str], Outputs]

#: How far outputs may be from the closer one of the interpreter's two kernel sets: mean absolute
#: difference, of the outputs' range. docs/measurements.md says how far right models are.
LARGEST_DIFFERENCE: Final = 0.01

#: The same for a run that records baselines: what it writes down holds for all runs after it.
LARGEST_RECORDED: Final = 0.005

_KERNELS: Final = ("reference", "optimized")


def check_against_interpreter(
    record: RunRecord,
    graph: Graph,
    expected: Outputs | None,
    interpreter: Interpreter,
    *,
    recording: bool = False,
) -> None:
    """Compare outputs with the interpreter's, if they look wrong or are to be recorded.

    Outputs that are close to what is `expected` of the model need no other witness in a run that
    records nothing; nor does a file that the interpreter itself cannot run.

    :param record: what the board gave for all check samples.
    :param expected: None for a model that has no other reference than this runtime itself.
    :param interpreter: returns the interpreter's outputs with the ``reference`` or ``optimized``
        kernels, one float array per output.
    :param recording: the run writes baselines.
    :raises InvalidOutputError: the board computes something else than the interpreter does with
        either of its kernel sets.
    :raises ConversionError: the interpreter cannot run the file, and the outputs look wrong.
    """
    tensors = [graph.tensors[index] for index in graph.outputs]

    def difference(outputs: Outputs) -> float:
        return measure_error(record.outputs, outputs, tensors)["mae"].value

    is_own_reference = expected is None
    looks_right = expected is not None and difference(expected) <= LARGEST_DIFFERENCE
    if looks_right and not recording:
        return
    limit = LARGEST_RECORDED if recording else LARGEST_DIFFERENCE
    found: dict[str, float] = {}
    for kernels in _KERNELS:
        try:
            found[kernels] = difference(interpreter(kernels))
        except InvalidOutputError:
            # Its reference SUM overflows: the same for all samples, which has no range.
            found[kernels] = math.inf
        except ConversionError:
            if looks_right or is_own_reference:
                return
            raise
        if found[kernels] <= limit:
            return
    raise InvalidOutputError(_text(found, limit, recording))


def _text(found: dict[str, float], limit: float, recording: bool) -> str:
    """Return what is wrong with outputs that are as far as `found` from the interpreter's."""
    apart = " and ".join(f"{value:.3g} ({kernels} kernels)" for kernels, value in found.items())
    so = "Nothing of it is recorded: its" if recording else "Its"
    return (
        f"the runtime said OK and computed something else than TensorFlow Lite's "
        f"interpreter does with the same file: they are {apart} of the outputs' range apart, more "
        f"than {limit}. {so} figures would be those of another model. Convert the model in another "
        "way, or choose another scheme"
    )
