"""The strict reader of .tflite files: what it returns, and that nothing corrupt gets through."""

from __future__ import annotations

import random
import time
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.tflite_reader import read_graph


def test_reads_tensors_operators_and_options(int8_cnn: bytes) -> None:
    graph = read_graph(int8_cnn)
    assert [operator.label for operator in graph.operators] == [
        "conv2d[0]",
        "max_pool2d[1]",
        "reshape[2]",
        "fully_connected[3]",
        "softmax[4]",
    ]
    image = graph.tensors[graph.inputs[0]]
    assert (image.shape, image.dtype, image.bytes, image.data) == ((1, 8, 8, 2), "int8", 128, None)
    convolution = graph.operators[0]
    assert convolution.options == {
        "padding": "SAME",
        "stride_w": 1,
        "stride_h": 1,
        "dilation_w_factor": 1,
        "dilation_h_factor": 1,
        "fused_activation_function": "RELU",
    }
    weights = graph.tensors[convolution.inputs[1]]
    assert weights.array().shape == (4, 3, 3, 2)
    assert weights.quantization is not None
    assert weights.quantization.per_channel
    assert weights.quantization.zero_points == (0, 0, 0, 0)
    assert graph.operators[2].options == {"new_shape": (1, 64)}
    assert graph.operators[4].options == {"beta": 1.0}
    assert graph.description == "built by a test"


def test_an_absent_optional_input_is_minus_one(builder: Any) -> None:
    source, output = builder.tensor((1, 2)), builder.tensor((1, 3))
    weights = builder.tensor((3, 2), data=[[1, 2], [3, 4], [5, 6]])
    builder.operator("FULLY_CONNECTED", [source, weights, -1], [output])
    graph = read_graph(builder.build([source], [output]))
    assert graph.operators[0].inputs == (source, weights, -1)
    assert graph.operators[0].options["keep_num_dims"] is False


@pytest.mark.parametrize("fields", ["both", "new", "old"])
def test_an_operators_code_stands_in_either_of_two_fields(builder: Any, fields: str) -> None:
    """LiteRT's quantizer leaves the old field 0, which is ADD, for every operator."""
    from tflite_micro.python.tflite_micro import runtime

    source, small, output = (
        builder.tensor((1, 4), dtype, **scale)
        for dtype, scale in (("float32", {}), ("int8", {"scale": 0.5}), ("float32", {}))
    )
    builder.operator("QUANTIZE", [source], [small])
    builder.operator("DEQUANTIZE", [small], [output])
    file = builder.build([source], [output], code_fields=fields)
    assert [operator.op for operator in read_graph(file).operators] == ["QUANTIZE", "DEQUANTIZE"]
    interpreter = runtime.Interpreter.from_bytes(file)
    interpreter.set_input(np.full((1, 4), 0.7, np.float32), 0)
    interpreter.invoke()
    assert interpreter.get_output(0).tolist() == [[0.5] * 4]


def test_a_code_above_127_stands_in_the_new_field(builder: Any) -> None:
    source, output = builder.tensor((1, 4)), builder.tensor((1, 4))
    builder.operator("BROADCAST_TO", [source, builder.tensor((2,), "int32", data=[1, 4])], [output])
    for fields in ("both", "new"):
        file = builder.build([source], [output], code_fields=fields)
        assert read_graph(file).operators[0].op == "BROADCAST_TO"


def test_models_with_several_inputs_are_read(builder: Any) -> None:
    first, second, total = (builder.tensor((1, 4)) for _ in range(3))
    builder.operator("ADD", [first, second], [total])
    assert read_graph(builder.build([first, second], [total])).inputs == (first, second)


def test_an_open_batch_size_counts_as_one(builder: Any) -> None:
    source = builder.tensor((1, 4), signature=(-1, 4))
    output = builder.tensor((1, 4))
    builder.operator("TANH", [source], [output])
    assert read_graph(builder.build([source], [output])).tensors[source].shape == (1, 4)


def _tanh(builder: Any, **tensor: Any) -> bytes:
    source = builder.tensor(**{"shape": (1, 4), **tensor})
    output = builder.tensor((1, 4))
    builder.operator("TANH", [source], [output])
    return bytes(builder.build([source], [output]))


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        ({"shape": (1, -4)}, "dynamic shapes are not supported"),
        ({"signature": (-1, -1)}, "convert the model with a fixed input shape"),
        ({"shape": (1 << 15, 1 << 15)}, "needs 4294967296 bytes"),
        ({"shape": (1,) * 9}, "claims 9 dimensions"),
        ({"scale": float("nan")}, "scale that is not a positive number"),
        ({"scale": 0.0}, "scale that is not a positive number"),
        ({"scale": [1.0, 2.0, 3.0], "axis": 1}, r"3 scales along axis 1 of \[1, 4\]"),
        ({"dtype": "int8", "scale": 1.0, "zero_point": 128}, "zero point outside of int8"),
        ({"data": b"1234"}, "needs 16 bytes, its buffer has 4"),
        ({"data": [1, 2, 3, 4]}, "is a constant"),
    ],
)
def test_inconsistent_tensors_are_refused(
    builder: Any, tensor: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        read_graph(_tanh(builder, **tensor), where="broken.tflite")


def test_operators_must_run_in_order(builder: Any) -> None:
    a, b, c = (builder.tensor((1, 4)) for _ in range(3))
    builder.operator("TANH", [b], [c])
    builder.operator("TANH", [a], [b])
    with pytest.raises(ModelError, match=r"tanh\[0\] reads tensor 1 before it is written"):
        read_graph(builder.build([a], [c]))


def test_a_tensor_is_written_once(builder: Any) -> None:
    a, b = (builder.tensor((1, 4)) for _ in range(2))
    builder.operator("TANH", [a], [b])
    builder.operator("TANH", [a], [b])
    with pytest.raises(ModelError, match=r"tanh\[1\] writes tensor 1, which has a value"):
        read_graph(builder.build([a], [b]))


def test_tensor_indices_are_checked(builder: Any) -> None:
    a = builder.tensor((1, 4))
    builder.operator("TANH", [a], [7])
    with pytest.raises(ModelError, match="name tensor 7, but there are 1 tensors"):
        read_graph(builder.build([a], [a]))


def test_strides_of_zero_are_refused(builder: Any) -> None:
    a, b = builder.tensor((1, 2, 2, 1)), builder.tensor((1, 2, 2, 1))
    window = {"filter_width": 1, "filter_height": 1, "stride_w": 0, "stride_h": 1}
    builder.operator("MAX_POOL_2D", [a], [b], padding="SAME", **window)
    with pytest.raises(ModelError, match="its option stride_w is 0"):
        read_graph(builder.build([a], [b]))


def test_subgraphs_are_read_and_their_operators_numbered_on(builder: Any) -> None:
    a, b = builder.tensor((1, 4)), builder.tensor((1, 4))
    builder.operator("TANH", [a], [b])
    builder.close([a], [b])
    c, d = builder.tensor((1, 5)), builder.tensor((1, 5))
    builder.operator("RELU", [c], [d])
    graph = read_graph(builder.build([c], [d]))
    assert [operator.label for part in graph.parts() for operator in part.operators] == [
        "tanh[0]",
        "relu[1]",
    ]
    assert graph.bodies[0].tensors[0].shape == (1, 5)


def test_a_subgraph_is_checked_as_the_first_one_is(builder: Any) -> None:
    a, b = builder.tensor((1, 4)), builder.tensor((1, 4))
    builder.operator("TANH", [a], [b])
    builder.close([a], [b])
    c, d, e = (builder.tensor((1, 5)) for _ in range(3))
    builder.operator("RELU", [d], [e])
    with pytest.raises(ModelError, match=r"relu\[1\] reads tensor 1 before it is written"):
        read_graph(builder.build([c], [e]))


def test_the_axis_of_a_list_of_scales_does_not_matter(builder: Any) -> None:
    """Converters of 2020 wrote axis 3 for the biases of convolutions."""
    bias = builder.tensor((2,), "int32", scale=[0.1, 0.2], axis=3, data=[1, 2])
    a = builder.tensor((1, 4))
    tensor = read_graph(builder.build([a], [a])).tensors[bias]
    assert tensor.quantization is not None
    assert tensor.quantization.axis == 0


def test_the_message_says_where_and_what_to_do() -> None:
    with pytest.raises(ModelError) as caught:
        read_graph(b"\x1c\x00\x00\x00ELF!" + bytes(64), where="models/x.tflite")
    assert str(caught.value) == (
        "models/x.tflite is not a usable .tflite file: bytes 4 to 7 are b'ELF!', not the "
        "identifier b'TFL3'. Convert or copy the model again."
    )


def test_every_truncation_is_refused(int8_cnn: bytes) -> None:
    for length in range(len(int8_cnn) - 4):
        with pytest.raises(ModelError):
            read_graph(int8_cnn[:length])


def test_mutated_files_raise_model_error_or_are_read(int8_cnn: bytes) -> None:
    """Four thousand deterministic mutations: no other exception, and never a long wait."""
    numbers = random.Random(20240)
    refused = 0
    started = time.process_time()
    for _ in range(4000):
        mutated = bytearray(int8_cnn)
        for _ in range(numbers.choice([1, 1, 2, 4, 16])):
            position = numbers.randrange(len(mutated))
            mutated[position] = numbers.choice([0, 1, 127, 128, 255, numbers.randrange(256)])
        try:
            read_graph(bytes(mutated))
        except ModelError as error:
            refused += 1
            assert "is not a usable .tflite file: " in str(error)
    assert refused > 1000
    assert time.process_time() - started < 60


def test_a_large_model_is_read_in_milliseconds(builder: Any) -> None:
    source, output = builder.tensor((1, 1000)), builder.tensor((1, 215))
    weights = builder.tensor((215, 1000), data=bytes(860_000))
    builder.operator("FULLY_CONNECTED", [source, weights], [output])
    data = builder.build([source], [output])
    read_graph(data)
    started = time.process_time()
    read_graph(data)
    assert time.process_time() - started < 0.25
