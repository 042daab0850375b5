"""Which layer costs the accuracy: each one's output, quantized against float."""

from __future__ import annotations

import math
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

import numpy as np
from numpy.typing import NDArray


if TYPE_CHECKING:
    from pytest_tinyquant.models.graph import Graph
    from pytest_tinyquant.models.graph import Operator

#: Operators that change how a number is stored, not what it is.
_STORAGE: Final = ("QUANTIZE", "DEQUANTIZE")

#: A signal-to-noise ratio above this is the rounding of float32.
EXACT_DB: Final = 140.0


#: What a first layer could have at best: 6.02 dB for each bit but the sign.
_IDEAL_DB: Final = {"int8": 6.02 * 7, "uint8": 6.02 * 7, "int16": 6.02 * 15}


@dataclass(frozen=True)
class LayerQuality:
    """One operator's output in the quantized model beside that of the float model.

    :param label: the operator in the quantized file.
    :param sqnr: signal-to-quantization-noise ratio in dB, 10 log10(sum e^2 / sum (e - p)^2);
        infinite where both are equal.
    :param error: mean |e - p| over the range of e; the class of both is exact.
    :param lost: dB lost in this operator: the least ratio among its inputs, less its own; of a
        first layer, what its output's bits could give at best, less its own.
    """

    label: str
    shape: tuple[int, ...]
    dtype: str
    sqnr: float
    error: float
    lost: float


def paired_operators(before: Graph, after: Graph) -> list[tuple[Operator, Operator]]:
    """Return the operators that compute the same in the float and in the quantized model.

    They stand in the same order in both files. Where one file has another operator, such as a fused
    activation, the ones with the same output name are paired, and the others are left out.
    """
    first, second = _computing(before), _computing(after)
    if [o.op for o in first] == [o.op for o in second]:
        return list(zip(first, second, strict=True))
    names = {before.tensors[o.outputs[0]].name: o for o in first}
    return [
        (names[name], o)
        for o in second
        if (name := after.tensors[o.outputs[0]].name) in names and names[name].op == o.op
    ]


def layer_quality(
    after: Graph,
    pairs: Sequence[tuple[Operator, Operator]],
    expected: Mapping[int, NDArray[Any]],
    found: Mapping[int, NDArray[Any]],
) -> Iterator[LayerQuality]:
    """Yield the quality of each pair's output, in the order of execution.

    :param expected: the float model's tensors, real values ``[n, *shape]``, by index.
    :param found: the quantized model's, likewise.
    """
    ratios: dict[int, float] = {}
    origins = {output: o for o in after.operators for output in o.outputs}
    for before, operator in pairs:
        reference, output = before.outputs[0], operator.outputs[0]
        ratio, error = _compare(expected[reference], found[output])
        ratios[output] = ratio
        tensor = after.tensors[output]
        incoming = [r for i in operator.inputs if (r := _ratio(i, ratios, origins)) is not None]
        best = min(incoming, default=_IDEAL_DB.get(tensor.dtype, EXACT_DB))
        lost = max(0.0, min(best, EXACT_DB) - min(ratio, EXACT_DB))
        yield LayerQuality(operator.label, tensor.shape, tensor.dtype, ratio, error, lost)


def _ratio(
    tensor: int, ratios: Mapping[int, float], origins: Mapping[int, Operator]
) -> float | None:
    """Return the ratio of an input, looked up behind operators that only store it otherwise."""
    while tensor not in ratios:
        origin = origins.get(tensor)
        if origin is None or origin.op not in _STORAGE:
            return None
        tensor = origin.inputs[0]
    return ratios[tensor]


def _computing(graph: Graph) -> list[Operator]:
    return [operator for operator in graph.operators if operator.op not in _STORAGE]


def _compare(expected: NDArray[Any], found: NDArray[Any]) -> tuple[float, float]:
    e, p = expected.astype(np.float64).ravel(), found.astype(np.float64).ravel()
    noise, signal = float(((e - p) ** 2).sum()), float((e**2).sum())
    span = float(e.max() - e.min()) if e.size else 0.0
    error = float(np.abs(e - p).mean()) / span if span else 0.0
    if noise == 0.0:
        return math.inf, error
    return (10.0 * math.log10(signal / noise) if signal else -math.inf), error
