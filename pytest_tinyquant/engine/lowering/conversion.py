"""QUANTIZE and DEQUANTIZE."""

from __future__ import annotations

from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import SUFFIXES
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.context import check_shape
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


# Integer types that QUANTIZE turns into each other, as TensorFlow Lite Micro does.
_REQUANTIZED = {
    "int8": ("int8", "int16", "uint8", "int32"),
    "int16": ("int8", "int16", "int32"),
    "uint8": ("int8",),
    "int32": ("int8", "int16"),
}
_SUFFIXES = SUFFIXES | {"uint8": "u8", "int32": "s32"}
_LIMITS = q.LIMITS | {"uint8": (0, 255), "int32": (-(1 << 31), (1 << 31) - 1)}


def quantize(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower float32 to integer, and integer to integer with another scale."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    dtypes = f"{source.dtype} to {output.dtype}"
    targets = _REQUANTIZED.get(source.dtype, tuple(q.LIMITS))
    if source.dtype not in _SUFFIXES or output.dtype not in targets:
        raise lowering.unsupported(operator, dtypes, "it has no kernel for these types")
    kernel = f"{_SUFFIXES[source.dtype]}_{_SUFFIXES[output.dtype]}"
    if source.dtype == "float32":
        fields: dict[str, Value] = {"scale": q.scale(output), "zero_point": q.zero_point(output)}
        return _call(lowering, source, output, f"tq_quantize_{kernel}", fields)
    factor = q.quantize_multiplier(q.scale(source) / q.scale(output))
    low, high = _LIMITS[output.dtype]
    fields = {
        "multiplier": factor.value,
        "shift": factor.shift,
        "input_offset": -q.zero_point(source),
        "output_offset": q.zero_point(output),
        "activation_min": low,
        "activation_max": high,
    }
    return _call(lowering, source, output, f"tq_requantize_{kernel}", fields)


def dequantize(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower integer to float32."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    if source.dtype not in {*q.LIMITS, "uint8"} or output.dtype != "float32":
        raise lowering.unsupported(
            operator, source.dtype, "it turns int8, uint8 and int16 into float32 only"
        )
    if source.quantization is not None and source.quantization.per_channel:
        raise lowering.unsupported(operator, source.dtype, "its input has a scale for each channel")
    fields: dict[str, Value] = {"scale": q.scale(source), "zero_point": q.zero_point(source)}
    kernel = f"tq_dequantize_{_SUFFIXES[source.dtype]}_f32"
    return _call(lowering, source, output, kernel, fields)


def _call(
    lowering: Lowering, source: Tensor, output: Tensor, kernel: str, fields: dict[str, Value]
) -> KernelCall:
    check_shape(output, source.shape)
    # Front to back, a narrower result never overwrites what is still to be read.
    in_place = lowering.in_place(output, source) if output.bytes <= source.bytes else ()
    addresses: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        "count": source.elements,
    }
    return KernelCall(
        kernel,
        f"{kernel}_params",
        addresses | fields,
        lowering.reads(source),
        (output.index,),
        in_place,
    )
