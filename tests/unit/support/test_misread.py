"""Files that TensorFlow Lite Micro runs as other models: each is named before it can be recorded.

Every case is run: what TFLM gives is compared with the arithmetic that the file asks for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from model_builder import ModelBuilder

from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.support.check import check_read_as_written
from pytest_tinyquant.support.check import check_support
from pytest_tinyquant.support.runtimes import RUNTIMES


SCALES = (0.001, 0.01, 0.05, 0.1)
WEIGHTS = np.array([[90, -70, 20, 5], [-3, 60, 40, -80], [11, -99, 7, 31], [-64, 2, 77, 50]])
BIAS = np.array([40, -30, 20, -10])
VALUES = np.array([[100, -90, 35, 7], [-20, 120, -7, 66]])


class Layer:
    """A layer of four inputs and outputs; `says` is what the file asks for, in output steps."""

    def __init__(self, op: str, activations: str = "int8", **changes: Any) -> None:
        says: dict[str, Any] = {"scales": SCALES, "zero": 0, "input_zero": 0, "output_zero": 0}
        says |= {"bias": "", "axis": None, **changes}
        narrow = activations == "int8"
        self.activations = activations
        self.scale, self.out = (0.05, 0.5) if narrow else (1e-4, 1e-3)
        bias_type = says["bias"] or ("int32" if narrow else "int64")
        scales = np.asarray(says["scales"], np.float32)
        b = ModelBuilder()
        self.shape = (1, 4) if op == "FULLY_CONNECTED" else (1, 1, 1, 4)
        source = b.tensor(self.shape, activations, scale=self.scale, zero_point=says["input_zero"])
        depthwise = op == "DEPTHWISE_CONV_2D"
        weights = np.diag(WEIGHTS).copy() if depthwise else WEIGHTS
        shape = {"FULLY_CONNECTED": (4, 4), "DEPTHWISE_CONV_2D": (1, 1, 1, 4)}.get(op, (4, 1, 1, 4))
        axis = says["axis"] if says["axis"] is not None else (3 if depthwise else 0)
        kernel = b.tensor(
            shape, "int8", scale=scales, zero_point=says["zero"], axis=axis, data=weights
        )
        bias = b.tensor((4,), bias_type, scale=scales * self.scale, data=BIAS)
        output = b.tensor(self.shape, activations, scale=self.out, zero_point=says["output_zero"])
        inputs = [source, kernel, bias]
        options: dict[str, Any] = {}
        if op != "FULLY_CONNECTED":
            options = {"padding": "VALID", "stride_w": 1, "stride_h": 1}
            if op == "TRANSPOSE_CONV":
                inputs = [b.tensor((4,), "int32", data=self.shape), kernel, source, bias]
            else:
                options |= {"dilation_w_factor": 1, "dilation_h_factor": 1}
            if depthwise:
                options["depth_multiplier"] = 1
        b.operator(op, inputs, [output], **options, **says.get("options", {}))
        self.file = b.build([source], [output])
        # Along another axis than that of the outputs a scale belongs to an input.
        along = scales if says["axis"] in (None, 0) else scales[None, :]
        matrix = np.diag(WEIGHTS.diagonal() - says["zero"]) if depthwise else WEIGHTS - says["zero"]
        if np.ndim(along) == 1:
            real = matrix * np.broadcast_to(along, 4)[:, None]
        else:
            real = matrix * along
        products = (VALUES - says["input_zero"]) * self.scale @ real.T
        steps = np.rint((products + BIAS * scales * self.scale) / self.out) + says["output_zero"]
        limits = np.iinfo(activations)
        self.says = np.clip(steps, limits.min, limits.max)

    def run(self) -> np.ndarray[Any, Any]:
        """Return what TensorFlow Lite Micro computes, in output steps."""
        from tflite_micro.python.tflite_micro import runtime

        interpreter = runtime.Interpreter.from_bytes(self.file)
        outputs = []
        for values in VALUES:
            interpreter.set_input(values.astype(self.activations).reshape(self.shape), 0)
            interpreter.invoke()
            outputs.append(interpreter.get_output(0).reshape(-1).astype(np.float64))
        return np.stack(outputs)


LAYERS = ("FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV")

#: What TFLM does not read, and part of the message; the layers that read it are left out.
MISREAD: list[tuple[str, str, dict[str, Any], str]] = [
    *((op, "int8", {"zero": 9}, "zero point other than 0") for op in LAYERS),
    *((op, "int16", {"zero": 9}, "zero point other than 0") for op in LAYERS),
    *((op, "int8", {"zero": 9, "scales": (0.1,)}, "zero point") for op in LAYERS[1:]),
    *((op, "int16", {"input_zero": 900}, "int16 tensor") for op in LAYERS[1:]),
    *((op, "int16", {"output_zero": 900}, "int16 tensor") for op in LAYERS[1:]),
    *((op, "int16", {"bias": "int32"}, "is int32, and is read as int64") for op in LAYERS[2:]),
    ("FULLY_CONNECTED", "int8", {"axis": 1}, "along axis 1, which is taken for axis 0"),
    ("CONV_2D", "int8", {"axis": 3}, "along axis 3, which is taken for axis 0"),
    ("TRANSPOSE_CONV", "int16", {"axis": 3}, "along axis 3, which is taken for axis 0"),
]


@pytest.mark.parametrize(("op", "activations", "changes", "message"), MISREAD)
def test_layers_that_tflm_takes_for_others_are_named(
    op: str, activations: str, changes: dict[str, Any], message: str
) -> None:
    layer = Layer(op, activations, **changes)
    assert np.abs(layer.run() - layer.says).max() > 1, "TFLM computes what the file says"
    _refused(layer.file, op, message)


@pytest.mark.parametrize("op", LAYERS)
@pytest.mark.parametrize("activations", ["int8", "int16"])
@pytest.mark.parametrize("scales", [SCALES, (0.02,), (0.02,) * 4])
def test_layers_that_tflm_reads_right_pass(op: str, activations: str, scales: Any) -> None:
    layer = Layer(op, activations, scales=scales)
    assert np.abs(layer.run() - layer.says).max() <= 1
    _passes(layer.file)


@pytest.mark.parametrize("activations", ["int8", "int16"])
def test_dense_layers_with_one_scale_may_have_any_zero_point(activations: str) -> None:
    zeros = {"zero": 9, "input_zero": 5, "output_zero": 3}
    layer = Layer("FULLY_CONNECTED", activations, scales=(0.02,), **zeros)
    assert np.abs(layer.run() - layer.says).max() <= 1
    _passes(layer.file)


def test_an_int32_bias_of_int16_layers_is_read_by_two_of_them() -> None:
    for op in LAYERS[:2]:
        layer = Layer(op, "int16", bias="int32")
        assert np.abs(layer.run() - layer.says).max() <= 1
        _passes(layer.file)


def test_shuffled_weights_are_taken_for_usual_ones() -> None:
    usual = Layer("FULLY_CONNECTED")
    shuffled = Layer("FULLY_CONNECTED", options={"weights_format": 1})
    assert (usual.run() == shuffled.run()).all()
    _refused(shuffled.file, "FULLY_CONNECTED", "stored shuffled")


def weight_only(dtype: str, scales: Any) -> bytes:
    """A dense float layer whose weights are stored as integers."""
    b = ModelBuilder()
    source, real, output = b.tensor((1, 4)), b.tensor((4, 4)), b.tensor((1, 4))
    stored = b.tensor((4, 4), dtype, scale=scales, data=abs(WEIGHTS), name="dense/weights")
    b.operator("DEQUANTIZE", [stored], [real])
    b.operator("FULLY_CONNECTED", [source, real, -1], [output])
    return b.build([source], [output])


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint8"])
def test_weights_with_several_scales_are_dequantized_with_one(dtype: str) -> None:
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(weight_only(dtype, SCALES))
    interpreter.set_input(np.ones((1, 4), np.float32), 0)
    interpreter.invoke()
    says = (abs(WEIGHTS) * np.array(SCALES)[:, None]).sum(axis=1)
    with_the_first = (abs(WEIGHTS) * SCALES[0]).sum(axis=1)
    assert np.allclose(interpreter.get_output(0)[0], with_the_first)
    assert not np.allclose(with_the_first, says, rtol=0.5)
    _refused(
        weight_only(dtype, SCALES),
        "DEQUANTIZE",
        "its tensor 'dense/weights' has 4 scales, the first is taken for all",
    )
    _passes(weight_only(dtype, 0.02))
    _passes(weight_only(dtype, (0.02,) * 4))


@pytest.mark.parametrize("op", ["ADD", "SUB", "MUL", "PRELU", "EMBEDDING_LOOKUP", "LEAKY_RELU"])
def test_no_other_operator_reads_several_scales(op: str) -> None:
    b = ModelBuilder()
    axis = {"EMBEDDING_LOOKUP": 0}.get(op, 1)
    table = b.tensor((4, 4), "int8", scale=SCALES, axis=axis, data=WEIGHTS)
    if op == "EMBEDDING_LOOKUP":
        source, output = b.tensor((1,), "int32"), b.tensor((1, 4))
    else:
        source, output = (b.tensor((4, 4), "int8", scale=0.05) for _ in range(2))
    inputs = [table] if op == "LEAKY_RELU" else [source, table]
    options = {"alpha": 0.1} if op == "LEAKY_RELU" else {}
    b.operator(op, inputs, [output], **options)
    _refused(b.build([source], [output]), op, "has 4 scales, the first is taken for all")


def test_moving_values_needs_no_scale() -> None:
    b = ModelBuilder()
    source, output = b.tensor((1, 2), "int8", scale=0.5), b.tensor((1, 2), "int8", scale=0.5)
    flat = b.tensor((4,), "int8", scale=SCALES[:2] * 2, data=[1, 2, 3, 4])
    shape = b.tensor((2,), "int32", data=[2, 2])
    weights = b.tensor((2, 2), "int8", scale=SCALES[:2])
    b.operator("RESHAPE", [flat, shape], [weights], new_shape=(2, 2))
    b.operator("FULLY_CONNECTED", [source, weights, -1], [output])
    _passes(b.build([source], [output]))


@pytest.mark.parametrize(("op", "activations", "changes", "message"), MISREAD)
def test_the_engine_refuses_them_or_reads_them_right(
    op: str, activations: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UnsupportedModelError):
        check_support(read_graph(Layer(op, activations, **changes).file), RUNTIMES["tinyquant"])


def test_the_engine_takes_no_scale_for_another() -> None:
    with pytest.raises(UnsupportedModelError):
        check_support(read_graph(weight_only("int8", SCALES)), RUNTIMES["tinyquant"])


def _refused(file: bytes, op: str, message: str) -> None:
    with pytest.raises(UnsupportedModelError) as caught:
        check_read_as_written(read_graph(file), RUNTIMES["tflm"])
    assert str(caught.value).startswith("TensorFlow Lite Micro would run ")
    assert message in caught.value.reason
    assert caught.value.op == op


def _passes(file: bytes) -> None:
    check_read_as_written(read_graph(file), RUNTIMES["tflm"])
