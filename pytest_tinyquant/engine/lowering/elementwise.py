"""Operators with one input, element by element: mathematics, tables, CAST and LOGICAL_NOT."""

from __future__ import annotations

from collections.abc import Callable

from pytest_tinyquant.engine import int8_tables
from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.context import check_shape
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


_TABLES: dict[str, Callable[[Tensor, Tensor], list[int]]] = {
    "ABS": int8_tables.absolute,
    "ELU": int8_tables.elu,
    "HARD_SWISH": int8_tables.hard_swish,
    "RSQRT": int8_tables.rsqrt,
}

_CAST_SUFFIXES = {
    "float32": "f32",
    "int8": "s8",
    "int16": "s16",
    "int32": "s32",
    "bool": "b8",
}


def unary(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower an operator of float32 and, with a table, of int8."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    suffix = lowering.suffix(operator, source, output)
    name = operator.op.lower()
    if suffix == "f32":
        return _call(operator, lowering, f"tq_{name}_f32", "tq_unary_f32", {})
    if suffix == "s8" and operator.op in _TABLES:
        table = _TABLES[operator.op](source, output)
        fields: dict[str, Value] = {"table": lowering.blob.add_array(table, "int8")}
        return _call(operator, lowering, "tq_table_s8", "tq_table_s8", fields)
    if operator.op == "ABS":
        return _absolute_int16(operator, lowering)
    if operator.op == "RSQRT":
        return _rsqrt_int16(operator, lowering)
    raise lowering.unsupported(operator, source.dtype, "TensorFlow Lite Micro has no such kernel")


def _absolute_int16(operator: Operator, lowering: Lowering) -> KernelCall:
    source, output = lowering.source(operator, 0), lowering.output(operator)
    factor = q.Multiplier(1 << 30, 1)
    if source.quantization is not None:
        if q.zero_point(source) or q.zero_point(output):
            raise lowering.unsupported(operator, "int16", "int16 tensors need a zero point of 0")
        factor = q.quantize_multiplier(q.scale(source) / q.scale(output))
    fields: dict[str, Value] = {"multiplier": factor.value, "shift": factor.shift}
    return _call(operator, lowering, "tq_abs_s16", "tq_abs_s16", fields)


def _rsqrt_int16(operator: Operator, lowering: Lowering) -> KernelCall:
    source, output = lowering.source(operator, 0), lowering.output(operator)
    if q.zero_point(source) or q.zero_point(output):
        raise lowering.unsupported(operator, "int16", "int16 tensors need a zero point of 0")
    factor = int8_tables.rsqrt_factor(source, output)
    fields: dict[str, Value] = {"multiplier": factor.value, "shift": factor.shift}
    return _call(operator, lowering, "tq_rsqrt_s16", "tq_rsqrt_s16", fields)


def logical_not(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower LOGICAL_NOT."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    if {source.dtype, output.dtype} != {"bool"}:
        raise lowering.unsupported(operator, source.dtype, "it works on booleans only")
    return _call(operator, lowering, "tq_logical_not", "tq_logical_not", {})


def cast(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower CAST between any two of the engine's types."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    if source.dtype not in _CAST_SUFFIXES or output.dtype not in _CAST_SUFFIXES:
        dtypes = f"{source.dtype} to {output.dtype}"
        raise lowering.unsupported(operator, dtypes, "it has no kernel for these types")
    kernel = f"tq_cast_{_CAST_SUFFIXES[source.dtype]}_{_CAST_SUFFIXES[output.dtype]}"
    return _call(operator, lowering, kernel, "tq_cast", {})


def _call(
    operator: Operator, lowering: Lowering, kernel: str, params: str, fields: dict[str, Value]
) -> KernelCall:
    source, output = lowering.source(operator, 0), lowering.output(operator)
    check_shape(output, source.shape)
    addresses: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        "count": source.elements,
    }
    # Front to back, a narrower result never overwrites what is still to be read.
    in_place = lowering.in_place(output, source) if output.bytes <= source.bytes else ()
    return KernelCall(
        kernel,
        f"{params}_params",
        addresses | fields,
        lowering.reads(source),
        (output.index,),
        in_place,
    )
