"""TRANSPOSE_CONV."""

from __future__ import annotations

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.fused_activation import activation_limits
from pytest_tinyquant.engine.lowering.weights import bias_address
from pytest_tinyquant.engine.lowering.weights import check_weights
from pytest_tinyquant.engine.lowering.weights import multipliers
from pytest_tinyquant.engine.lowering.weights import zero_point_offsets
from pytest_tinyquant.engine.lowering.window import window
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator


def transpose_conv(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a transposed convolution: weights [outputs, height, width, inputs].

    Its first input, the output's shape, repeats what the output tensor says.
    """
    weights, source = lowering.source(operator, 1), lowering.source(operator, 2)
    bias, output = lowering.optional(operator, 3), lowering.output(operator)
    suffix = lowering.suffix(operator, source, output)
    if len(weights.shape) != 4 or len(source.shape) != 4:
        raise ModelError(
            f"its weights have shape {list(weights.shape)}, its input {list(source.shape)}; "
            "both need four dimensions"
        )
    channels, height, width, depth = weights.shape
    if depth != source.shape[3] or output.shape[3:] != (channels,):
        raise ModelError(f"its weights of shape {list(weights.shape)} do not fit")
    check_weights(operator, lowering, source, weights, bias, channels=channels, channel_axis=0)
    # The convolution from this operator's output to its input.
    geometry = window(
        operator.options, output, source,
        filter_height=height, filter_width=width, output_channels=depth,
    )  # fmt: skip
    fields: dict[str, Value] = {
        "window": geometry,
        "input": lowering.address(source),
        "weights": lowering.address(weights),
        "bias": bias_address(lowering, bias),
        "output": lowering.address(output),
    }
    if suffix != "f32":
        narrow = suffix == "s16"
        fields |= multipliers(lowering, source, weights, output, channels=channels, narrow=narrow)
    fields |= activation_limits(operator, output)
    if suffix == "s8":
        fields |= zero_point_offsets(source, output)
    kernel = f"tq_transpose_conv_{suffix}"
    return KernelCall(
        kernel,
        f"{kernel}_params",
        fields,
        lowering.reads(source, weights, bias),
        (output.index,),
        macs=source.elements * channels * height * width,
    )
