"""What a file that Vela compiled holds for the NPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import tflite

from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.tflite_reader import ETHOS_U


#: The places of an ``ethos-u`` operator's inputs.
_STREAM: Final = 0
_WEIGHTS: Final = 1


@dataclass(frozen=True)
class Compiled:
    """Bytes of constants that the NPU reads.

    :param command_stream: its program.
    :param weights: encoded weights, with biases and scales.
    """

    command_stream: int
    weights: int

    @property
    def total(self) -> int:
        """Both together."""
        return self.command_stream + self.weights


def read_compiled(data: bytes, *, where: str) -> Compiled:
    """Return the sizes of the constants of all ``ethos-u`` operators in a .tflite file.

    :raises ModelError: it cannot be read, or has no such operator.
    """
    try:
        model = tflite.Model.GetRootAs(data, 0)
        codes = [model.OperatorCodes(i).CustomCode() for i in range(model.OperatorCodesLength())]
        graph = model.Subgraphs(0)
        operators = [graph.Operators(i) for i in range(graph.OperatorsLength())]
        sizes = [
            tuple(
                model.Buffers(graph.Tensors(operator.Inputs(place)).Buffer()).DataLength()
                for place in (_STREAM, _WEIGHTS)
            )
            for operator in operators
            if codes[operator.OpcodeIndex()] == ETHOS_U.encode()
        ]
    except Exception as error:
        raise ModelError(
            f"{where}: what Vela wrote cannot be read ({type(error).__name__}: {error}); install "
            "the version that the package's extra 'ethos-u' asks for"
        ) from error
    if not sizes:
        raise ModelError(f"{where}: the file has no operator {ETHOS_U}; Vela did not compile it")
    return Compiled(sum(stream for stream, _ in sizes), sum(weights for _, weights in sizes))
