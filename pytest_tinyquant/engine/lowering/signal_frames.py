"""Operators that cut sound into frames and put it together again, and remember what they saw."""

from __future__ import annotations

from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.context import check_shape
from pytest_tinyquant.engine.lowering.custom_options import integer
from pytest_tinyquant.engine.lowering.custom_options import named_options
from pytest_tinyquant.engine.lowering.custom_options import ordered_options
from pytest_tinyquant.engine.lowering.signal import add_state
from pytest_tinyquant.engine.lowering.signal import check_elements
from pytest_tinyquant.engine.lowering.signal import check_range
from pytest_tinyquant.engine.lowering.signal import rows_of
from pytest_tinyquant.engine.lowering.signal import tensors_of
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator


_MOST = 1 << 24
_OVERLAP_SUFFIXES = {"int16": "s16", "float32": "f32"}


def delay(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SignalDelay."""
    source, output = tensors_of(operator, lowering, ("int16",), ("int16",))
    length = ordered_options(operator, ("delay_length",))["delay_length"]
    check_shape(output, source.shape)
    rows, size = rows_of(source)
    check_range("delay_length", length, 0, _MOST)
    state = add_state(operator, lowering, "delayed", "int16", rows * length)
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        "state": lowering.address(state),
        "rows": rows,
        "size": size,
        "delay": length,
    }
    return KernelCall(
        "tq_signal_delay",
        "tq_signal_delay_params",
        fields,
        lowering.reads(source),
        (output.index,),
        updates=(state.index,),
    )


def framer(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SignalFramer: frames that overlap."""
    source, output, valid = tensors_of(operator, lowering, ("int16",), ("int16", "bool"))
    options = ordered_options(operator, ("frame_size", "frame_step", "prefill"))
    size = check_range("frame_size", options["frame_size"], 1, _MOST)
    step = check_range("frame_step", options["frame_step"], 1, _MOST)
    rows, row = rows_of(source)
    if row % step:
        raise ModelError(f"{row} inputs are no multiple of its step {step}")
    if options["prefill"] and step > size:
        raise ModelError(f"it fills frames of {size} with zeros before steps of {step}")
    check_elements(output, rows * (row // step) * size)
    check_elements(valid, 1)
    # Without zeros before the first input, frames begin as soon as there are whole steps of input.
    kept = size - step if options["prefill"] else -(-size // step) * step - step
    state = add_state(operator, lowering, "seen", "int16", rows * kept)
    filled = add_state(operator, lowering, "filled", "int32", 1)
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        "valid": lowering.address(valid),
        "state": lowering.address(state),
        "filled": lowering.address(filled),
        "rows": rows,
        "frames": row // step,
        "size": size,
        "step": step,
        "kept": kept,
        "missing": 0 if options["prefill"] else kept,
    }
    return KernelCall(
        "tq_signal_framer",
        "tq_signal_framer_params",
        fields,
        lowering.reads(source),
        (output.index, valid.index),
        updates=(state.index, filled.index),
    )


def stacker(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SignalStacker: several frames as one."""
    source, output, valid = tensors_of(operator, lowering, ("int16",), ("int16", "bool"))
    names = ("num_channels", "stacker_left_context", "stacker_right_context", "stacker_step")
    channels, left, right, step = ordered_options(operator, names).values()
    for name, value, low in zip(names, (channels, left, right, step), (1, 0, 0, 1), strict=True):
        check_range(name, value, low, _MOST)
    frames = left + right + 1
    if step > frames:
        raise ModelError(f"its step of {step} is longer than {frames} frames")
    check_elements(source, channels)
    check_elements(output, channels * frames)
    check_elements(valid, 1)
    state = add_state(operator, lowering, "frames", "int16", channels * frames)
    held = add_state(operator, lowering, "held", "int32", 1)
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        "valid": lowering.address(valid),
        "state": lowering.address(state),
        "held": lowering.address(held),
        "channels": channels,
        "frames": frames,
        "left": left,
        "step": step,
    }
    return KernelCall(
        "tq_signal_stacker",
        "tq_signal_stacker_params",
        fields,
        lowering.reads(source),
        (output.index, valid.index),
        updates=(state.index, held.index),
    )


def overlap_add(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SignalOverlapAdd: the sums of frames that overlap."""
    dtype = lowering.source(operator, 0).dtype
    if dtype not in _OVERLAP_SUFFIXES:
        raise lowering.unsupported(operator, dtype, "it has no kernel for this type")
    source, output = tensors_of(operator, lowering, (dtype,), (dtype,))
    rows, size = rows_of(source)
    step = check_range("frame_step", integer(named_options(operator), "frame_step"), 1, size)
    frames = source.shape[-2] if len(source.shape) > 1 else 1
    check_elements(output, rows * step)
    state = add_state(operator, lowering, "overlap", dtype, rows // frames * size)
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        "state": lowering.address(state),
        "rows": rows // frames,
        "frames": frames,
        "size": size,
        "step": step,
    }
    kernel = f"tq_signal_overlap_add_{_OVERLAP_SUFFIXES[dtype]}"
    return KernelCall(
        kernel,
        "tq_signal_overlap_add_params",
        fields,
        lowering.reads(source),
        (output.index,),
        updates=(state.index,),
    )
