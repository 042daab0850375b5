"""UNIDIRECTIONAL_SEQUENCE_LSTM, in the variant that TensorFlow Lite Micro has.

That is one with four gates, and without peepholes, projection or layer normalization.
"""

from __future__ import annotations

import math

from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.context import check_shape
from pytest_tinyquant.engine.lowering.weights import check_weights
from pytest_tinyquant.engine.lowering.weights import folded_bias
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


# Gate -> positions of its input weights, recurrent weights and bias among the inputs.
_GATES = {
    "input_gate": (1, 5, 12),
    "forget_gate": (2, 6, 13),
    "cell_gate": (3, 7, 14),
    "output_gate": (4, 8, 15),
}
_VARIANTS = {"peepholes": (9, 10, 11), "a projection": (16, 17), "layer normalization": (20, 23)}
_HIDDEN, _CELL = 18, 19

# Scale of what enters a gate's activation, and of what leaves it.
_ARGUMENT_SCALE = 2.0**-12
_GATE_SCALE = 2.0**-15
_NO_CLIP = 1 << 15


def lstm(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower an LSTM over a sequence; hidden and cell state persist between inferences."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    hidden, cell = lowering.state(operator, _HIDDEN), lowering.state(operator, _CELL)
    suffix = lowering.suffix(operator, source, hidden, output)
    _check_variant(operator, lowering, source, cell)
    sizes = _shape(operator, source, output, hidden, cell)
    fields: dict[str, Value] = {
        "shape": {**sizes},
        "input": lowering.address(source),
        "hidden": lowering.address(hidden),
        "cell": lowering.address(cell),
        "output": lowering.address(output),
    }
    for gate in _GATES:
        fields[gate] = _gate(operator, lowering, gate, suffix=suffix, hidden=hidden, sizes=sizes)
    clip = operator.options["cell_clip"]
    if suffix == "f32":
        fields["cell_clip"] = clip if clip > 0 else q.FLOAT_MAX
    else:
        fields["state"] = _cell(hidden, cell, clip)
    weights = [lowering.source(operator, i) for gate in _GATES.values() for i in gate]
    steps = sizes["batches"] * sizes["time_steps"]
    return KernelCall(
        f"tq_lstm_{suffix}",
        f"tq_lstm_{suffix}_params",
        fields,
        lowering.reads(source, *weights),
        (output.index,),
        macs=4 * steps * sizes["state_depth"] * (sizes["input_depth"] + sizes["state_depth"]),
        updates=(hidden.index, cell.index),
    )


def _check_variant(operator: Operator, lowering: Lowering, source: Tensor, cell: Tensor) -> None:
    for name, positions in _VARIANTS.items():
        if any(lowering.optional(operator, i) is not None for i in positions):
            raise lowering.unsupported(operator, source.dtype, f"it has {name}")
    for position in _GATES["input_gate"]:
        if lowering.optional(operator, position) is None:
            raise lowering.unsupported(operator, source.dtype, "it has no input gate")
    expected = "float32" if source.dtype == "float32" else "int16"
    if cell.dtype != expected:
        raise lowering.unsupported(
            operator, f"{source.dtype} x {cell.dtype}", f"its cell state must be {expected}"
        )
    if operator.options["fused_activation_function"] != "TANH":
        raise lowering.unsupported(operator, source.dtype, "its activation is not TANH")
    if not operator.options["cell_clip"] >= 0:
        raise ModelError(f"its cell clip is {operator.options['cell_clip']:g}")


def _shape(
    operator: Operator, source: Tensor, output: Tensor, hidden: Tensor, cell: Tensor
) -> dict[str, int]:
    if len(source.shape) != 3 or len(hidden.shape) != 2:
        raise ModelError(f"its input has shape {list(source.shape)}, its state {hidden.shape}")
    time_major = operator.options["time_major"]
    batches, time_steps, input_depth = source.shape
    if time_major:
        batches, time_steps = time_steps, batches
    depth = hidden.shape[1]
    check_shape(output, (*source.shape[:2], depth))
    if hidden.elements != batches * depth or cell.elements != batches * depth:
        raise ModelError(f"its states are not {batches} times {depth} values")
    batch, time = (1, batches) if time_major else (time_steps, 1)
    return {
        "batches": batches,
        "time_steps": time_steps,
        "input_depth": input_depth,
        "state_depth": depth,
        "input_batch_stride": batch * input_depth,
        "input_time_stride": time * input_depth,
        "output_batch_stride": batch * depth,
        "output_time_stride": time * depth,
    }


def _gate(
    operator: Operator,
    lowering: Lowering,
    gate: str,
    *,
    suffix: str,
    hidden: Tensor,
    sizes: dict[str, int],
) -> dict[str, Value]:
    source = lowering.source(operator, 0)
    weights, recurrent, bias = (lowering.source(operator, i) for i in _GATES[gate])
    depth = sizes["state_depth"]
    check_shape(weights, (depth, sizes["input_depth"]))
    check_shape(recurrent, (depth, depth))
    check_weights(operator, lowering, source, weights, bias, channels=depth, channel_axis=0)
    check_weights(operator, lowering, source, recurrent, None, channels=depth, channel_axis=0)
    fields: dict[str, Value] = {
        "input_weights": lowering.address(weights),
        "recurrent_weights": lowering.address(recurrent),
    }
    if suffix == "f32":
        return fields | {"bias": lowering.address(bias)}
    if suffix == "s16" and q.zero_point(hidden):
        raise lowering.unsupported(operator, "int16", "int16 tensors need a zero point of 0")
    factors = {"input": _factor(source, weights), "recurrent": _factor(hidden, recurrent)}
    if suffix == "s16":
        fields["input_bias"] = lowering.address(bias)
        for name, factor in factors.items():
            narrow = q.narrow_multiplier(factor)
            fields |= {
                f"{name}_multiplier": narrow.value,
                f"{name}_right_shift": narrow.right_shift,
            }
        return fields
    for name, factor in factors.items():
        fields |= {f"{name}_multiplier": factor.value, f"{name}_shift": factor.shift}
    return fields | {
        "input_bias": folded_bias(operator, lowering, source, weights, bias),
        "recurrent_bias": folded_bias(operator, lowering, hidden, recurrent, None),
    }


def _factor(source: Tensor, weights: Tensor) -> q.Multiplier:
    """Return the factor of a gate's product."""
    return q.quantize_multiplier(q.scale(source) * q.scale(weights) / _ARGUMENT_SCALE)


def _cell(hidden: Tensor, cell: Tensor, clip: float) -> dict[str, Value]:
    """Return the fields of `tq_lstm_cell`."""
    scale = q.scale(cell)
    forget = q.quantize_multiplier(_GATE_SCALE * scale / scale)
    added = q.quantize_multiplier(_GATE_SCALE * _GATE_SCALE / scale)
    shown = q.quantize_multiplier(_GATE_SCALE * _GATE_SCALE / q.scale(hidden))
    # The nearest power of two, which the file's scale should be.
    power = q.round_half_away(math.log2(scale))
    if not -27 <= power <= 3:
        raise ModelError(f"its cell state has the scale {scale:g}")
    multiplier, right_shift = (3, -12 - power) if power < -12 else (3 << (12 + power), 0)
    return {
        "forget_multiplier": forget.value,
        "forget_shift": forget.shift,
        "input_multiplier": added.value,
        "input_shift": added.shift,
        "hidden_multiplier": shown.value,
        "hidden_shift": shown.shift,
        "hidden_offset": q.zero_point(hidden),
        "tanh_multiplier": multiplier,
        "tanh_right_shift": right_shift,
        "clip": min(int(clip / scale), 32767) if clip > 0 else _NO_CLIP,
    }
