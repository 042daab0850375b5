"""What the engine computes on the emulated boards is what TensorFlow Lite Micro computes.

The Cortex-M4 is compared with TensorFlow Lite Micro on the host, the RX with the Cortex-M4.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.graph import Tensor
from pytest_tinyquant.models.model import Model
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.schemes.scheme import Scheme
from pytest_tinyquant.session.fixtures import measured_once
from pytest_tinyquant.session.run import RUN
from pytest_tinyquant.stages.pipeline import Stages


INTEGER_SCHEMES = ("int8", "int8-only", "16x8", "16x8-only")

#: Share of the output's range by which float results may differ.
TOLERANCE = 1e-6


@pytest.fixture
def host(pytestconfig: pytest.Config) -> Board:
    """The board that runs TensorFlow Lite Micro itself."""
    return pytestconfig.stash[RUN].project.boards["host"]


@pytest.mark.tinyquant(schemes=INTEGER_SCHEMES, boards="nucleo-l4r5zi", metrics=[])
def test_outputs_are_equal_byte_for_byte(
    pytestconfig: pytest.Config, model: Model, scheme: Scheme, board: Board, host: Board
) -> None:
    where = f"{model.name} {scheme.name}"
    tensor, (actual, expected) = outputs(pytestconfig, model, scheme, (board, host))
    for sample, (ours, theirs) in enumerate(zip(actual, expected, strict=True)):
        if ours != theirs:
            mine, other = (np.frombuffer(data, tensor.dtype) for data in (ours, theirs))
            element = int(np.flatnonzero(mine != other)[0])
            pytest.fail(
                f"{where}: check sample {sample}, element {element} of {mine.size}: "
                f"{board.name} {mine[element]}, {host.name} {other[element]}",
                pytrace=False,
            )


@pytest.mark.tinyquant(schemes="basic", boards="nucleo-l4r5zi", metrics=[])
def test_float_outputs_are_equal_to_a_millionth(
    pytestconfig: pytest.Config, model: Model, scheme: Scheme, board: Board, host: Board
) -> None:
    tensor, results = outputs(pytestconfig, model, scheme, (board, host))
    assert tensor.dtype == "float32"
    actual, expected = (
        np.stack([np.frombuffer(sample, "<f4") for sample in raw]).astype(float) for raw in results
    )
    difference = np.abs(actual - expected) / np.ptp(expected)
    sample, element = np.unravel_index(difference.argmax(), difference.shape)
    if not difference.max() <= TOLERANCE:
        pytest.fail(
            f"{model.name} {scheme.name}: check sample {sample}, element {element}: "
            f"{board.name} {actual[sample, element]}, {host.name} {expected[sample, element]}, "
            f"{difference.max():.3g} of the range apart",
            pytrace=False,
        )


@pytest.mark.tinyquant(schemes=("basic", *INTEGER_SCHEMES), boards="rx65n", metrics=[])
def test_rx_and_cortex_m4_agree_byte_for_byte(
    request: pytest.FixtureRequest,
    pytestconfig: pytest.Config,
    model: Model,
    scheme: Scheme,
    measurement: Measurement,
) -> None:
    """Float too: both have the same C code and C library, and neither fuses multiply and add."""
    cortex_m4 = pytestconfig.stash[RUN].project.boards["nucleo-l4r5zi"]
    other = measured_once(request.node, model, scheme, cortex_m4)
    assert (measurement.board, other.board) == ("rx65n", "nucleo-l4r5zi")
    assert measurement.output_sha256 == other.output_sha256


def outputs(
    config: pytest.Config, model: Model, scheme: Scheme, boards: Sequence[Board]
) -> tuple[Tensor, list[tuple[bytes, ...]]]:
    """Return the output tensor and, for each board, its raw bytes for every check sample."""
    stages = config.stash[RUN].stages
    results = [run(stages, Case(model, scheme, board)) for board in boards]
    graph = results[0][0]
    samples = {len(record) for _, record in results}
    assert samples == {len(stages.reference(model, "inputs")[0])}
    return graph.tensors[graph.outputs[0]], [record for _, record in results]


def run(stages: Stages, case: Case) -> tuple[Graph, tuple[bytes, ...]]:
    built = stages.prepare(case)
    with stages.open(case.board, built.image, name=f"agree {case.name}") as device:
        return built.graph, stages.run(device, built).outputs
