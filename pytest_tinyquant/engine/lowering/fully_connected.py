"""FULLY_CONNECTED."""

from __future__ import annotations

from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.fused_activation import activation_limits
from pytest_tinyquant.engine.lowering.weights import bias_address
from pytest_tinyquant.engine.lowering.weights import check_weights
from pytest_tinyquant.engine.lowering.weights import folded_bias
from pytest_tinyquant.engine.lowering.weights import multipliers
from pytest_tinyquant.engine.lowering.weights import packed_weights
from pytest_tinyquant.engine.lowering.weights import weights_address
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator


def fully_connected(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a fully connected layer: weights [outputs, inputs], optional bias [outputs]."""
    source = lowering.source(operator, 0)
    weights = lowering.source(operator, 1)
    bias = lowering.optional(operator, 2)
    output = lowering.output(operator)
    if len(weights.shape) != 2:
        raise ModelError(f"its weights have shape {list(weights.shape)} instead of two dimensions")
    if operator.options["weights_format"] != 0:
        raise lowering.unsupported(operator, weights.dtype, "its weights are stored shuffled")
    output_depth, input_depth = weights.shape
    batches = source.elements // input_depth if input_depth else 0
    if batches * input_depth != source.elements or batches * output_depth != output.elements:
        raise ModelError(
            f"input {list(source.shape)}, weights {list(weights.shape)} and output "
            f"{list(output.shape)} do not fit together"
        )
    suffix = lowering.suffix(operator, source, output)
    packed = packed_weights(lowering, source, weights)
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "weights": weights_address(lowering, weights, packed),
        "output": lowering.address(output),
        "batches": batches,
        "input_depth": input_depth,
        "output_depth": output_depth,
    }
    check_weights(operator, lowering, source, weights, bias, channels=output_depth, channel_axis=0)
    if suffix == "f32":
        kernel = "tq_fully_connected_f32"
        fields["bias"] = bias_address(lowering, bias)
        fields |= activation_limits(operator, output)
    else:
        kernel = _quantized(operator, lowering, fields, suffix, output_depth)
    params_type = f"{kernel}_params"
    if packed is not None:
        kernel = kernel.replace("_s8", "_s4")
    return KernelCall(
        kernel,
        params_type,
        fields,
        lowering.reads(source, weights, bias),
        (output.index,),
        macs=batches * input_depth * output_depth,
    )


def _quantized(
    operator: Operator, lowering: Lowering, fields: dict[str, Value], suffix: str, channels: int
) -> str:
    source, weights = lowering.source(operator, 0), lowering.source(operator, 1)
    bias, output = lowering.optional(operator, 2), lowering.output(operator)
    fields |= activation_limits(operator, output)
    if suffix == "s8":
        fields["bias"] = folded_bias(operator, lowering, source, weights, bias)
        fields["output_offset"] = q.zero_point(output)
    else:
        fields["bias"] = bias_address(lowering, bias)
    if weights.quantization is not None and weights.quantization.per_channel:
        fields |= multipliers(
            lowering, source, weights, output, channels=channels, narrow=suffix == "s16"
        )
        return f"tq_fully_connected_per_channel_{suffix}"
    factor = q.quantize_multiplier(q.fully_connected_factor(source, weights, output))
    if suffix == "s8":
        fields |= {"multiplier": factor.value, "shift": factor.shift}
    else:
        narrow = q.narrow_multiplier(factor)
        fields |= {"multiplier": narrow.value, "right_shift": narrow.right_shift}
    return f"tq_fully_connected_{suffix}"
