"""Two inputs with broadcasting: extremes, comparisons, logic, and what is left of arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.kernel_call import Array
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.broadcast import broadcast
from pytest_tinyquant.engine.lowering.broadcast import strides_of
from pytest_tinyquant.engine.lowering.context import SUFFIXES
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.context import check_shape
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


_WIDE = SUFFIXES | {"int32": "s32", "int64": "s64"}
_COMPARED = {"float32": "f32", "int8": "s8", "int32": "s32", "int64": "s64"}
_SELECTED = SUFFIXES | {"int32": "f32", "uint8": "s8", "bool": "s8"}
_SELECT_DIMS = 5

# Extra bits of the two inputs of an int8 comparison.
_COMPARISON_BITS = 8

# Extra bits that the inputs of SQUARED_DIFFERENCE get before they are subtracted.
_SQUARED_SHIFT = {"int8": 7, "int16": 0}


def extreme(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower MAXIMUM and MINIMUM, which compare the numbers as they are stored."""
    return _pair(operator, lowering, _WIDE, f"tq_{operator.op.lower()}")


def floor_div_or_mod(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower FLOOR_DIV and FLOOR_MOD, of float32."""
    return _pair(operator, lowering, {"float32": "f32"}, f"tq_{operator.op.lower()}")


def logical(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower LOGICAL_AND and LOGICAL_OR."""
    return _pair(operator, lowering, {"bool": ""}, f"tq_{operator.op.lower()}")


def comparison(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower EQUAL, LESS and their kin; int8 is compared in real numbers."""
    first, second = lowering.source(operator, 0), lowering.source(operator, 1)
    kernel = f"tq_{operator.op.lower()}"
    suffixes = dict(_COMPARED)
    if operator.op in {"EQUAL", "NOT_EQUAL"}:
        suffixes["bool"] = "b8"
    if lowering.output(operator).dtype != "bool":
        raise ModelError(f"its output is {lowering.output(operator).dtype}")
    if first.dtype != "int8" or second.dtype != "int8":
        return _pair(operator, lowering, suffixes, kernel)
    fields: dict[str, Value] = {}
    for number, tensor in ((1, first), (2, second)):
        if not q.scale(tensor) < 1.0:
            reason = f"it compares int8 of scale {q.scale(tensor):g}, at most 1 works"
            raise lowering.unsupported(operator, "int8", reason)
        factor = q.quantize_multiplier(q.scale(tensor))
        fields[f"input{number}_offset"] = -q.zero_point(tensor)
        fields[f"input{number}_multiplier"] = factor.value
        fields[f"input{number}_shift"] = factor.shift
    return _call(operator, lowering, f"{kernel}_s8", "tq_comparison_s8", fields)


def squared_difference(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SQUARED_DIFFERENCE."""
    first, second = lowering.source(operator, 0), lowering.source(operator, 1)
    output = lowering.output(operator)
    if output.dtype not in _SQUARED_SHIFT:
        suffixes = {"float32": "f32", "int32": "s32"}
        return _pair(operator, lowering, suffixes, "tq_squared_difference")
    suffix = lowering.suffix(operator, first, second, output)
    if suffix == "s16" and any(q.zero_point(t) for t in (first, second, output)):
        raise lowering.unsupported(operator, "int16", "int16 tensors need a zero point of 0")
    twice_max = 2.0 * max(q.scale(first), q.scale(second))
    shift = _SQUARED_SHIFT[output.dtype]
    factors = (
        q.scale(first) / twice_max,
        q.scale(second) / twice_max,
        twice_max * twice_max / ((1 << 2 * shift) * q.scale(output)),
    )
    low, high = q.LIMITS[output.dtype]
    fields: dict[str, Value] = {
        "input1_offset": -q.zero_point(first),
        "input2_offset": -q.zero_point(second),
        "output_offset": q.zero_point(output),
        "activation_min": low,
        "activation_max": high,
    }
    for name, factor in zip(("input1", "input2", "output"), factors, strict=True):
        multiplier = q.quantize_multiplier(factor)
        fields[f"{name}_multiplier"] = multiplier.value
        fields[f"{name}_shift"] = multiplier.shift
    kernel = f"tq_squared_difference_{suffix}"
    return _call(operator, lowering, kernel, f"tq_add_{suffix}", fields)


def prelu(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower PRELU; alpha may be broadcast, the input not. Integer inputs have int8 alphas."""
    source, alpha = lowering.source(operator, 0), lowering.source(operator, 1)
    output = lowering.output(operator)
    suffix = lowering.suffix(operator, source, output)
    if alpha.dtype != ("float32" if suffix == "f32" else "int8"):
        dtypes = f"{source.dtype} x {alpha.dtype}"
        raise lowering.unsupported(operator, dtypes, "it has no kernel for these types")
    check_shape(output, source.shape)
    if suffix == "f32":
        return _call(operator, lowering, "tq_prelu_f32", "tq_pair", {})
    identity = q.quantize_multiplier(q.scale(source) / q.scale(output))
    negative = q.quantize_multiplier(q.scale(source) * q.scale(alpha) / q.scale(output))
    fields: dict[str, Value] = {
        "input_offset": -q.zero_point(source),
        "alpha_offset": -q.zero_point(alpha),
        "output_offset": q.zero_point(output),
        "multiplier": identity.value,
        "shift": identity.shift,
        "alpha_multiplier": negative.value,
        "alpha_shift": negative.shift,
    }
    return _call(operator, lowering, f"tq_prelu_{suffix}", f"tq_prelu_{suffix}", fields)


def select(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SELECT_V2: one input where a condition holds, the other elsewhere."""
    condition = lowering.source(operator, 0)
    first, second = lowering.source(operator, 1), lowering.source(operator, 2)
    output = lowering.output(operator)
    suffix = _suffix(operator, lowering, _SELECTED, (first, second, output))
    if condition.dtype != "bool":
        raise ModelError(f"its condition is {condition.dtype}")
    operands = (condition, first, second)
    dims, strides = strides_of(operator, lowering, operands, output, _SELECT_DIMS)
    fields: dict[str, Value] = {
        "condition": lowering.address(condition),
        "input1": lowering.address(first),
        "input2": lowering.address(second),
        "output": lowering.address(output),
        "dims": dims,
        "condition_stride": strides[0],
        "stride1": strides[1],
        "stride2": strides[2],
    }
    return KernelCall(
        f"tq_select_{suffix}",
        "tq_select_params",
        fields,
        lowering.reads(*operands),
        (output.index,),
        lowering.in_place(output, first, second),
    )


def add_n(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower ADD_N: the sum of tensors of one shape and, if they are int8, one scale."""
    sources = [lowering.source(operator, i) for i in range(len(operator.inputs))]
    output = lowering.output(operator)
    suffix = lowering.suffix(operator, *sources, output)
    for source in sources:
        check_shape(output, source.shape)
    inputs = Array("tq_add_n_input", tuple({"input": lowering.address(s)} for s in sources))
    fields: dict[str, Value] = {
        "inputs": inputs,
        "output": lowering.address(output),
        "input_count": len(sources),
        "count": output.elements,
    }
    if suffix == "s16":
        reason = "TensorFlow Lite Micro has no such kernel"
        raise lowering.unsupported(operator, "int16", reason)
    if suffix == "s8":
        if any(source.quantization != sources[0].quantization for source in sources):
            raise lowering.unsupported(operator, "int8", "its inputs differ in scale")
        fields |= one_scale_factors(sources[0], output)
    return KernelCall(
        f"tq_add_n_{suffix}",
        f"tq_add_n_{suffix}_params",
        fields,
        lowering.reads(*sources),
        (output.index,),
    )


def one_scale_factors(source: Tensor, output: Tensor) -> dict[str, Value]:
    """Return the factors of a sum of int8 inputs that all have the scale of `source`."""
    wanted = 2.0 * q.scale(source) / ((1 << 20) * q.scale(output))
    if not 0.0 < wanted < 1.0:
        raise ModelError(f"its scales ask for a factor of {wanted:g} instead of below 1")
    half, factor = q.quantize_multiplier(0.5), q.quantize_multiplier(wanted)
    return {
        "input_offset": -q.zero_point(source),
        "output_offset": q.zero_point(output),
        "input_multiplier": half.value,
        "output_multiplier": factor.value,
        "input_shift": half.shift,
        "output_shift": factor.shift,
    }


def _suffix(
    operator: Operator,
    lowering: Lowering,
    suffixes: Mapping[str, str],
    tensors: Sequence[Tensor],
) -> str:
    dtypes = [tensor.dtype for tensor in tensors]
    if dtypes[0] not in suffixes or len(set(dtypes)) != 1:
        raise lowering.unsupported(operator, " x ".join(dtypes), "it has no kernel for these types")
    return suffixes[dtypes[0]]


def _pair(
    operator: Operator, lowering: Lowering, suffixes: Mapping[str, str], kernel: str
) -> KernelCall:
    """Lower an operator whose inputs count as they are stored."""
    tensors = [lowering.source(operator, 0), lowering.source(operator, 1)]
    output = lowering.output(operator)
    if output.dtype != "bool":
        tensors.append(output)
    suffix = _suffix(operator, lowering, suffixes, tensors)
    return _call(operator, lowering, f"{kernel}_{suffix}" if suffix else kernel, "tq_pair", {})


def _call(
    operator: Operator, lowering: Lowering, kernel: str, params: str, factors: dict[str, Value]
) -> KernelCall:
    first, second = lowering.source(operator, 0), lowering.source(operator, 1)
    output = lowering.output(operator)
    fields: dict[str, Value] = {
        "broadcast": broadcast(operator, lowering, first, second, output),
        "input1": lowering.address(first),
        "input2": lowering.address(second),
        "output": lowering.address(output),
        **factors,
    }
    # Front to back, a narrower result never overwrites what is still to be read.
    return KernelCall(
        kernel,
        f"{params}_params",
        fields,
        lowering.reads(first, second),
        (output.index,),
        lowering.in_place(output, first, second),
    )
