"""CONV_2D and DEPTHWISE_CONV_2D."""

from __future__ import annotations

from dataclasses import replace

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.fused_activation import activation_limits
from pytest_tinyquant.engine.lowering.weights import bias_address
from pytest_tinyquant.engine.lowering.weights import check_weights
from pytest_tinyquant.engine.lowering.weights import multipliers
from pytest_tinyquant.engine.lowering.weights import packed_weights
from pytest_tinyquant.engine.lowering.weights import weights_address
from pytest_tinyquant.engine.lowering.weights import zero_point_offsets
from pytest_tinyquant.engine.lowering.window import window
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


def conv_2d(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a convolution: weights [outputs, height, width, inputs]."""
    source, weights = lowering.source(operator, 0), lowering.source(operator, 1)
    output = lowering.output(operator)
    _check_rank(weights)
    channels, height, width, depth = weights.shape
    geometry = _window(operator, lowering, height, width, channels)
    macs = output.elements * height * width * depth
    if depth != source.shape[3]:
        groups = source.shape[3] // depth if depth else 0
        if not groups or source.shape[3] % depth or channels % groups:
            raise ModelError(f"its filters see {depth} of {source.shape[3]} channels")
        return _grouped(operator, lowering, {"window": geometry, "groups": groups}, macs)
    # TensorFlow Lite Micro takes both biases here, and sums in 32 bits when it is int32.
    bias_dtypes = ("int32", "int64") if source.dtype == "int16" else None
    return _layer(
        operator,
        lowering,
        {"window": geometry},
        channels=channels,
        channel_axis=0,
        macs=macs,
        bias_dtypes=bias_dtypes,
    )


def _grouped(
    operator: Operator, lowering: Lowering, fields: dict[str, Value], macs: int
) -> KernelCall:
    """Lower a convolution whose filters see a part of the channels each."""
    weights = lowering.source(operator, 1)
    call = _layer(
        operator, lowering, fields, channels=weights.shape[0], channel_axis=0, macs=macs,
        bias_dtypes=None, may_pack=False,
    )  # fmt: skip
    kernel = call.kernel.replace("tq_conv_2d", "tq_grouped_conv_2d")
    kept = {name: value for name, value in call.fields.items() if name != "scratch"}
    return replace(call, kernel=kernel, params_type=f"{kernel}_params", fields=kept)


def depthwise_conv_2d(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower a depthwise convolution: weights [1, height, width, outputs]."""
    source, weights = lowering.source(operator, 0), lowering.source(operator, 1)
    output = lowering.output(operator)
    _check_rank(weights)
    _, height, width, channels = weights.shape
    geometry = _window(operator, lowering, height, width, channels)
    if not source.shape[3] or channels % source.shape[3]:
        raise ModelError(f"it has {channels} filters for {source.shape[3]} channels")
    fields: dict[str, Value] = {
        "window": geometry,
        "depth_multiplier": channels // source.shape[3],
    }
    return _layer(
        operator,
        lowering,
        fields,
        channels=channels,
        channel_axis=3,
        macs=output.elements * height * width,
        bias_dtypes=None,
    )


def _window(
    operator: Operator, lowering: Lowering, height: int, width: int, channels: int
) -> dict[str, Value]:
    return window(
        operator.options,
        lowering.source(operator, 0),
        lowering.output(operator),
        filter_height=height,
        filter_width=width,
        output_channels=channels,
    )


def _check_rank(weights: Tensor) -> None:
    if len(weights.shape) != 4:
        raise ModelError(f"its weights have shape {list(weights.shape)} instead of four dimensions")


def _layer(
    operator: Operator,
    lowering: Lowering,
    fields: dict[str, Value],
    *,
    channels: int,
    channel_axis: int,
    macs: int,
    bias_dtypes: tuple[str, ...] | None,
    may_pack: bool = True,
) -> KernelCall:
    source, weights = lowering.source(operator, 0), lowering.source(operator, 1)
    bias, output = lowering.optional(operator, 2), lowering.output(operator)
    suffix = lowering.suffix(operator, source, output)
    check_weights(
        operator, lowering, source, weights, bias, channels=channels,
        channel_axis=channel_axis, bias_dtypes=bias_dtypes,
    )  # fmt: skip
    packed = packed_weights(lowering, source, weights) if may_pack else None
    fields = fields | {
        "input": lowering.address(source),
        "weights": weights_address(lowering, weights, packed),
        "bias": bias_address(lowering, bias),
        "output": lowering.address(output),
        "scratch": None,
    }
    in_32_bits = suffix == "s16" and bias is not None and bias.dtype == "int32"
    kernel = f"tq_{operator.op.lower()}_{'acc32_' if in_32_bits else ''}{suffix}"
    if suffix != "f32":
        narrow = suffix == "s16" and not in_32_bits
        fields |= multipliers(lowering, source, weights, output, channels=channels, narrow=narrow)
    fields |= activation_limits(operator, output)
    if suffix == "s8":
        fields |= zero_point_offsets(source, output)
    params_type = f"{kernel}_params"
    if packed is not None:
        kernel = kernel.replace("_s8", "_s4")
    return KernelCall(
        kernel,
        params_type,
        fields,
        lowering.reads(source, weights, bias),
        (output.index,),
        macs=macs,
        # With a multiplier, or over all channels, a pixel's input is read until its last channel.
        trails=lowering.trail(
            source, output, fields["window"], gathers=fields.get("depth_multiplier") == 1
        ),
    )
