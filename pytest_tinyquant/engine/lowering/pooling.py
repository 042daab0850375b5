"""MAX_POOL_2D, AVERAGE_POOL_2D, L2_POOL_2D and MEAN."""

from __future__ import annotations

import math

from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering import reduction
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.fused_activation import activation_limits
from pytest_tinyquant.engine.lowering.window import window
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator


def pool_2d(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a maximum or average over a window; quantization stays the input's."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    suffix = lowering.suffix(operator, source, output)
    options = operator.options
    geometry = window(
        options,
        source,
        output,
        filter_height=options["filter_height"],
        filter_width=options["filter_width"],
        output_channels=source.shape[-1] if source.shape else 0,
    )
    fields: dict[str, Value] = {
        "window": geometry,
        "input": lowering.address(source),
        "output": lowering.address(output),
    }
    if suffix != "f32" and operator.op == "L2_POOL_2D":
        raise lowering.unsupported(operator, source.dtype, "it works on float32 only")
    if suffix != "f32":
        same = abs(q.scale(source) - q.scale(output)) <= 1e-6
        if not same or q.zero_point(source) != q.zero_point(output):
            raise lowering.unsupported(
                operator, source.dtype, "its input and output differ in scale or zero point"
            )
    fields |= activation_limits(operator, output)
    return KernelCall(
        f"tq_{operator.op.lower()}_{suffix}",
        f"tq_pool_2d_{suffix}_params",
        fields,
        lowering.reads(source),
        (output.index,),
        trails=lowering.trail(source, output, geometry, gathers=True),
    )


def mean(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a mean; the usual one is over adjacent axes, such as height and width."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    suffix = lowering.suffix(operator, source, output)
    rank = len(source.shape)
    listed = lowering.integers(operator, lowering.source(operator, 1), "axes").reshape(-1).tolist()
    axes = sorted({axis + rank if axis < 0 else axis for axis in listed})
    if not axes or axes[0] < 0 or axes[-1] >= rank:
        raise ModelError(f"it averages over the axes {listed} of {rank}")
    first, last = axes[0], axes[-1]
    if any(source.shape[a] != 1 for a in range(first, last + 1) if a not in axes):
        return _mean_of_axes(operator, lowering, axes)
    outer = math.prod(source.shape[:first])
    reduced = math.prod(source.shape[first : last + 1])
    inner = math.prod(source.shape[last + 1 :])
    if outer * inner != output.elements or not reduced:
        raise ModelError(f"its output has shape {list(output.shape)}")
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        "outer": outer,
        "reduced": reduced,
        "inner": inner,
    }
    if suffix != "f32":
        factor = q.mean_multiplier(q.scale(source) / q.scale(output), reduced)
        fields |= {
            "multiplier": factor.value,
            "shift": factor.shift,
            "input_offset": -q.zero_point(source),
            "output_offset": q.zero_point(output),
        }
    return KernelCall(
        f"tq_mean_{suffix}",
        f"tq_mean_{suffix}_params",
        fields,
        lowering.reads(source),
        (output.index,),
    )


def _mean_of_axes(operator: Operator, lowering: Lowering, axes: list[int]) -> KernelCall:
    """Lower a mean over axes that have others between them."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    count = math.prod(source.shape[axis] for axis in axes)
    if not count or output.elements * count != source.elements:
        raise ModelError(f"its output has shape {list(output.shape)}")
    if source.dtype == "float32":
        return reduction.call(operator, lowering, "tq_mean_axes_f32", axes)
    factor = q.mean_multiplier(q.scale(source) / q.scale(output), count)
    return reduction.scaled_sum(operator, lowering, axes, factor)
