"""What is computed of shapes before a model runs needs no kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from drawn_layers.spec import OperatorSpec
from drawn_layers.spec import TensorSpec
from model_builder import ModelBuilder

from pytest_tinyquant.engine.plan import Plan
from pytest_tinyquant.engine.plan import plan
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.tflite_reader import read_graph


if TYPE_CHECKING:
    from tests.engine.conftest import Tflm
    from tests.engine.operators.conftest import HostEngine


def upsampling(end: int = 1) -> bytes:
    """TRANSPOSE_CONV whose output shape is SHAPE > STRIDED_SLICE > PACK, as Keras converts it."""
    model = ModelBuilder()
    image = model.tensor((1, 3, 3, 1))
    sizes, batch, shape = (model.tensor(s, "int32") for s in ((4,), (), (4,)))
    places = [model.tensor((1,), "int32", data=[place]) for place in (0, end, 1)]
    rest = [model.tensor((), "int32", data=size) for size in (6, 6, 2)]
    weights = model.tensor((2, 2, 2, 1), data=np.arange(8))
    result = model.tensor((1, 6, 6, 2))
    model.operator("SHAPE", [image], [sizes], out_type=2)
    model.operator("STRIDED_SLICE", [sizes, *places], [batch], shrink_axis_mask=1)
    model.operator("PACK", [batch, *rest], [shape], values_count=4, axis=0)
    options = {"padding": "SAME", "stride_w": 2, "stride_h": 2}
    model.operator("TRANSPOSE_CONV", [shape, weights, image], [result], **options)
    return model.build([image], [result])


def test_the_shape_of_a_transposed_convolution(tflm: Tflm, host_engine: HostEngine) -> None:
    model = upsampling()
    planned = plan(read_graph(model))
    assert [op.kernel for op in planned.ops] == ["tq_transpose_conv_f32"]
    sample = [[np.arange(9, dtype="float32").reshape(1, 3, 3, 1)]]
    (expected,), (actual,) = tflm.run(model, sample)[0], host_engine.run(planned, sample)[0]
    np.testing.assert_array_equal(actual, expected)


def test_a_shape_that_is_an_output(tflm: Tflm, host_engine: HostEngine) -> None:
    model = ModelBuilder()
    image, sizes = model.tensor((2, 5, 3)), model.tensor((3,), "int32")
    model.operator("SHAPE", [image], [sizes], out_type=2)
    planned = plan(read_graph(model.build([image], [sizes])))
    assert host_engine.run(planned, [[np.zeros((2, 5, 3), "float32")]])[0][0].tolist() == [2, 5, 3]


def test_a_shape_that_contradicts_its_tensor() -> None:
    model = ModelBuilder()
    image, sizes = model.tensor((2, 5, 3)), model.tensor((4,), "int32")
    model.operator("SHAPE", [image], [sizes], out_type=2)
    with pytest.raises(ModelError, match=r"its output has shape \[4\], not \[3\]"):
        plan(read_graph(model.build([image], [sizes])))


@pytest.mark.parametrize(("dtype", "fill"), [("int8", 7), ("float32", 0)])
def test_space_to_batch_fills_with_zero(
    dtype: str,
    fill: int,
    operator_spec: type[OperatorSpec],
    tensor_spec: type[TensorSpec],
    plan_of: Callable[[OperatorSpec], Plan],
    host_engine: HostEngine,
) -> None:
    """TensorFlow Lite Micro fills with what its memory happens to hold, TensorFlow Lite with 0."""
    scale = {"int8": (0.1, 7), "float32": (None, 0)}[dtype]
    source = tensor_spec((1, 1, 3, 1), dtype, *scale)
    blocks = tensor_spec((2,), "int32", data=np.array([1, 2]))
    pads = tensor_spec((2, 2), "int32", data=np.array([[1, 0], [1, 0]]))
    output = tensor_spec((2, 2, 2, 1), dtype, *scale)
    spec = operator_spec(
        "SPACE_TO_BATCH_ND", (source, blocks, pads), (output,), "SpaceToBatchND", {}
    )
    values = np.array([1, 2, 3], dtype).reshape(1, 1, 3, 1)
    (result,) = host_engine.run(plan_of(spec), [[values]])[0]
    assert result[:, :, :, 0].tolist() == [
        [[fill, fill], [fill, 2]],
        [[fill, fill], [1, 3]],
    ]
