"""RELU, RELU6, LEAKY_RELU, LOGISTIC, TANH and SOFTMAX."""

from __future__ import annotations

import math

from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.fixed_point import sigmoid_table
from pytest_tinyquant.engine.fixed_point import softmax_exp_table
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.context import check_shape
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


# Scale and zero point that int8 results must have, and the int16 shifts with exact scales.
_SIGMOID_OUTPUT = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}
_SIGMOID_POT_SHIFTS = {"LOGISTIC": (0,), "TANH": (0, 1)}


def relu(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower RELU (which may change the scale) and RELU6 (which never does)."""
    source, output, suffix = _unary(operator, lowering)
    if suffix == "f32":
        high = math.inf if operator.op == "RELU" else 6.0
        fields: dict[str, Value] = {"activation_min": 0.0, "activation_max": high}
        return _call(operator, lowering, "tq_relu_f32", "tq_relu_f32", fields)
    kernel = f"tq_requantize_{suffix}_{suffix}"
    if operator.op == "RELU":
        factor = q.quantize_multiplier(q.scale(source) / q.scale(output))
        low, high_int = q.activation_range("RELU", output)
        offsets = -q.zero_point(source), q.zero_point(output)
    else:
        # The kernel clamps the input as it is, whatever the output's scale says.
        factor = q.quantize_multiplier(1.0)
        low = q.zero_point(source)
        high_int = min(q.quantize(6.0, source), q.LIMITS[source.dtype][1])
        offsets = 0, 0
    fields = {
        "multiplier": factor.value,
        "shift": factor.shift,
        "input_offset": offsets[0],
        "output_offset": offsets[1],
        "activation_min": low,
        "activation_max": high_int,
    }
    return _call(operator, lowering, kernel, kernel, fields)


def leaky_relu(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower LEAKY_RELU."""
    source, output, suffix = _unary(operator, lowering)
    alpha = operator.options["alpha"]
    kernel = f"tq_leaky_relu_{suffix}"
    if suffix == "f32":
        return _call(operator, lowering, kernel, kernel, {"alpha": alpha})
    if not alpha >= 0:
        raise lowering.unsupported(operator, source.dtype, f"its alpha is {alpha:g}")
    identity = q.quantize_multiplier(q.scale(source) / q.scale(output))
    negative = q.quantize_multiplier(q.scale(source) * alpha / q.scale(output))
    fields: dict[str, Value] = {
        "input_offset": -q.zero_point(source),
        "output_offset": q.zero_point(output),
        "multiplier": identity.value,
        "shift": identity.shift,
        "alpha_multiplier": negative.value,
        "alpha_shift": negative.shift,
    }
    return _call(operator, lowering, kernel, kernel, fields)


def sigmoid(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower LOGISTIC and TANH: a table for int8, interpolation for int16."""
    source, output, suffix = _unary(operator, lowering)
    kernel = f"tq_{operator.op.lower()}_{suffix}"
    if suffix == "f32":
        return _call(operator, lowering, kernel, "tq_unary_f32", {})
    if suffix == "s8":
        if operator.op == "LOGISTIC":
            _check_output(operator, lowering, output, *_SIGMOID_OUTPUT[operator.op])
        table = sigmoid_table(operator.op, q.scale(source), q.zero_point(source))
        fields: dict[str, Value] = {"table": lowering.blob.add_array(table, "int8")}
        return _call(operator, lowering, kernel, "tq_table_s8", fields)
    if q.zero_point(source):
        raise lowering.unsupported(operator, "int16", "int16 tensors need a zero point of 0")
    _check_output(operator, lowering, output, 1 / 32768, 0)
    multiplier, shift = q.sigmoid_argument(source, _SIGMOID_POT_SHIFTS[operator.op])
    fields = {"multiplier": multiplier, "right_shift": shift}
    return _call(operator, lowering, kernel, "tq_sigmoid_s16", fields)


def softmax(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a softmax over the last axis."""
    source, output, suffix = _unary(operator, lowering)
    if not source.shape or not source.shape[-1]:
        raise ModelError("its input has no axis")
    beta = operator.options["beta"]
    depth = source.shape[-1]
    fields: dict[str, Value] = {"rows": source.elements // depth, "depth": depth}
    if suffix == "f32":
        fields["beta"] = beta
    elif suffix == "s8":
        _check_output(operator, lowering, output, 1 / 256, -128)
        table, _ = softmax_exp_table(beta, q.scale(source))
        count = max(d for d, value in enumerate(table) if value) + 1
        fields |= {
            "exp_table": lowering.blob.add_array(table[:count], "int32"),
            "exp_count": count,
        }
    else:
        _check_output(operator, lowering, output, 1 / 32768, 0)
        factor = q.quantize_multiplier(q.scale(source) * beta / (10.0 / 65535.0))
        fields |= {"multiplier": factor.value, "shift": factor.shift}
    call = _call(operator, lowering, f"tq_softmax_{suffix}", f"tq_softmax_{suffix}", fields)
    return call


def _unary(operator: Operator, lowering: Lowering) -> tuple[Tensor, Tensor, str]:
    source, output = lowering.source(operator, 0), lowering.output(operator)
    check_shape(output, source.shape)
    return source, output, lowering.suffix(operator, source, output)


def _check_output(
    operator: Operator, lowering: Lowering, output: Tensor, scale: float, zero_point: int
) -> None:
    if abs(q.scale(output) - scale) > 0.001 * scale or q.zero_point(output) != zero_point:
        raise lowering.unsupported(
            operator,
            output.dtype,
            f"its output must have scale {scale:g} and zero point {zero_point}",
        )


def _call(
    operator: Operator, lowering: Lowering, kernel: str, params: str, fields: dict[str, Value]
) -> KernelCall:
    source, output = lowering.source(operator, 0), lowering.output(operator)
    if "rows" not in fields:
        fields = {"count": source.elements, **fields}
    addresses: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
    }
    return KernelCall(
        kernel,
        f"{params}_params",
        addresses | fields,
        lowering.reads(source),
        (output.index,),
        lowering.in_place(output, source),
    )
