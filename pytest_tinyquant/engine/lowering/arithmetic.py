"""ADD, SUB, MUL and DIV with broadcasting."""

from __future__ import annotations

import numpy as np

from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.broadcast import broadcast
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.fused_activation import activation_limits
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


# Extra bits that both inputs get before they are added.
_LEFT_SHIFT = {"int8": 20, "int16": 15}

# Types whose numbers are what they stand for.
_UNSCALED = ("float32", "int32")


def add(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower an addition."""
    activation = operator.options["fused_activation_function"]
    if lowering.output(operator).dtype == "int32" and activation != "NONE":
        reason = f"TensorFlow Lite Micro would ignore its activation {activation}"
        raise lowering.unsupported(operator, "int32", reason)
    return _sum(operator, lowering, "tq_add")


def div(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a division; int8 takes its factor in float32."""
    first, second, output = _operands(operator, lowering)
    if output.dtype in _UNSCALED:
        return _call(operator, lowering, "tq_div", "tq_binary", {})
    if output.dtype != "int8":
        reason = "TensorFlow Lite Micro has no such kernel"
        raise lowering.unsupported(operator, output.dtype, reason)
    scales = [np.float32(q.scale(tensor)) for tensor in (first, second, output)]
    factor = q.quantize_multiplier(float(scales[0] / (scales[1] * scales[2])))
    fields: dict[str, Value] = {"multiplier": factor.value, "shift": factor.shift}
    return _call(operator, lowering, "tq_div", "tq_mul", fields)


def sub(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a subtraction."""
    return _sum(operator, lowering, "tq_sub")


def mul(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a multiplication."""
    first, second, output = _operands(operator, lowering)
    if output.dtype in _UNSCALED:
        return _call(operator, lowering, "tq_mul", "tq_binary", {})
    factor = q.quantize_multiplier(q.scale(first) * q.scale(second) / q.scale(output))
    fields: dict[str, Value] = {"multiplier": factor.value, "shift": factor.shift}
    return _call(operator, lowering, "tq_mul", "tq_mul", fields)


def _sum(operator: Operator, lowering: Lowering, kernel: str) -> KernelCall:
    first, second, output = _operands(operator, lowering)
    if output.dtype in _UNSCALED:
        return _call(operator, lowering, kernel, "tq_binary", {})
    return _call(operator, lowering, kernel, "tq_add", sum_factors(first, second, output))


def sum_factors(first: Tensor, second: Tensor, output: Tensor) -> dict[str, Value]:
    """Return the factors that bring both inputs to a common scale, and their sum to the output's.

    All are taken in double.
    """
    twice_max = 2.0 * max(q.scale(first), q.scale(second))
    factors = (
        q.scale(first) / twice_max,
        q.scale(second) / twice_max,
        twice_max / ((1 << _LEFT_SHIFT[output.dtype]) * q.scale(output)),
    )
    fields: dict[str, Value] = {}
    for name, factor in zip(("input1", "input2", "output"), factors, strict=True):
        if not 0.0 < factor < 1.0:
            raise ModelError(f"its scales ask for a factor of {factor:g} instead of below 1")
        multiplier = q.quantize_multiplier(factor)
        fields[f"{name}_multiplier"] = multiplier.value
        fields[f"{name}_shift"] = multiplier.shift
    return fields


def arithmetic_suffix(operator: Operator, lowering: Lowering, *tensors: Tensor) -> str:
    """Return the kernel suffix for tensors that must all have one type, int32 among them."""
    if all(tensor.dtype == "int32" for tensor in tensors):
        return "s32"
    return lowering.suffix(operator, *tensors)


def _operands(operator: Operator, lowering: Lowering) -> tuple[Tensor, Tensor, Tensor]:
    first, second = lowering.source(operator, 0), lowering.source(operator, 1)
    output = lowering.output(operator)
    arithmetic_suffix(operator, lowering, first, second, output)
    return first, second, output


def _call(
    operator: Operator, lowering: Lowering, kernel: str, params: str, factors: dict[str, Value]
) -> KernelCall:
    first, second, output = _operands(operator, lowering)
    suffix = arithmetic_suffix(operator, lowering, output)
    fields: dict[str, Value] = {
        "broadcast": broadcast(operator, lowering, first, second, output),
        "input1": lowering.address(first),
        "input2": lowering.address(second),
        "output": lowering.address(output),
        **factors,
    }
    if output.dtype not in _UNSCALED:
        fields |= {
            "input1_offset": -q.zero_point(first),
            "input2_offset": -q.zero_point(second),
            "output_offset": q.zero_point(output),
        }
    fields |= activation_limits(operator, output)
    return KernelCall(
        f"{kernel}_{suffix}",
        f"{params}_{suffix}_params",
        fields,
        lowering.reads(first, second),
        (output.index,),
        lowering.in_place(output, first, second),
    )
