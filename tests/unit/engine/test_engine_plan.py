"""Plans: which kernels a graph becomes, what is folded away, and what is refused."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from model_builder import ModelBuilder

from pytest_tinyquant.engine.kernel_call import Constant
from pytest_tinyquant.engine.plan import plan
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.models.tflite_reader import read_graph


def test_operators_become_kernels(int8_cnn: bytes) -> None:
    result = plan(read_graph(int8_cnn), name="cnn")
    rows = [(op.label, op.kernel, op.output_shape, op.macs) for op in result.ops]
    assert rows == [
        ("conv2d[0]", "tq_conv_2d_s8", (1, 8, 8, 4), 8 * 8 * 4 * 3 * 3 * 2),
        ("max_pool2d[1]", "tq_max_pool_2d_s8", (1, 4, 4, 4), 0),
        ("fully_connected[3]", "tq_fully_connected_per_channel_s8", (1, 3), 64 * 3),
        ("softmax[4]", "tq_softmax_s8", (1, 3), 0),
    ]
    (image,), (result_tensor,) = result.inputs, result.outputs
    assert (image.shape, image.dtype, image.bytes) == ((1, 8, 8, 2), "int8", 128)
    assert result_tensor.quantization is not None
    assert result_tensor.quantization.scales == (1 / 256,)


def test_the_arena_reaches_the_lower_bound_of_a_chain(int8_cnn: bytes, float_cnn: bytes) -> None:
    # Image (128 bytes) and features (256) are alive together during the convolution. When its last
    # pixel is written, the image is still needed from 108 on, as the filter is 3 x 3: the image
    # has to begin 256 - 108 bytes behind the features.
    small, large = plan(read_graph(int8_cnn)), plan(read_graph(float_cnn))
    assert small.arena_bytes == small.lower_bound_bytes == 148 + 128
    assert large.arena_bytes == large.lower_bound_bytes == 4 * (148 + 128)
    assert (small.arena_tensors[0].first, small.arena_tensors[0].last) == (-1, 0)
    assert max(t.offset + t.bytes for t in small.arena_tensors) == small.arena_bytes


def test_kernels_of_a_user_may_have_another_order(int8_cnn: bytes) -> None:
    # Image and features lie side by side then.
    result = plan(read_graph(int8_cnn), kernels="a/directory")
    assert result.arena_bytes == result.lower_bound_bytes == 256 + 128
    assert not any(op.call.trails for op in result.ops)


def test_what_a_users_kernel_replaces_is_planned_for_it_and_all_else_for_the_set(
    int8_cnn: bytes,
) -> None:
    graph = read_graph(int8_cnn)
    whole = plan(graph, kernels="cortex_m_dsp")
    own = plan(graph, kernels="cortex_m_dsp", replaced={"tq_conv_2d_s8", "tq_mean_s8"})
    reference = plan(graph)
    assert [op.kernel for op in own.ops] == [
        "tq_conv_2d_s8",
        "tq_max_pool_2d_s8_dsp",
        *(op.kernel for op in whole.ops[2:]),
    ]
    # It gets the reference kernel's parameters, and may have an order of its own.
    assert own.ops[0].call.fields.keys() == reference.ops[0].call.fields.keys()
    assert reference.ops[0].call.trails and not own.ops[0].call.trails
    # What is not replaced keeps its order, and no weights lie in the flash twice.
    assert own.ops[1].call.trails == whole.ops[1].call.trails
    assert len(own.weights) < len(whole.weights) + len(reference.weights)


def test_a_users_kernel_may_replace_one_of_the_boards_set(int8_cnn: bytes) -> None:
    whole = plan(read_graph(int8_cnn), kernels="cortex_m_dsp")
    kernel = whole.ops[0].kernel
    own = plan(read_graph(int8_cnn), kernels="cortex_m_dsp", replaced={kernel})
    assert kernel.endswith("_dsp")
    assert [op.kernel for op in own.ops] == [op.kernel for op in whole.ops]
    assert not own.ops[0].call.trails


def test_reshape_shares_memory(int8_cnn: bytes) -> None:
    graph = read_graph(int8_cnn)
    result = plan(graph)
    reshape = graph.operators[2]
    assert result.placements[reshape.inputs[0]] is result.placements[reshape.outputs[0]]


def test_softmax_runs_in_place(int8_cnn: bytes) -> None:
    result = plan(read_graph(int8_cnn))
    softmax = result.ops[-1].call
    assert softmax.in_place == ((softmax.reads[0], softmax.writes[0]),)


def test_an_input_zero_point_is_folded_into_the_bias(builder: ModelBuilder) -> None:
    q: dict[str, Any] = {"scale": 0.5, "zero_point": 10}
    source, output = builder.tensor((1, 3), "int8", **q), builder.tensor((1, 2), "int8", **q)
    weights = builder.tensor((2, 3), "int8", scale=0.5, data=[[1, 2, 3], [-4, 5, -6]])
    bias = builder.tensor((2,), "int32", scale=0.25, data=[100, 200])
    builder.operator("FULLY_CONNECTED", [source, weights, bias], [output])
    result = plan(read_graph(builder.build([source], [output])))
    field = result.ops[0].call.fields["bias"]
    assert isinstance(field, Constant)
    offset = field.offset
    folded = np.frombuffer(result.weights[offset : offset + 8], np.int32)
    assert folded.tolist() == [100 - 10 * (1 + 2 + 3), 200 - 10 * (-4 + 5 - 6)]
    assert result.ops[0].kernel == "tq_fully_connected_s8"


def test_computations_of_a_shape_disappear(builder: ModelBuilder) -> None:
    """An open batch size makes the converter emit SHAPE, STRIDED_SLICE and PACK for RESHAPE."""
    source, output = builder.tensor((1, 2, 2)), builder.tensor((1, 4))
    shape, batch = builder.tensor((3,), "int32"), builder.tensor((), "int32")
    packed = builder.tensor((2,), "int32")
    zero, one = (builder.tensor((1,), "int32", data=[n]) for n in (0, 1))
    four = builder.tensor((), "int32", data=4)
    builder.operator("SHAPE", [source], [shape])
    builder.operator("STRIDED_SLICE", [shape, zero, one, one], [batch], shrink_axis_mask=1)
    builder.operator("PACK", [batch, four], [packed], values_count=2)
    builder.operator("RESHAPE", [source, packed], [output])
    result = plan(read_graph(builder.build([source], [output])))
    assert result.ops == ()
    assert result.arena_bytes == 16
    assert result.inputs[0].offset == result.outputs[0].offset


def test_equal_constants_are_stored_once(builder: ModelBuilder) -> None:
    a, b, c = (builder.tensor((1, 64)) for _ in range(3))
    first, second = (builder.tensor((1, 64), data=np.ones(64)) for _ in range(2))
    builder.operator("ADD", [a, first], [b])
    builder.operator("MUL", [b, second], [c])
    assert len(plan(read_graph(builder.build([a], [c]))).weights) == 256


def test_a_constant_output_is_copied_to_the_arena(builder: ModelBuilder) -> None:
    source, result = builder.tensor((1, 4)), builder.tensor((1, 4))
    constant = builder.tensor((2, 2), data=[[1, 2], [3, 4]])
    flat = builder.tensor((4,))
    builder.operator("TANH", [source], [result])
    builder.operator("RESHAPE", [constant], [flat], new_shape=(4,))
    planned = plan(read_graph(builder.build([source], [result, flat])))
    assert [op.kernel for op in planned.ops] == ["tq_tanh_f32", "tq_copy"]


def test_broadcast_axes_are_merged(builder: ModelBuilder) -> None:
    image, scale = builder.tensor((1, 4, 5, 3)), builder.tensor((3,), data=[1, 2, 3])
    output = builder.tensor((1, 4, 5, 3))
    builder.operator("MUL", [image, scale], [output])
    call = plan(read_graph(builder.build([image], [output]))).ops[0].call
    assert call.fields["broadcast"] == {
        "dims": (1, 1, 20, 3),
        "stride1": (0, 0, 3, 1),
        "stride2": (0, 0, 0, 1),
    }
    assert call.in_place == ((image, output),)


def _layer(builder: ModelBuilder, **weights: Any) -> bytes:
    source = builder.tensor((1, 3), "int8", scale=0.5)
    output = builder.tensor((1, 2), "int8", scale=0.5)
    values = {"dtype": "int8", "scale": 0.5, "data": np.ones((2, 3)), **weights}
    builder.operator("FULLY_CONNECTED", [source, builder.tensor((2, 3), **values)], [output])
    return bytes(builder.build([source], [output]))


def test_weights_with_a_zero_point_are_refused(builder: ModelBuilder) -> None:
    data = _layer(builder, zero_point=3)
    with pytest.raises(UnsupportedModelError, match="a zero point other than 0") as caught:
        plan(read_graph(data), name="m")
    assert (caught.value.op, caught.value.dtype) == ("FULLY_CONNECTED", "int8")


def test_weights_scaled_along_the_inputs_are_refused(builder: ModelBuilder) -> None:
    data = _layer(builder, scale=[0.1, 0.2, 0.3], axis=1)
    with pytest.raises(UnsupportedModelError, match="not along the output channels"):
        plan(read_graph(data))


def test_hybrid_layers_are_refused(builder: ModelBuilder) -> None:
    source, output = builder.tensor((1, 3)), builder.tensor((1, 2))
    weights = builder.tensor((2, 3), "int8", scale=0.5, data=np.ones((2, 3)))
    builder.operator("FULLY_CONNECTED", [source, weights], [output])
    with pytest.raises(UnsupportedModelError, match="float32 inputs need float32 weights"):
        plan(read_graph(builder.build([source], [output])))


def test_contradictory_shapes_are_refused(builder: ModelBuilder) -> None:
    source, output = builder.tensor((1, 4, 4, 1)), builder.tensor((1, 3, 3, 1))
    window = {"filter_width": 2, "filter_height": 2, "stride_w": 2, "stride_h": 2}
    builder.operator("MAX_POOL_2D", [source], [output], padding="VALID", **window)
    with pytest.raises(ModelError, match=r"max_pool2d\[0\] cannot be planned: .* implies \[1, 2"):
        plan(read_graph(builder.build([source], [output])))


def test_mutated_models_are_planned_or_refused(int8_cnn: bytes) -> None:
    numbers = random.Random(11)
    planned = refused = 0
    for _ in range(1500):
        mutated = bytearray(int8_cnn)
        position = numbers.randrange(len(mutated))
        mutated[position] ^= 1 << numbers.randrange(8)
        try:
            plan(read_graph(bytes(mutated)))
            planned += 1
        except (ModelError, UnsupportedModelError):
            refused += 1
    assert planned > 300
    assert refused > 300
