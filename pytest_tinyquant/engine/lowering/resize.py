"""RESIZE_BILINEAR."""

from __future__ import annotations

import numpy as np

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.gathering import output_size
from pytest_tinyquant.models.graph import Operator


def resize_bilinear(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower RESIZE_BILINEAR on float32 and int8, whose positions have 10 fraction bits."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    suffix = lowering.suffix(operator, source, output)
    if suffix == "s16":
        reason = "TensorFlow Lite Micro has no such kernel"
        raise lowering.unsupported(operator, "int16", reason)
    sizes = output_size(operator, lowering)
    align = operator.options["align_corners"]
    scale = _float_scale if suffix == "f32" else _integer_scale
    batches, height, width, depth = source.shape
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        "batches": batches,
        "height": height,
        "width": width,
        "depth": depth,
        "output_height": sizes[0],
        "output_width": sizes[1],
        "height_scale": scale(height, sizes[0], align),
        "width_scale": scale(width, sizes[1], align),
        "half_pixel_centers": int(operator.options["half_pixel_centers"]),
    }
    kernel = f"tq_resize_bilinear_{suffix}"
    return KernelCall(kernel, f"{kernel}_params", fields, lowering.reads(source), (output.index,))


def _float_scale(size: int, output: int, align: bool) -> float:
    if align and output > 1:
        return float(np.float32(size - 1) / np.float32(output - 1))
    return float(np.float32(size) / np.float32(output))


def _integer_scale(size: int, output: int, align: bool) -> int:
    if align and output > 1:
        return ((size - 1) * 1024 + (output - 1) // 2) // (output - 1)
    return (size * 1024 + output // 2) // output
