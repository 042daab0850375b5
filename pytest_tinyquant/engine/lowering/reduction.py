"""Reductions over any axes, along one axis, and normalisations of rows."""

from __future__ import annotations

import math

from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.fixed_point import input_radius
from pytest_tinyquant.engine.fixed_point import softmax_exp_table
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.axes import along
from pytest_tinyquant.engine.lowering.axes import axes_input
from pytest_tinyquant.engine.lowering.axes import axis_of
from pytest_tinyquant.engine.lowering.axes import reduction
from pytest_tinyquant.engine.lowering.context import SUFFIXES
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.context import check_shape
from pytest_tinyquant.engine.lowering.pairwise import one_scale_factors
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


# Types of which TensorFlow Lite Micro finds an extreme.
_REDUCED = {"float32": "f32", "int8": "s8"}


def reduce(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower REDUCE_MAX and REDUCE_MIN."""
    source, output, axes = _operands(operator, lowering)
    if source.dtype not in _REDUCED or source.quantization != output.quantization:
        reason = "it works on float32, and on int8 of one scale"
        raise lowering.unsupported(operator, source.dtype, reason)
    kernel = f"tq_{operator.op.lower()}_{_REDUCED[source.dtype]}"
    return call(operator, lowering, kernel, axes)


def reduce_all(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower REDUCE_ALL."""
    source, _, axes = _operands(operator, lowering)
    if source.dtype != "bool":
        raise lowering.unsupported(operator, source.dtype, "it works on booleans only")
    return call(operator, lowering, "tq_reduce_all", axes)


def sum_(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SUM."""
    source, output, axes = _operands(operator, lowering)
    if source.dtype == "float32":
        return call(operator, lowering, "tq_sum_f32", axes)
    factor = q.quantize_multiplier(q.scale(source) / q.scale(output))
    return scaled_sum(operator, lowering, axes, factor)


def scaled_sum(
    operator: Operator, lowering: Lowering, axes: list[int], factor: q.Multiplier
) -> KernelCall:
    """Return the call that adds integers up and scales their sum."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    kernel = f"tq_sum_{lowering.suffix(operator, source, output)}"
    fields: dict[str, Value] = {
        "multiplier": factor.value,
        "shift": factor.shift,
        "input_offset": -q.zero_point(source),
        "output_offset": q.zero_point(output),
    }
    return call(operator, lowering, kernel, axes, fields)


def call(
    operator: Operator,
    lowering: Lowering,
    kernel: str,
    axes: list[int],
    factors: dict[str, Value] | None = None,
) -> KernelCall:
    """Return the call of a kernel that reduces over `axes`."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    fields: dict[str, Value] = {
        "reduction": reduction(operator, lowering, source, axes),
        "input": lowering.address(source),
        "output": lowering.address(output),
        **(factors or {}),
    }
    params = f"{kernel}_params" if factors else "tq_reduce_params"
    return KernelCall(kernel, params, fields, lowering.reads(source), (output.index,))


def _operands(operator: Operator, lowering: Lowering) -> tuple[Tensor, Tensor, list[int]]:
    """Return input, output and axes, after a look at their sizes and types."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    axes = axes_input(operator, lowering, 1, len(source.shape))
    kept = math.prod(size for axis, size in enumerate(source.shape) if axis not in axes)
    if output.elements != kept or output.dtype != source.dtype:
        raise ModelError(f"its output is {output.dtype} of shape {list(output.shape)}")
    return source, output, axes


def arg(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower ARG_MAX and ARG_MIN."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    if source.dtype not in {"float32", "int8"} or output.dtype != "int32":
        reason = "it gives int32 indices into float32 or int8"
        raise lowering.unsupported(operator, f"{source.dtype} to {output.dtype}", reason)
    axis = _one_axis(operator, lowering, source)
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        **along(source.shape, axis),
    }
    if output.elements * source.shape[axis] != source.elements:
        raise ModelError(f"its output has shape {list(output.shape)}")
    kernel = f"tq_{operator.op.lower()}_{SUFFIXES[source.dtype]}"
    return KernelCall(kernel, "tq_arg_params", fields, lowering.reads(source), (output.index,))


def cumsum(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower CUMSUM."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    suffix = lowering.suffix(operator, source, output)
    check_shape(output, source.shape)
    if suffix == "s16":
        reason = "TensorFlow Lite Micro has no such kernel"
        raise lowering.unsupported(operator, "int16", reason)
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        **along(source.shape, _one_axis(operator, lowering, source)),
        "exclusive": int(operator.options["exclusive"]),
        "reverse": int(operator.options["reverse"]),
    }
    if suffix == "s8":
        fields |= one_scale_factors(source, output)
    kernel = f"tq_cumsum_{suffix}"
    return KernelCall(
        kernel, f"{kernel}_params", fields, lowering.reads(source), (output.index,),
        lowering.in_place(output, source),
    )  # fmt: skip


def _one_axis(operator: Operator, lowering: Lowering, source: Tensor) -> int:
    tensor = lowering.source(operator, 1)
    listed = lowering.integers(operator, tensor, "axis").reshape(-1).tolist()
    if len(listed) != 1:
        raise ModelError(f"its axis is {listed}")
    return axis_of(listed[0], len(source.shape))


def l2_normalization(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower L2_NORMALIZATION of rows along the last axis."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    suffix = lowering.suffix(operator, source, output)
    fields: dict[str, Value] = {}
    if suffix == "s16":
        reason = "TensorFlow Lite Micro has no such kernel"
        raise lowering.unsupported(operator, "int16", reason)
    if suffix == "s8":
        if q.scale(output) != 1 / 128 or q.zero_point(output):
            reason = "its output must have scale 1/128 and zero point 0"
            raise lowering.unsupported(operator, "int8", reason)
        fields["input_offset"] = -q.zero_point(source)
    kernel = f"tq_l2_normalization_{suffix}"
    return _rows(operator, lowering, kernel, kernel, fields)


def log_softmax(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower LOG_SOFTMAX of rows along the last axis."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    suffix = lowering.suffix(operator, source, output)
    if suffix == "f32":
        params = "tq_l2_normalization_f32"
        return _rows(operator, lowering, "tq_log_softmax_f32", params, {})
    if suffix == "s16" or q.scale(output) != 1 / 16 or q.zero_point(output) != 127:
        reason = "its output must be int8 with scale 1/16 and zero point 127"
        raise lowering.unsupported(operator, output.dtype, reason)
    table, _ = softmax_exp_table(1.0, q.scale(source))
    count = max(d for d, value in enumerate(table) if value) + 1
    factor = q.quantize_multiplier(min(q.scale(source) * (1 << 26), (1 << 31) - 1.0))
    back = 2.0 ** (31 - factor.shift) / factor.value
    if not back < 1.0:
        raise ModelError(f"the scale {q.scale(source):g} of its input is too small")
    reverse = q.quantize_multiplier(back)
    fields: dict[str, Value] = {
        "multiplier": factor.value,
        "shift": factor.shift,
        "reverse_multiplier": reverse.value,
        "reverse_shift": reverse.shift,
        "diff_min": -input_radius(5, factor.shift),
        "exp_table": lowering.blob.add_array(table[:count], "int32"),
        "exp_count": count,
    }
    name = "tq_log_softmax_s8"
    return _rows(operator, lowering, name, name, fields)


def _rows(
    operator: Operator, lowering: Lowering, kernel: str, params: str, factors: dict[str, Value]
) -> KernelCall:
    source, output = lowering.source(operator, 0), lowering.output(operator)
    check_shape(output, source.shape)
    if not source.shape or not source.shape[-1]:
        raise ModelError("its input has no axis")
    depth = source.shape[-1]
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        "rows": source.elements // depth,
        "depth": depth,
        **factors,
    }
    return KernelCall(
        kernel, f"{params}_params", fields, lowering.reads(source), (output.index,),
        lowering.in_place(output, source),
    )  # fmt: skip
