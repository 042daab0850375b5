"""Convolutions, dense layers and pools of the ONNX importer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pytest_tinyquant.schemes.onnx_steps import RELUS
from pytest_tinyquant.schemes.onnx_steps import Array
from pytest_tinyquant.schemes.onnx_steps import NodeError
from pytest_tinyquant.schemes.onnx_steps import Quant
from pytest_tinyquant.schemes.onnx_steps import Step
from pytest_tinyquant.schemes.onnx_writer import INT8
from pytest_tinyquant.schemes.onnx_writer import Writer
from pytest_tinyquant.schemes.onnx_writer import Written
from pytest_tinyquant.schemes.onnx_writer import signed
from pytest_tinyquant.schemes.onnx_writer import signed_values


SAME, VALID = 0, 1

Order = Callable[[Array], Array]


def convolution(step: Step, w: Writer) -> Written:
    """Conv, plain or depthwise, over images."""
    values, source = step.attributes, w.read(step.inputs[0], as_float=step.quant is None)
    stored = w.array(step.inputs[1])
    group = values.get("group", 1)
    if stored.ndim != 4 or (group > 1 and (stored.shape[1] != 1 or group != source.shape[3])):
        raise NodeError("it is neither a plain nor a depthwise convolution over images")
    depthwise = group > 1
    axes = (1, 2, 3, 0) if depthwise else (0, 2, 3, 1)
    weights, bias = _weights(step, w, source, lambda a: a.transpose(axes), 3 if depthwise else 0)
    kernel, strides = list(stored.shape[2:]), values.get("strides", [1, 1])
    dilations = values.get("dilations", [1, 1])
    source, padding = _padded(w, source, values, kernel)
    size = _spatial(source, kernel, strides, padding, dilations)
    options: dict[str, Any] = {
        "padding": padding,
        "strideH": strides[0],
        "strideW": strides[1],
        "dilationHFactor": dilations[0],
        "dilationWFactor": dilations[1],
        "fusedActivationFunction": RELUS[step.limits],
    }
    kind = "Conv2D"
    if depthwise:
        kind, options["depthMultiplier"] = "DepthwiseConv2D", stored.shape[0] // group
    return w.operator(
        "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
        [source, weights, bias],
        w.tensor([source.shape[0], *size, stored.shape[0]], step.quant),
        w.options(kind, **options),
        version=3 if step.quant else 1,
    )


def gemm(step: Step, w: Writer) -> Written:
    """Gemm as a dense layer."""
    values = step.attributes
    if values.get("transA", 0) or values.get("alpha", 1.0) != 1.0 or values.get("beta", 1.0) != 1.0:
        raise NodeError("it has transA, or factors alpha or beta other than 1")
    return _dense(step, w, transposed=bool(values.get("transB", 0)))


def matmul(step: Step, w: Writer) -> Written:
    """MatMul with constant weights as a dense layer."""
    return _dense(step, w, transposed=False)


def _dense(step: Step, w: Writer, *, transposed: bool) -> Written:
    source = w.read(step.inputs[0], as_float=step.quant is None)
    if len(source.shape) != 2:
        raise NodeError(f"its input has {len(source.shape)} dimensions, and 2 are imported")

    def order(stored: Array) -> Array:
        """Return the weights as [outputs, inputs], the inputs in the new file's order."""
        if stored.ndim != 2:
            raise NodeError(f"its weights have {stored.ndim} dimensions instead of 2")
        rows = stored if transposed else stored.T
        if source.chw:
            rows = rows.reshape(len(rows), *source.chw).transpose(0, 2, 3, 1)
        return rows.reshape(len(rows), -1)

    weights, bias = _weights(step, w, source, order, 0)
    return w.operator(
        "FULLY_CONNECTED",
        [source, weights, bias],
        w.tensor([source.shape[0], weights.shape[0]], step.quant),
        w.options("FullyConnected", fusedActivationFunction=RELUS[step.limits]),
        version=4 if step.quant else 1,
    )


def _weights(
    step: Step, w: Writer, source: Written, order: Order, axis: int
) -> tuple[Written, Written]:
    """Return weights in the new file's order, and bias; float where the step is."""
    operand = step.inputs[1]
    stored, quant = w.array(operand), operand.quant
    bias = None
    if len(step.inputs) > 2 and step.inputs[2].name:
        bias = w.array(step.inputs[2])
    if step.quant is None:
        if quant is not None:
            stored = _real(stored, quant)
        if bias is not None and bias.dtype == np.int32 and step.inputs[2].quant is not None:
            bias = bias * step.inputs[2].quant.scale
        rows = order(stored).astype(np.float32)
        values = np.zeros(rows.shape[axis]) if bias is None else bias
        return (
            w.tensor(rows.shape, data=rows, name="weights"),
            w.tensor([rows.shape[axis]], data=values.astype(np.float32), name="bias"),
        )
    if quant is None or source.quant is None:
        raise NodeError("its output is quantized, but its input or its weights are not")
    rows, quant = order(signed_values(stored)), signed(quant)
    if np.any(quant.zero):
        raise NodeError("its weights have a zero point other than 0; quantize them symmetrically")
    if bias is None:
        bias = np.zeros(rows.shape[axis], np.int32)
    if bias.dtype != np.int32:
        raise NodeError(f"its bias is {bias.dtype} instead of int32")
    own = Quant(quant.scale, np.zeros(quant.scale.shape, INT8), axis)
    scale = (source.quant.scale * quant.scale).astype(np.float32)
    product = Quant(scale, np.zeros(scale.shape, np.int32))
    return (
        w.tensor(rows.shape, own, data=rows, name="weights"),
        w.tensor(bias.shape, product, data=bias, name="bias"),
    )


def _real(stored: Array, quant: Quant) -> Array:
    """Return what stored integers stand for."""
    several = quant.scale.size > 1
    shape = [-1 if several and place == quant.axis else 1 for place in range(stored.ndim)]
    zero = np.broadcast_to(quant.zero, quant.scale.shape).reshape(shape).astype(np.float32)
    return (stored.astype(np.float32) - zero) * quant.scale.reshape(shape)


def pool(step: Step, w: Writer, code: str) -> Written:
    """MaxPool or AveragePool over images."""
    values, source = step.attributes, w.read(step.inputs[0], as_float=step.quant is None)
    kernel, strides = values["kernel_shape"], values.get("strides", [1, 1])
    if len(kernel) != 2 or any(size != 1 for size in values.get("dilations", [1, 1])):
        raise NodeError("it is not a plain pool over images")
    if code == "MAX_POOL_2D":
        source, padding = _padded(w, source, values, kernel, lowest=True)
    else:
        padded, padding = _padded(w, source, values, kernel)
        counts = values.get("count_include_pad", 0)
        if any(values.get("pads", [])) and (padded is source) == bool(counts):
            raise NodeError("it counts its padding in another way than the importer can say")
        source = padded
    size = _spatial(source, kernel, strides, padding, (1, 1))
    options = w.options(
        "Pool2D",
        padding=padding,
        strideH=strides[0],
        strideW=strides[1],
        filterHeight=kernel[0],
        filterWidth=kernel[1],
    )
    output = w.tensor([source.shape[0], *size, source.shape[3]], source.quant)
    made = w.operator(code, [source], output, options, version=2 if source.quant else 1)
    return w.requantized(made, step.quant)


def _padded(
    w: Writer, source: Written, values: dict[str, Any], kernel: Any, *, lowest: bool = False
) -> tuple[Written, int]:
    """Return the image and SAME or VALID; padded by an operator where neither pads as ONNX does."""
    strides, pads = values.get("strides", [1, 1]), values.get("pads", [0, 0, 0, 0])
    if values.get("auto_pad", b"NOTSET") != b"NOTSET":
        raise NodeError("it has auto_pad; export it with pads as numbers")
    if values.get("ceil_mode", 0):
        raise NodeError("it has ceil_mode, which no operator of TensorFlow Lite has")
    dilations = values.get("dilations", [1, 1])
    if not any(pads):
        return source, VALID
    same = True
    for axis in (0, 1):
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        size = source.shape[1 + axis]
        total = max((-(-size // strides[axis]) - 1) * strides[axis] + reach - size, 0)
        same &= (pads[axis], pads[2 + axis]) == (total // 2, total - total // 2)
    if same:
        return source, SAME
    width = np.array([[0, 0], [pads[0], pads[2]], [pads[1], pads[3]], [0, 0]], np.int32)
    shape = [size + int(sum(ends)) for size, ends in zip(source.shape, width, strict=True)]
    inputs = [source, w.tensor(width.shape, data=width, name="pads")]
    output = w.tensor(shape, source.quant)
    if not lowest:
        return w.operator("PAD", inputs, output, w.options("Pad")), VALID
    fill = np.array([-128], np.int8) if source.quant else np.array([-3.4e38], np.float32)
    inputs.append(w.tensor([1], source.quant, data=fill, name="lowest"))
    return w.operator("PADV2", inputs, output, w.options("PadV2")), VALID


def _spatial(source: Written, kernel: Any, strides: Any, padding: int, dilations: Any) -> list[int]:
    """Return height and width of a window operator's output."""
    if padding == SAME:
        return [-(-source.shape[1 + axis] // strides[axis]) for axis in (0, 1)]
    return [
        (source.shape[1 + axis] - (kernel[axis] - 1) * dilations[axis] - 1) // strides[axis] + 1
        for axis in (0, 1)
    ]
