"""What TensorFlow Lite's interpreter says of a foreign file that TensorFlow Lite Micro answers for.

A file that others made is judged by what TensorFlow Lite Micro computes. Where the interpreter
computes something else, a reader should know by how much and since which operator: the two have
kernels of their own, and so has the interpreter, which has two sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Final
from typing import cast

from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.errors import ConversionError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.measure.disagreement import Disagreement
from pytest_tinyquant.measure.divergence import same_model
from pytest_tinyquant.measure.output_difference import OutputDifference
from pytest_tinyquant.measure.output_difference import largest_difference
from pytest_tinyquant.models.graph import BITS


if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pytest_tinyquant.boards.host.host import HostDevice
    from pytest_tinyquant.models.graph import Graph
    from pytest_tinyquant.models.graph import Operator
    from pytest_tinyquant.project.case import Parsed
    from pytest_tinyquant.stages.steps import Steps

    #: Returns the interpreter's real outputs with a set of kernels, one array per output.
    Interpreter = Callable[[str], Sequence[NDArray[np.float32]]]

_KERNELS: Final = ("reference", "optimized")


def second_opinion(
    steps: Steps, case: Parsed, interpreter: Interpreter
) -> tuple[Disagreement, ...]:
    """Return where the interpreter's kernel sets differ from the reference of a foreign file.

    :returns: none for kernels that agree or cannot run the file, and for a model whose reference is
        the interpreter itself or a float model.
    """
    if not steps.references.are_micro(case.model):
        return ()
    return tuple(_disagreements(steps, case, interpreter))


def _disagreements(steps: Steps, case: Parsed, interpreter: Interpreter) -> Iterator[Disagreement]:
    expected = steps.reference(case.model, "outputs")
    tensors = [case.graph.tensors[index] for index in case.graph.outputs]
    for kernels in _KERNELS:
        try:
            found = interpreter(kernels)
        except ConversionError:
            continue
        apart = largest_difference(expected, found, tensors)
        if apart is not None:
            operator, why_none = _first_operator(steps, case, kernels, apart)
            yield Disagreement(
                kernels, apart.tensor.name, apart.finite, apart.unit, operator, why_none
            )


def _first_operator(
    steps: Steps, case: Parsed, kernels: str, apart: OutputDifference
) -> tuple[str, str]:
    """Return the first operator that differs and what it does, else why there is none."""
    in_a_row = case.model.steps(len(apart.samples))
    # Only the first step of a sequence begins with the memory that a single sample meets.
    first_steps = range(0, len(apart.samples), in_a_row)
    sample = max(first_steps, key=lambda index: apart.samples[index])
    if not apart.samples[sample]:
        return "", "they part only after the first step of a sequence"
    try:
        text = _compare(steps, case, kernels, sample)
    except TinyQuantError as error:
        return "", f"their operators cannot be compared: {str(error).splitlines()[0]}"
    return text, "" if text else "no operator differs when it is looked at by itself"


def _compare(steps: Steps, case: Parsed, kernels: str, sample: int) -> str:
    from pytest_tinyquant.schemes.layer_outputs import raw_tensors

    graph = case.graph
    operators = [op for op in graph.operators if _comparable(graph, op)]
    wanted = sorted({index for op in operators for index in op.outputs})
    found = raw_tensors(case.model, case.converted, wanted, sample, steps.cache, kernels=kernels)
    image = HostImage(case.converted.path, [steps.samples(case)[sample]], 1)
    with steps.open(steps.host_board(), image, name=f"second opinion {case.name}") as device:
        expected = cast("HostDevice", device).tensors()
    for operator in operators:
        for index in operator.outputs:
            if index not in expected:
                continue
            apart = same_model(graph.tensors[index], expected[index], found[index].tobytes())
            if apart is not None:
                return f"{operator.label}: {apart.text()}"
    return ""


def _comparable(graph: Graph, operator: Operator) -> bool:
    """Tell whether an operator gives numbers, not a handle of a variable."""
    return all(BITS[graph.tensors[index].dtype] >= 8 for index in operator.outputs)
