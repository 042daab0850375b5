"""Weights and biases of quantized layers: checks, addresses, requantization factors."""

from __future__ import annotations

import numpy as np

from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.kernel_call import Activation
from pytest_tinyquant.engine.kernel_call import Constant
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


# Types of (weights, bias) that the kernels take with an input type.
_WEIGHTS = {"float32": "float32", "int8": "int8", "int16": "int8"}
_BIASES = {"float32": ("float32",), "int8": ("int32",), "int16": ("int64",)}


def check_weights(
    operator: Operator,
    lowering: Lowering,
    source: Tensor,
    weights: Tensor,
    bias: Tensor | None,
    *,
    channels: int,
    channel_axis: int,
    bias_dtypes: tuple[str, ...] | None = None,
) -> None:
    """Check weights and bias of a layer with `channels` outputs against its input's type."""
    if weights.dtype != _WEIGHTS[source.dtype]:
        raise lowering.unsupported(
            operator,
            f"{source.dtype} x {weights.dtype}",
            f"{source.dtype} inputs need {_WEIGHTS[source.dtype]} weights",
        )
    allowed = bias_dtypes or _BIASES[source.dtype]
    if bias is not None:
        if bias.dtype not in allowed:
            raise lowering.unsupported(
                operator, bias.dtype, f"{source.dtype} inputs need a bias of {' or '.join(allowed)}"
            )
        if bias.elements != channels:
            raise ModelError(f"its bias has {bias.elements} values for {channels} outputs")
    if source.dtype == "float32":
        return
    lowering.values(operator, weights, "weights")
    if bias is not None:
        lowering.values(operator, bias, "bias")
    if weights.quantization is None:
        raise ModelError("its weights have no scale")
    if any(weights.quantization.zero_points):
        raise lowering.unsupported(
            operator, weights.dtype, "its weights have a zero point other than 0"
        )
    if weights.quantization.per_channel and weights.quantization.axis != channel_axis:
        raise lowering.unsupported(
            operator,
            weights.dtype,
            f"its weights are quantized along axis {weights.quantization.axis}, "
            f"not along the output channels ({channel_axis})",
        )
    if source.dtype == "int16" and (
        q.zero_point(source) or q.zero_point(lowering.output(operator))
    ):
        raise lowering.unsupported(operator, "int16", "int16 tensors need a zero point of 0")


def packed_weights(lowering: Lowering, source: Tensor, weights: Tensor) -> bytes | None:
    """Return weights of int4 as they are stored, where there are kernels that read them so.

    Other kernels get them as int8.
    """
    return lowering.packed.get(weights.index) if source.dtype == "int8" else None


def weights_address(lowering: Lowering, weights: Tensor, packed: bytes | None) -> Value:
    """Return where a kernel finds weights, `packed` ones if it reads those."""
    return lowering.address(weights) if packed is None else lowering.blob.add(packed)


def bias_address(lowering: Lowering, bias: Tensor | None) -> Activation | Constant | None:
    """Return the bias, or NULL."""
    return None if bias is None else lowering.address(bias)


def folded_bias(
    operator: Operator, lowering: Lowering, source: Tensor, weights: Tensor, bias: Tensor | None
) -> Constant:
    """Return bias - zero point * row sums of the weights, modulo 2**32."""
    sums = lowering.values(operator, weights, "weights").astype(np.int64).sum(axis=1)
    folded = -q.zero_point(source) * sums
    if bias is not None:
        folded = folded + lowering.values(operator, bias, "bias")
    return lowering.blob.add_array(folded.astype(np.uint32).view(np.int32), "int32")


def factors(
    source: Tensor, weights: Tensor, output: Tensor, *, channels: int
) -> list[q.Multiplier]:
    """Return one factor per output channel; scales multiplied in double."""
    return [
        q.quantize_multiplier(q.scale(source) * channel / q.scale(output))
        for channel in q.channel_scales(weights, channels)
    ]


def row_factors(operator: Operator, lowering: Lowering) -> list[q.Multiplier]:
    """Return the factor of every row of a dense layer, or the only one for all."""
    source, weights = lowering.source(operator, 0), lowering.source(operator, 1)
    output = lowering.output(operator)
    if weights.quantization is not None and weights.quantization.per_channel:
        return factors(source, weights, output, channels=weights.shape[0])
    return [q.quantize_multiplier(q.fully_connected_factor(source, weights, output))]


def multipliers(
    lowering: Lowering,
    source: Tensor,
    weights: Tensor,
    output: Tensor,
    *,
    channels: int,
    narrow: bool,
) -> dict[str, Value]:
    """Return the fields with one factor per output channel."""
    wide = factors(source, weights, output, channels=channels)
    add = lowering.blob.add_array
    if narrow:
        narrowed = [q.narrow_multiplier(factor) for factor in wide]
        return {
            "multipliers": add([n.value for n in narrowed], "int16"),
            "right_shifts": add([n.right_shift for n in narrowed], "int8"),
        }
    return {
        "multipliers": add([f.value for f in wide], "int32"),
        "shifts": add([f.shift for f in wide], "int8"),
    }


def zero_point_offsets(source: Tensor, output: Tensor) -> dict[str, Value]:
    """Return the fields that take the input's zero point away and add the output's."""
    return {"input_offset": -q.zero_point(source), "output_offset": q.zero_point(output)}
