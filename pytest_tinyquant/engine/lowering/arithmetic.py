"""ADD, SUB and MUL with broadcasting."""

from __future__ import annotations

from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.context import check_shape
from pytest_tinyquant.engine.lowering.fused_activation import activation_limits
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


# Extra bits that both inputs get before they are added.
_LEFT_SHIFT = {"int8": 20, "int16": 15}
_MAX_DIMS = 4


def add(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower an addition."""
    return _sum(operator, lowering, "tq_add")


def sub(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a subtraction."""
    return _sum(operator, lowering, "tq_sub")


def mul(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a multiplication."""
    first, second, output = _operands(operator, lowering)
    if output.dtype == "float32":
        return _call(operator, lowering, "tq_mul", "tq_binary", {})
    factor = q.quantize_multiplier(q.scale(first) * q.scale(second) / q.scale(output))
    fields: dict[str, Value] = {"multiplier": factor.value, "shift": factor.shift}
    return _call(operator, lowering, "tq_mul", "tq_mul", fields)


def _sum(operator: Operator, lowering: Lowering, kernel: str) -> KernelCall:
    first, second, output = _operands(operator, lowering)
    if output.dtype == "float32":
        return _call(operator, lowering, kernel, "tq_binary", {})
    return _call(operator, lowering, kernel, "tq_add", _sum_factors(first, second, output))


def _sum_factors(first: Tensor, second: Tensor, output: Tensor) -> dict[str, Value]:
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


def _operands(operator: Operator, lowering: Lowering) -> tuple[Tensor, Tensor, Tensor]:
    first, second = lowering.source(operator, 0), lowering.source(operator, 1)
    output = lowering.output(operator)
    lowering.suffix(operator, first, second, output)
    return first, second, output


def _call(
    operator: Operator, lowering: Lowering, kernel: str, params: str, factors: dict[str, Value]
) -> KernelCall:
    first, second, output = _operands(operator, lowering)
    suffix = lowering.suffix(operator, output)
    fields: dict[str, Value] = {
        "broadcast": _broadcast(operator, lowering, first, second, output),
        "input1": lowering.address(first),
        "input2": lowering.address(second),
        "output": lowering.address(output),
        **factors,
    }
    if suffix != "f32":
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


def _broadcast(
    operator: Operator, lowering: Lowering, first: Tensor, second: Tensor, output: Tensor
) -> dict[str, Value]:
    """Return `tq_broadcast`: axes that broadcast alike are merged, at most four remain."""
    rank = max(len(first.shape), len(second.shape))
    shape1 = (1,) * (rank - len(first.shape)) + first.shape
    shape2 = (1,) * (rank - len(second.shape)) + second.shape
    if any(a != b and 1 not in (a, b) for a, b in zip(shape1, shape2, strict=True)):
        raise ModelError(f"shapes {list(first.shape)} and {list(second.shape)} do not broadcast")
    check_shape(output, tuple(b if a == 1 else a for a, b in zip(shape1, shape2, strict=True)))
    merged: list[tuple[int, int]] = []
    for a, b in zip(shape1, shape2, strict=True):
        if a == b == 1:
            continue
        if (
            merged
            and (merged[-1][0] == merged[-1][1]) == (a == b)
            and (a == b or (merged[-1][0] == 1) == (a == 1))
        ):
            merged[-1] = (merged[-1][0] * a, merged[-1][1] * b)
        else:
            merged.append((a, b))
    if len(merged) > _MAX_DIMS:
        raise lowering.unsupported(operator, output.dtype, "it broadcasts over too many axes")
    merged = [(1, 1)] * (_MAX_DIMS - len(merged)) + merged
    return {
        "dims": tuple(max(pair) for pair in merged),
        "stride1": _strides([a for a, _ in merged]),
        "stride2": _strides([b for _, b in merged]),
    }


def _strides(sizes: list[int]) -> tuple[int, ...]:
    """Return the distance between neighbours along each axis; 0 where the size is 1."""
    strides = [0] * len(sizes)
    step = 1
    for axis in reversed(range(len(sizes))):
        if sizes[axis] > 1:
            strides[axis] = step
        step *= sizes[axis]
    return tuple(strides)
