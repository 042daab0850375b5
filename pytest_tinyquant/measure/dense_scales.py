"""The check for a silent fault: dense layers with a scale per output, read with one scale.

Versions of TensorFlow Lite Micro from before they knew such layers compute them with the first
scale alone, and Invoke says OK. Current ones that cannot do it refuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.errors import InvalidOutputError
from pytest_tinyquant.measure.error import measure_error
from pytest_tinyquant.measure.error import real_outputs


if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_tinyquant.boards.device import RunRecord
    from pytest_tinyquant.models.graph import Graph


def check_dense_scales(
    record: RunRecord, host: RunRecord, expected: Sequence[NDArray[Any]], graph: Graph
) -> None:
    """Compare the board's outputs with those of TensorFlow Lite Micro on this computer.

    Kernels may round differently; a board that is further from the host than the host is from the
    float reference computes something else.

    :raises InvalidOutputError: it is.
    """
    tensors = [graph.tensors[index] for index in graph.outputs]
    theirs = real_outputs(host.outputs, tensors)
    apart = measure_error(record.outputs, theirs, tensors)["mae"].value
    usual = measure_error(host.outputs, expected, tensors)["mae"].value
    if apart > usual:
        raise InvalidOutputError(
            f"the library on the board said OK and computed something else than "
            f"TensorFlow Lite Micro does on this computer: they are {apart:.3g} of the range "
            f"apart, while quantization costs {usual:.3g}. A dense layer of this model has a "
            "scale per output, which older versions read as one: take a newer library, or "
            "convert with dense_per_channel = false"
        )
