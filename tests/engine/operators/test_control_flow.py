"""Variables, and operators that run subgraphs, give TensorFlow Lite Micro's bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from controlled_models import branching
from controlled_models import looping
from controlled_models import streaming
from model_builder import ModelBuilder

from pytest_tinyquant.engine.plan import Plan
from pytest_tinyquant.engine.plan import plan
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.models.tflite_reader import read_graph


if TYPE_CHECKING:
    from tests.engine.conftest import Tflm
    from tests.engine.operators.conftest import HostEngine


RANDOM = np.random.default_rng(3)


def frames(dtype: str, count: int = 4) -> list[list[np.ndarray]]:
    return [[RANDOM.integers(-128, 128, (1, 2, 3)).astype(dtype)] for _ in range(count)]


def loops() -> list[list[np.ndarray]]:
    return [
        [np.array([n], "int32"), *RANDOM.normal(size=(2, 2, 3)).astype("float32")]
        for n in (0, 3, 5, 9, -4)
    ]


VARIED = np.arange(9).reshape(1, 3, 3)


@pytest.fixture
def check_model(tflm: Tflm, host_engine: HostEngine) -> Callable[..., Plan]:
    """Return check_model(model, samples): both give the same bytes, sample after sample."""

    def check(model: bytes, samples: list[list[np.ndarray]]) -> Plan:
        expected = tflm.run(model, samples)
        planned = plan(read_graph(model))
        actual = host_engine.run(planned, samples)
        for outputs, wanted in zip(actual, expected, strict=True):
            assert [o.tobytes() for o in outputs] == [w.tobytes() for w in wanted]
        return planned

    return check


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_a_variable_lasts_from_one_inference_to_the_next(
    dtype: str, check_model: Callable[..., Plan]
) -> None:
    planned = check_model(streaming(VARIED, dtype), frames(dtype))
    assert "tq_call_once" in [op.kernel for op in planned.ops]


def test_a_variable_that_begins_with_equal_bytes_needs_no_code(
    check_model: Callable[..., Plan],
) -> None:
    planned = check_model(streaming(np.full((1, 3, 3), 7)), frames("int8"))
    assert "tq_call_once" not in [op.kernel for op in planned.ops]
    assert [(state.name, state.value) for state in planned.states] == [("frames", 7)]


def test_a_variable_that_nobody_sets_begins_with_its_zero_point(
    check_model: Callable[..., Plan],
) -> None:
    planned = check_model(streaming(once=False), frames("int8"))
    assert [state.value for state in planned.states] == [5]


def test_if_runs_one_of_two_subgraphs(check_model: Callable[..., Plan]) -> None:
    samples = [
        [np.array([holds]), RANDOM.integers(-128, 128, (2, 3)).astype("int8")]
        for holds in (True, False, True)
    ]
    check_model(branching(), samples)


@pytest.mark.parametrize("swap", [False, True])
def test_while_runs_a_subgraph_until_its_condition_ends(
    swap: bool, check_model: Callable[..., Plan]
) -> None:
    check_model(looping(swap=swap), loops())


def test_a_condition_that_never_changes_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="its condition never changes"):
        plan(read_graph(looping(condition=[True])))


@pytest.mark.parametrize(
    ("then", "message"), [(7, "it names subgraph 7 of 3"), (0, "it names subgraph 0 of 3")]
)
def test_a_subgraph_that_is_not_there(then: int, message: str) -> None:
    model = ModelBuilder()
    condition, source, result = model.tensor((1,), "bool"), *(model.tensor((2,)) for _ in "ab")
    branches = {"then_subgraph_index": then, "else_subgraph_index": 2}
    model.operator("IF", [condition, source], [result], **branches)
    model.close([condition, source], [result])
    for _ in range(2):
        source = model.tensor((2,))
        last = model.build([source], [source], subgraphs=2)
    with pytest.raises(ModelError, match=message):
        plan(read_graph(last))


def test_a_subgraph_that_runs_itself() -> None:
    model = ModelBuilder()
    for _ in range(2):
        condition, source, result = (
            model.tensor((1,), "bool"), model.tensor((2,)), model.tensor((2,)),
        )  # fmt: skip
        branches = {"then_subgraph_index": 1, "else_subgraph_index": 1}
        model.operator("IF", [condition, condition, source], [result], **branches)
        last = model.build([condition, source], [result])
        model.close([condition, source], [result])
    with pytest.raises(ModelError, match="more than 8 subgraphs run each other"):
        plan(read_graph(last))


def test_a_handle_that_names_no_variable() -> None:
    model = ModelBuilder()
    handle, result = model.tensor((2,)), model.tensor((2,))
    model.operator("READ_VARIABLE", [handle], [result])
    with pytest.raises(ModelError, match="is no handle of a variable"):
        plan(read_graph(model.build([handle], [result])))


def test_a_handle_is_a_resource() -> None:
    model = ModelBuilder()
    handle, result = model.tensor((2,)), model.tensor((2,))
    model.operator("VAR_HANDLE", [], [handle], shared_name=b"x", container=b"")
    model.operator("RELU", [handle], [result])
    with pytest.raises(ModelError, match="its handle 'tensor_0' is float32"):
        plan(read_graph(model.build([], [result])))


def test_an_input_of_a_subgraph_that_is_left_out() -> None:
    model = ModelBuilder()
    condition, result = model.tensor((1,), "bool"), model.tensor((2,))
    branches = {"then_subgraph_index": 1, "else_subgraph_index": 1}
    model.operator("IF", [condition, -1], [result], **branches)
    model.close([condition], [result])
    source = model.tensor((2,))
    with pytest.raises(ModelError, match="an input of subgraph 1 is missing"):
        plan(read_graph(model.build([source], [source])))


def test_a_handle_is_no_result() -> None:
    model = ModelBuilder()
    source, handle = model.tensor((2,)), model.tensor((), "resource")
    model.operator("VAR_HANDLE", [], [handle], shared_name=b"x", container=b"")
    with pytest.raises(ModelError, match="output 'tensor_1' is of type resource"):
        plan(read_graph(model.build([source], [handle])))
