"""SVDF."""

from __future__ import annotations

import numpy as np

from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.context import check_shape
from pytest_tinyquant.engine.lowering.fused_activation import activation_limits
from pytest_tinyquant.engine.lowering.weights import bias_address
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


# (input, feature weights, time weights, bias, state, output) and the kernel for it.
_KERNELS: dict[tuple[str, ...], str] = {
    ("float32",) * 6: "tq_svdf_f32",
    ("int8", "int8", "int8", "int32", "int8", "int8"): "tq_svdf_s8",
    ("int8", "int8", "int16", "int32", "int16", "int8"): "tq_svdf_state16_s8",
}

_BIAS_TOLERANCE = 1e-5


def svdf(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a singular value decomposition filter, whose state is its fifth input."""
    source, features, times = (lowering.source(operator, i) for i in range(3))
    bias, state = lowering.optional(operator, 3), lowering.state(operator, 4)
    output = lowering.output(operator)
    kernel = _kernel(operator, lowering, (source, features, times, bias, state, output))
    sizes = _sizes(operator, (source, features, times, bias, state, output))
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "feature_weights": lowering.address(features),
        "time_weights": lowering.address(times),
        "bias": bias_address(lowering, bias),
        "state": lowering.address(state),
        "output": lowering.address(output),
        **sizes,
    }
    if kernel == "tq_svdf_f32":
        fields |= activation_limits(operator, output)
    else:
        fields |= _quantized(operator, lowering, state, output)
    batches, filters = sizes["batches"], features.shape[0]
    return KernelCall(
        kernel,
        f"{kernel}_params",
        fields,
        lowering.reads(source, features, times, bias),
        (output.index,),
        macs=batches * filters * (features.shape[1] + times.shape[1]),
        updates=(state.index,),
    )


def _kernel(operator: Operator, lowering: Lowering, tensors: tuple[Tensor | None, ...]) -> str:
    types = [tensor.dtype if tensor is not None else "missing" for tensor in tensors]
    kernel = _KERNELS.get(tuple(types))
    if kernel is None:
        raise lowering.unsupported(operator, " x ".join(types), "it has no kernel for these types")
    return kernel


def _sizes(operator: Operator, tensors: tuple[Tensor | None, ...]) -> dict[str, int]:
    source, features, times, bias, state, output = tensors
    assert source and features and times and state and output
    rank = operator.options["rank"]
    if not len(source.shape) == len(features.shape) == len(times.shape) == 2:
        raise ModelError("its input and weights must have two dimensions each")
    batches, depth = source.shape
    filters, memory = times.shape
    if rank < 1 or filters % rank or not batches * filters * memory * depth:
        raise ModelError(f"it has {filters} filters of rank {rank} over {memory} steps")
    units = filters // rank
    check_shape(features, (filters, depth))
    check_shape(state, (batches, filters * memory))
    check_shape(output, (batches, units))
    if bias is not None and bias.elements != units:
        raise ModelError(f"its bias has {bias.elements} values for {units} units")
    return {
        "batches": batches,
        "input_depth": depth,
        "units": units,
        "rank": rank,
        "memory": memory,
    }


def _quantized(
    operator: Operator, lowering: Lowering, state: Tensor, output: Tensor
) -> dict[str, Value]:
    source, features, times, bias = (lowering.source(operator, i) for i in range(4))
    if q.zero_point(features) or q.zero_point(times):
        raise lowering.unsupported(
            operator, features.dtype, "its weights have a zero point other than 0"
        )
    scale_in, scale_features, scale_times, scale_state, scale_out, scale_bias = (
        np.float32(q.scale(tensor)) for tensor in (source, features, times, state, output, bias)
    )
    if abs(float(scale_bias) - float(scale_state * scale_times)) >= _BIAS_TOLERANCE:
        raise lowering.unsupported(
            operator, bias.dtype, "its bias is not on the scale of state and time weights"
        )
    # Both factors are taken in float32.
    with np.errstate(over="ignore"):
        feature = q.quantize_multiplier(float(scale_in * scale_features / scale_state))
        result = q.quantize_multiplier(float(scale_state * scale_times / scale_out))
    return {
        "feature_multiplier": feature.value,
        "feature_shift": feature.shift,
        "output_multiplier": result.value,
        "output_shift": result.shift,
        "input_offset": -q.zero_point(source),
        "state_zero_point": q.zero_point(state),
        "output_offset": q.zero_point(output),
    }
