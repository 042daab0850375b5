"""Turns an ONNX model into a ``.tflite`` with its own quantization parameters.

Scales, zero points, weights and biases are taken over as they are; nothing is calibrated again.
Operators that are float in the model stay float. Images become channels-last, and uint8 values
the int8 values 128 below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from pytest_tinyquant.schemes import onnx_layers as layers
from pytest_tinyquant.schemes.onnx_sequences import as_images
from pytest_tinyquant.schemes.onnx_steps import RELUS
from pytest_tinyquant.schemes.onnx_steps import NodeError
from pytest_tinyquant.schemes.onnx_steps import Quant
from pytest_tinyquant.schemes.onnx_steps import Step
from pytest_tinyquant.schemes.onnx_steps import StepReader
from pytest_tinyquant.schemes.onnx_writer import Writer
from pytest_tinyquant.schemes.onnx_writer import Written
from pytest_tinyquant.schemes.onnx_writer import signed_values


#: What SOFTMAX and LOGISTIC give in int8.
_PROBABILITY = Quant(np.array([1 / 256], np.float32), np.array([-128], np.int8))


def import_onnx(model: Any) -> bytes:
    """Return the ``.tflite`` of an ``onnx.ModelProto``.

    :raises NodeError: for the first node that cannot be imported.
    """
    model = as_images(model)
    reader = StepReader(model.graph)
    steps = reader.read()
    writer = Writer(reader.constants)
    inputs = []
    for value in model.graph.input:
        if value.name in reader.constants:
            continue
        sizes = [size.dim_value or 1 for size in value.type.tensor_type.shape.dim]
        sizes = [sizes[0], *sizes[2:], sizes[1]] if len(sizes) == 4 else sizes
        writer.found[value.name] = writer.tensor(sizes, name=value.name)
        inputs.append(writer.found[value.name])
    for step in steps:
        make = _OPERATORS.get(step.kind)
        try:
            if make is None:
                raise NodeError("the importer has no such operator")
            writer.found[step.output] = make(step, writer)
        except NodeError as error:
            error.node, error.op = error.node or step.node, error.op or step.kind
            raise
        writer.rename(writer.found[step.output], step.output)
    return writer.file(inputs, [writer.found[value.name] for value in model.graph.output])


def _source(step: Step, w: Writer, place: int = 0) -> Written:
    return w.read(step.inputs[place], as_float=step.quant is None)


def _quantize(step: Step, w: Writer) -> Written:
    source = w.read(step.inputs[0])
    made = w.operator("QUANTIZE", [source], w.tensor(source.shape, step.quant))
    return replace(made, chw=source.chw)


def _dequantize(step: Step, w: Writer) -> Written:
    return w.read(step.inputs[0], as_float=True)


def _identity(step: Step, w: Writer) -> Written:
    return w.requantized(_source(step, w), step.quant)


def _two(code: str, options: str) -> Callable[[Step, Writer], Written]:
    """Return what makes an operator of two tensors of one shape."""

    def make(step: Step, w: Writer) -> Written:
        if code == "ADD" and step.inputs[1].name in w.constants:
            return _bias(step, w)
        first, second = _source(step, w, 0), _source(step, w, 1)
        if first.shape != second.shape or first.chw != second.chw:
            raise NodeError(f"it broadcasts {list(first.shape)} and {list(second.shape)}")
        made = w.options(options, fusedActivationFunction=RELUS[step.limits])
        output = w.tensor(first.shape, step.quant)
        version = 2 if step.quant else 1
        return replace(
            w.operator(code, [first, second], output, made, version=version), chw=first.chw
        )

    return make


def _bias(step: Step, w: Writer) -> Written:
    """Return a sum with a constant per feature, as follows a MatMul in PyTorch."""
    source, values = _source(step, w), w.array(step.inputs[1])
    if values.ndim > 2 or values.size != source.shape[-1] or source.chw or len(source.shape) != 2:
        raise NodeError("it adds a constant that is not one number per feature")
    quant = step.inputs[1].quant
    if (quant is None) != (step.quant is None):
        raise NodeError("it adds a quantized and a float value")
    stored = signed_values(values).reshape(1, -1)
    data = stored if step.quant else stored.astype(np.float32)
    constant = w.tensor(data.shape, quant if step.quant else None, data=data, name="addend")
    options = w.options("Add", fusedActivationFunction=RELUS[step.limits])
    output = w.tensor(source.shape, step.quant)
    return w.operator("ADD", [source, constant], output, options, version=2 if step.quant else 1)


def _global_average(step: Step, w: Writer) -> Written:
    return _mean(step, w, keep=True)


def _reduce_mean(step: Step, w: Writer) -> Written:
    axes = step.attributes.get("axes")
    if axes is None and len(step.inputs) > 1:
        axes = w.array(step.inputs[1]).tolist()
    if sorted(axis % 4 for axis in axes or ()) != [2, 3]:
        raise NodeError("it averages over other axes than height and width")
    return _mean(step, w, keep=bool(step.attributes.get("keepdims", 1)))


def _mean(step: Step, w: Writer, *, keep: bool) -> Written:
    source = _source(step, w)
    if len(source.shape) != 4:
        raise NodeError(f"its input has {len(source.shape)} dimensions, and 4 are imported")
    axes = w.tensor([2], data=np.array([1, 2], np.int32), name="axes")
    shape = [source.shape[0], *([1, 1] if keep else []), source.shape[3]]
    output = w.tensor(shape, step.quant)
    options = w.options("Reducer", keepDims=keep)
    return w.operator("MEAN", [source, axes], output, options, version=2 if step.quant else 1)


def _flatten(step: Step, w: Writer) -> Written:
    source = _source(step, w)
    size = int(np.prod(source.shape[1:]))
    shape = [source.shape[0], size]
    wanted = w.tensor([2], data=np.array(shape, np.int32), name="shape")
    options = w.options("Reshape", newShape=shape)
    made = w.operator("RESHAPE", [source, wanted], w.tensor(shape, source.quant), options)
    if len(source.shape) == 4 and source.shape[1] * source.shape[2] > 1:
        made = replace(made, chw=(source.shape[3], source.shape[1], source.shape[2]))
    return w.requantized(made, step.quant)


def _reshape(step: Step, w: Writer) -> Written:
    if len(w.array(step.inputs[1])) != 2:
        raise NodeError("it reshapes to another number of dimensions than two")
    return _flatten(step, w)


def _squeeze(step: Step, w: Writer) -> Written:
    source = _source(step, w)
    if len(source.shape) != 4 or source.shape[1] * source.shape[2] != 1:
        raise NodeError("it takes other dimensions away than height and width of 1")
    return _flatten(step, w)


def _unary(code: str, options: str = "", **values: Any) -> Callable[[Step, Writer], Written]:
    """Return what makes an operator whose int8 form gives probabilities."""

    def make(step: Step, w: Writer) -> Written:
        source = _source(step, w)
        if code == "SOFTMAX" and len(source.shape) != 2:
            raise NodeError("it is a Softmax over something else than features")
        fixed = _PROBABILITY if step.quant else None
        table = w.options(options, **values) if options else None
        made = w.operator(code, [source], w.tensor(source.shape, fixed), table)
        return w.requantized(replace(made, chw=source.chw), step.quant)

    return make


def _relu(step: Step, w: Writer) -> Written:
    source = _source(step, w)
    made = w.operator("RELU", [source], w.tensor(source.shape, step.quant))
    return replace(made, chw=source.chw)


def _clip(step: Step, w: Writer) -> Written:
    source = _source(step, w)
    ends = [float(w.array(operand).reshape(-1)[0]) for operand in step.inputs[1:3]]
    if ends != [0.0, 6.0]:
        raise NodeError("it clips to other limits than 0 and 6")
    made = w.operator("RELU6", [source], w.tensor(source.shape, step.quant))
    return replace(made, chw=source.chw)


def _concatenation(step: Step, w: Writer) -> Written:
    parts = [_source(step, w, place) for place in range(len(step.inputs))]
    if step.attributes.get("axis") != 1 or any(part.chw for part in parts):
        raise NodeError("it joins along another axis than the channels")
    parts = [w.requantized(part, step.quant) for part in parts]
    shape = [*parts[0].shape[:-1], sum(part.shape[-1] for part in parts)]
    options = w.options("Concatenation", axis=len(shape) - 1)
    return w.operator("CONCATENATION", parts, w.tensor(shape, step.quant), options)


_OPERATORS: dict[str, Callable[[Step, Writer], Written]] = {
    "Add": _two("ADD", "Add"),
    "AveragePool": lambda step, w: layers.pool(step, w, "AVERAGE_POOL_2D"),
    "Clip": _clip,
    "Concat": _concatenation,
    "Conv": layers.convolution,
    "Dequantize": _dequantize,
    "Dropout": _identity,
    "Flatten": _flatten,
    "Gemm": layers.gemm,
    "GlobalAveragePool": _global_average,
    "Identity": _identity,
    "MatMul": layers.matmul,
    "MaxPool": lambda step, w: layers.pool(step, w, "MAX_POOL_2D"),
    "Mul": _two("MUL", "Mul"),
    "Quantize": _quantize,
    "ReduceMean": _reduce_mean,
    "Relu": _relu,
    "Reshape": _reshape,
    "Sigmoid": _unary("LOGISTIC"),
    "Softmax": _unary("SOFTMAX", "Softmax", beta=1.0),
    "Squeeze": _squeeze,
}
