"""Compares TensorFlow Lite Micro with TensorFlow Lite's own interpreter on the same file.

Where Micro reads a model as another one it says OK, and its outputs would be recorded as what the
model computes. :mod:`pytest_tinyquant.support.misread` knows the kinds that were found; this finds
the others.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.errors import InvalidOutputError
from pytest_tinyquant.measure.error import measure_error


if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_tinyquant.boards.device import RunRecord
    from pytest_tinyquant.models.graph import Graph

    Outputs = Sequence[NDArray[Any]]

#: How far Micro may be from the closer one of the interpreter's two kernel sets: mean absolute
#: difference, of the outputs' range. docs/measurements.md says how far right models are.
LARGEST_DIFFERENCE: Final = 0.01

_KERNELS: Final = ("reference", "optimized")


def check_against_interpreter(
    record: RunRecord, graph: Graph, expected: Outputs, interpreter: Callable[[str], Outputs]
) -> None:
    """Compare outputs of TensorFlow Lite Micro with the interpreter's, if they look wrong.

    Outputs that are close to what is `expected` of the model need no other witness.

    :param record: what the host gave for all check samples.
    :param interpreter: returns the interpreter's outputs with the ``reference`` or ``optimized``
        kernels, one float array per output.
    :raises InvalidOutputError: Micro computes something else than the interpreter does with
        either of its kernel sets.
    """
    tensors = [graph.tensors[index] for index in graph.outputs]

    def difference(outputs: Outputs) -> float:
        return measure_error(record.outputs, outputs, tensors)["mae"].value

    if difference(expected) <= LARGEST_DIFFERENCE:
        return
    found = {}
    for kernels in _KERNELS:
        found[kernels] = difference(interpreter(kernels))
        if found[kernels] <= LARGEST_DIFFERENCE:
            return
    raise InvalidOutputError(
        "TensorFlow Lite Micro said OK and computed something else than TensorFlow "
        "Lite's interpreter does with the same file: they are "
        + " and ".join(f"{value:.3g} ({kernels} kernels)" for kernels, value in found.items())
        + f" of the outputs' range apart, more than {LARGEST_DIFFERENCE}. Its figures would be "
        "those of another model. Convert the model in another way, or choose another scheme"
    )
